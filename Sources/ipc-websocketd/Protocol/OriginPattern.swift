// OriginPattern.swift - what `--origin` takes. A browser sends an origin in one form (RFC 6454, 6.2; the URL standard's host parser):
// what can never be equal to that is refused, with what to write instead. A port that goes without saying is dropped.

enum OriginPattern {
    case any
    /// Of files, and of frames in a sandbox.
    case null
    case origin(Origin)
    /// One label, then this host.
    case subdomain(of: Origin)

    init(_ text: [UInt8]) throws(OriginMistake) {
        let text = text.lowercased
        if text.isEqual(to: "*") {
            self = .any
        } else if text.isEqual(to: "null") {
            self = .null
        } else {
            self = try OriginPattern.read(text)
        }
    }

    // MARK: Matching

    /// - Parameter origin: the text's, if it is one.
    func matches(_ text: [UInt8], _ origin: Origin?) -> Bool {
        switch self {
        case .any: return true
        case .null: return text.isEqual(to: "null")
        case .origin(let allowed), .subdomain(of: let allowed):
            guard let origin else { return false }
            return origin.hasSameSchemeAndPort(as: allowed) && isHost(origin.authority)
        }
    }

    /// Whether the host is that of a web page that is allowed.
    func matches(host: Authority) -> Bool {
        switch self {
        case .any: return true
        case .null: return false
        // A host behind another scheme (chrome-extension://) is no name of a machine.
        case .origin(let allowed), .subdomain(of: let allowed): return allowed.isWeb && isHost(host)
        }
    }

    private func isHost(_ host: Authority) -> Bool {
        switch self {
        case .any: return true
        case .null: return false
        case .origin(let allowed): return allowed.authority.hasSameHost(as: host)
        case .subdomain(of: let parent):
            let parent = parent.authority.host
            guard host.kind == .name, host.host.count > parent.count + 1, host.host.suffix(parent.count) == parent[...] else {
                return false
            }
            let label = host.host.dropLast(parent.count)
            return label.firstIndex(of: UInt8(ascii: ".")) == label.endIndex - 1
        }
    }

    // MARK: Reading, from small letters

    private static func read(_ text: [UInt8]) throws(OriginMistake) -> OriginPattern {
        guard !text.isEmpty else { throw OriginMistake("it is empty", "https://example.org" as StaticString) }
        guard let (scheme, rest) = Origin.split(text) else {
            guard text.isHostLike else { throw OriginMistake("it is no SCHEME://HOST", "https://example.org" as StaticString) }
            throw OriginMistake("it has no scheme", ("https://" as StaticString).bytes + text)
        }
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        if scheme.isEqual(to: "file") { throw OriginMistake("the origin of files is null", "null" as StaticString) }
        if scheme.isEqual(to: "ws") || scheme.isEqual(to: "wss") {
            let web: StaticString = scheme.count == 2 ? "http://" : "https://"
            throw OriginMistake("an origin is that of the page, not of the socket", web.bytes + authority)
        }
        let prefix = Array(scheme) + ("://" as StaticString).bytes
        if authority.count < rest.count { throw OriginMistake("an origin ends with its host or port", prefix + authority) }
        if let at = authority.lastIndex(of: UInt8(ascii: "@")) {
            throw OriginMistake("an origin has no user", prefix + authority[(at + 1)...])
        }
        if authority.contains(where: { $0 >= 0x80 }) {
            throw OriginMistake("browsers send this host in punycode", Punycode.host(Array(authority)).map { prefix + $0 } ?? [])
        }
        let isWildcard = authority.prefix(2).isEqual(to: "*.")
        let host = isWildcard ? authority.dropFirst(2) : authority
        if host.contains(UInt8(ascii: "*")) {
            throw OriginMistake("* stands for all, or for one whole label in front", prefix + ("*.example.org" as StaticString).bytes)
        }
        guard let origin = Origin(prefix + host) else { throw OriginMistake("it has no HOST or HOST:PORT behind ://") }
        try check(origin, isWildcard)
        return isWildcard ? .subdomain(of: origin) : .origin(origin)
    }

    /// What a browser would not write so.
    private static func check(_ origin: Origin, _ isWildcard: Bool) throws(OriginMistake) {
        let authority = origin.authority
        if authority.port == 0 { throw OriginMistake("no page comes from port 0") }
        guard authority.kind == .name else {
            if isWildcard { throw OriginMistake("an address has no labels") }
            return
        }
        var labels = authority.host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        // `example.org.` is a host of its own.
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        guard labels.allSatisfy({ (1...63).contains($0.count) }), authority.host.count <= 254 else {
            throw OriginMistake("a label of its host is empty or too long")
        }
        guard authority.host.allSatisfy({ $0.isLabelCharacter || $0 == UInt8(ascii: ".") }) else {
            throw OriginMistake("a host has letters, digits, - and _ between its dots; give --origin once for each")
        }
        if let last = labels.last, last.allSatisfy({ $0.isDigit }) || last.prefix(2).isEqual(to: "0x") {
            throw OriginMistake("browsers send an IPv4 address as four decimal numbers", "http://127.0.0.1" as StaticString)
        }
    }
}

/// Why a value of `--origin` matches nothing, and what to write.
struct OriginMistake: Error {
    let reason: StaticString
    /// Empty where nothing can be proposed.
    let proposal: [UInt8]

    init(_ reason: StaticString, _ proposal: some Collection<UInt8> = []) { (self.reason, self.proposal) = (reason, Array(proposal)) }
    init(_ reason: StaticString, _ proposal: StaticString) { self.init(reason, proposal.bytes) }
}

extension [UInt8] {
    /// `example.org`, `localhost:8080`: a host that lacks its scheme.
    fileprivate var isHostLike: Bool { allSatisfy { $0.isLabelCharacter || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") } }
}

extension UInt8 {
    fileprivate var isLabelCharacter: Bool { isAlphanumeric || self == UInt8(ascii: "-") || self == UInt8(ascii: "_") }
}
