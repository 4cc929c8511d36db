// Origin.swift - whose page it is, as a browser says it (RFC 6454, 6.2): `https://example.org`, with a port that is not the scheme's own.

struct Origin {
    let scheme: [UInt8]
    let authority: Authority

    /// nil: the text is not `scheme "://" host [ ":" port ]`.
    init?(_ text: [UInt8]) {
        guard let parts = Origin.split(text), let authority = Authority(parts.rest) else { return nil }
        (scheme, self.authority) = (parts.scheme.lowercased, authority)
    }

    /// What stands before and behind `://`.
    static func split(_ text: [UInt8]) -> (scheme: ArraySlice<UInt8>, rest: ArraySlice<UInt8>)? {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), text[colon...].prefix(3).isEqual(to: "://"), let first = text.first,
            first.isAlphanumeric, !first.isDigit, text[..<colon].allSatisfy({ $0.isAlphanumeric || isSchemeMark($0) })
        else { return nil }
        return (text[..<colon], text[(colon + 3)...])
    }

    private static func isSchemeMark(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    /// Of a scheme; nil where there is none.
    var defaultPort: UInt16? { scheme.isEqual(to: "http") ? 80 : scheme.isEqual(to: "https") ? 443 : nil }

    var isWeb: Bool { defaultPort != nil }

    /// The port of this scheme at `authority`.
    func port(of authority: Authority) -> UInt16? { authority.port ?? defaultPort }

    func hasSameSchemeAndPort(as other: Origin) -> Bool {
        scheme == other.scheme && port(of: authority) == other.port(of: other.authority)
    }
}
