// RequestHead.swift - the head of an HTTP/1.1 request (RFC 9112), read strictly: where two readers could see two requests, there is none.
//
// Of the fields only those are kept that decide something here.

struct RequestHead {
    enum Method { case get, head, options, other }

    private static let mostFields = 64

    private(set) var method = Method.other
    /// Without the query, decoded; empty for a method that is not known, and for `OPTIONS *`.
    private(set) var path: [UInt8] = []
    private(set) var isVersion11 = true
    private(set) var hasBody = false

    /// Whom the client calls: the target's authority, else Host (RFC 9112, 3.2.2).
    private(set) var authority: Authority?
    private var host: [UInt8]?
    private(set) var origin: [UInt8]?
    private(set) var key: [UInt8]?
    private(set) var version: [UInt8]?
    private(set) var protocols: [[UInt8]] = []
    /// The values of all Sec-WebSocket-Extensions, as one list with commas.
    private(set) var extensions: [UInt8] = []
    /// The values of all X-Forwarded-For, the nearest proxy's word last.
    private(set) var forwardedFor: [[UInt8]] = []
    private(set) var asksForWebSocket = false
    private(set) var asksForUpgrade = false
    private var connectionHasUpgrade = false

    /// - Parameter bytes: to the empty line, as `HeadBuffer` has checked them.
    init(_ bytes: [UInt8]) throws(Status) {
        let lines = bytes.split(separator: 10).map { $0.dropLast() }
        guard let first = lines.first, lines.count - 2 <= RequestHead.mostFields else { throw .headTooLarge }
        try readLine(first)
        for line in lines.dropFirst() where !line.isEmpty { try readField(line) }
        asksForUpgrade = asksForWebSocket && connectionHasUpgrade
        // A request of HTTP/1.1 without Host is none (RFC 9112, 3.2).
        guard host != nil || !isVersion11 else { throw .badRequest }
        if let host {
            guard let named = Authority(host) else { throw .badRequest }
            if authority == nil { authority = named }
        }
    }

    // MARK: The request line (RFC 9112, 3)

    private mutating func readLine(_ line: ArraySlice<UInt8>) throws(Status) {
        let words = line.split(separator: 32, omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, words[0].allSatisfy({ $0.isTokenCharacter }) else { throw .badRequest }
        try readVersion(words[2])
        method = RequestHead.method(words[0])
        // The authority that CONNECT names has no path; other methods are refused before it is asked for.
        if method == .other || method == .options && words[1].isEqual(to: "*") { return }
        try readTarget(words[1])
    }

    private static func method(_ word: ArraySlice<UInt8>) -> Method {
        if word.isEqual(to: "GET") { return .get }
        if word.isEqual(to: "HEAD") { return .head }
        return word.isEqual(to: "OPTIONS") ? .options : .other
    }

    private mutating func readVersion(_ word: ArraySlice<UInt8>) throws(Status) {
        let digits = word.suffix(3)
        guard word.count == 8, word.prefix(5).isEqual(to: "HTTP/"), let major = digits.first, let minor = digits.last, major.isDigit,
            minor.isDigit, digits[digits.startIndex + 1] == UInt8(ascii: ".")
        else { throw .badRequest }
        guard major == UInt8(ascii: "1") else { throw .versionNotSupported }
        isVersion11 = minor != UInt8(ascii: "0")
    }

    /// A target in origin-form or absolute-form (RFC 9112, 3.2). Its query is read by nobody; a blank or a control character in it would
    /// make two requests of one to a reader that is less strict.
    private mutating func readTarget(_ target: ArraySlice<UInt8>) throws(Status) {
        guard target.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") }) else { throw .badRequest }
        var rest = target
        let schemes: [StaticString] = ["http://", "https://", "ws://", "wss://"]
        for scheme in schemes where rest.prefix(scheme.utf8CodeUnitCount).isEqualIgnoringCase(to: scheme) {
            rest = rest.dropFirst(scheme.utf8CodeUnitCount)
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            guard let named = Authority(rest[..<end]) else { throw .badRequest }
            (authority, rest) = (named, rest[end...])
            if rest.first != UInt8(ascii: "/") {
                path = [UInt8(ascii: "/")]
                return
            }
            break
        }
        guard rest.first == UInt8(ascii: "/") else { throw .badRequest }
        path = try RequestHead.decode(rest.prefix { $0 != UInt8(ascii: "?") })
    }

    /// Decodes `%41` (RFC 3986, 2.1). No byte below a blank is in a name.
    private static func decode(_ text: ArraySlice<UInt8>) throws(Status) -> [UInt8] {
        var (decoded, index) = ([UInt8](), text.startIndex)
        while index < text.endIndex {
            var byte = text[index]
            index += 1
            if byte == UInt8(ascii: "%") {
                guard index + 2 <= text.endIndex, let high = text[index].hexadecimalDigit, let low = text[index + 1].hexadecimalDigit
                else { throw .badRequest }
                byte = high << 4 | low
                index += 2
                guard byte >= 32, byte != 127 else { throw .badRequest }
            }
            decoded.append(byte)
        }
        return decoded
    }

    // MARK: Fields (RFC 9112, 5; RFC 6455, 4.2.1)

    private mutating func readField(_ line: ArraySlice<UInt8>) throws(Status) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw .badRequest }
        let name = line[..<colon]
        // No blank before the colon, and no line that continues the last one: both have fooled proxies.
        guard !name.isEmpty, name.allSatisfy({ $0.isTokenCharacter }) else { throw .badRequest }
        let value = line[(colon + 1)...].trimmed
        if name.isEqualIgnoringCase(to: "host") { return try keepOnce(value, &host) }
        if name.isEqualIgnoringCase(to: "origin") { return try keepOnce(value, &origin) }
        if name.isEqualIgnoringCase(to: "sec-websocket-key") { return try keepOnce(value, &key) }
        if name.isEqualIgnoringCase(to: "sec-websocket-version") { return try keepOnce(value, &version) }
        if name.isEqualIgnoringCase(to: "sec-websocket-protocol") { return try readProtocols(value) }
        if name.isEqualIgnoringCase(to: "x-forwarded-for") { return forwardedFor += value.listElements.map { Array($0) } }
        if name.isEqualIgnoringCase(to: "sec-websocket-extensions") { return extensions += value + [UInt8(ascii: ",")] }
        if name.isEqualIgnoringCase(to: "upgrade") {
            asksForWebSocket = asksForWebSocket || value.listElements.contains { $0.isEqualIgnoringCase(to: "websocket") }
        } else if name.isEqualIgnoringCase(to: "connection") {
            connectionHasUpgrade = connectionHasUpgrade || value.listElements.contains { $0.isEqualIgnoringCase(to: "upgrade") }
        } else if name.isEqualIgnoringCase(to: "transfer-encoding") {
            hasBody = true
        } else if name.isEqualIgnoringCase(to: "content-length") {
            guard !value.isEmpty, value.allSatisfy({ $0.isDigit }) else { throw .badRequest }
            hasBody = hasBody || value.contains { $0 != UInt8(ascii: "0") }
        }
    }

    private func keepOnce(_ value: ArraySlice<UInt8>, _ place: inout [UInt8]?) throws(Status) {
        guard place == nil else { throw .badRequest }
        place = Array(value)
    }

    private mutating func readProtocols(_ value: ArraySlice<UInt8>) throws(Status) {
        for element in value.listElements {
            guard element.allSatisfy({ $0.isTokenCharacter }) else { throw .badRequest }
            protocols.append(Array(element))
        }
    }
}
