// DeflateParameters.swift - permessage-deflate as a client and this server agree on it (RFC 7692, 7.1).

struct DeflateParameters: Equatable {
    /// Of this server's compressor: 4 KiB. With 32 KiB messages become 1 % smaller, and a compressor takes 144 KiB more (zconf.h).
    static let mostServerBits = 12
    /// Of a client that lets itself be told: the inflater's window is 4 KiB then, and not 32.
    static let mostClientBits = 12
    /// zlib has no smaller window for data without a header. An offer that wants 8 is declined.
    static let leastServerBits = 9
    static let name: StaticString = "permessage-deflate"

    /// A side keeps its context: a message may refer to the ones before it. Else each starts anew, and needs no memory in between.
    var serverKeepsContext = true
    var clientKeepsContext = true
    /// What each side looks back at is 2^bits bytes.
    var serverBits = mostServerBits
    var clientBits = 15
    /// Told to the client only when it has asked.
    private var namesServerBits = false
    private var namesClientBits = false

    /// The first offer that can be accepted (7.1), if there is one.
    /// - Parameter keepsContexts: there is memory for contexts of this connection.
    static func accept(_ offers: [ExtensionOffer], keepsContexts: Bool) -> DeflateParameters? {
        for offer in offers where offer.name.isEqualIgnoringCase(to: name) {
            guard var parameters = DeflateParameters(offer) else { continue }
            if !keepsContexts { (parameters.serverKeepsContext, parameters.clientKeepsContext) = (false, false) }
            return parameters
        }
        return nil
    }

    /// nil: the offer is to be declined, because a parameter is unknown, there twice, or has a value that it cannot have (7.1).
    private init?(_ offer: ExtensionOffer) {
        for (index, parameter) in offer.parameters.enumerated() {
            let isRepeated = offer.parameters[..<index].contains { $0.name.lowercased == parameter.name.lowercased }
            guard !isRepeated, take(parameter) else { return nil }
        }
    }

    private mutating func take(_ parameter: ExtensionOffer.Parameter) -> Bool {
        let name = parameter.name
        if name.isEqualIgnoringCase(to: "server_no_context_takeover") {
            serverKeepsContext = false
            return parameter.value == nil
        }
        if name.isEqualIgnoringCase(to: "client_no_context_takeover") {
            clientKeepsContext = false
            return parameter.value == nil
        }
        if name.isEqualIgnoringCase(to: "server_max_window_bits") {
            guard let value = parameter.value, let bits = DeflateParameters.bits(value) else { return false }
            (serverBits, namesServerBits) = (min(bits, serverBits), true)
            return bits >= DeflateParameters.leastServerBits
        }
        if name.isEqualIgnoringCase(to: "client_max_window_bits") {
            // Without a value: the client does what it is told (7.1.2.2).
            let bits = parameter.value.map { DeflateParameters.bits($0) } ?? 15
            guard let bits else { return false }
            (clientBits, namesClientBits) = (min(bits, DeflateParameters.mostClientBits), true)
            return true
        }
        return false
    }

    /// 8 to 15, without leading zeros (7.1.2).
    private static func bits(_ text: [UInt8]) -> Int? {
        if text.count == 1, let digit = text.first, digit == UInt8(ascii: "8") || digit == UInt8(ascii: "9") {
            return Int(digit - UInt8(ascii: "0"))
        }
        guard text.count == 2, text[0] == UInt8(ascii: "1"), (UInt8(ascii: "0")...UInt8(ascii: "5")).contains(text[1]) else { return nil }
        return 10 + Int(text[1] - UInt8(ascii: "0"))
    }

    /// The value of Sec-WebSocket-Extensions in the answer.
    var answer: [UInt8] {
        var bytes = [UInt8](DeflateParameters.name.bytes)
        func add(_ name: StaticString, _ bits: Int? = nil) {
            bytes += ("; " as StaticString).bytes
            bytes += name.bytes
            if let bits { bytes += [UInt8(ascii: "=")] + (bits < 10 ? [] : [UInt8(ascii: "1")]) + [UInt8(ascii: "0") + UInt8(bits % 10)] }
        }
        if !serverKeepsContext { add("server_no_context_takeover") }
        if !clientKeepsContext { add("client_no_context_takeover") }
        if namesServerBits { add("server_max_window_bits", serverBits) }
        if namesClientBits { add("client_max_window_bits", clientBits) }
        return bytes
    }
}
