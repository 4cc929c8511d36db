// OriginPolicy.swift - which web pages may talk to the services (RFC 6455, 10.2).
//
// A browser says with Origin whose page it is that connects; programs say nothing, and are not what this is about. Allowed are the
// origins that were named, and the server's own page: an origin that is what the client calls this server (Host). For that this server
// must be called by an address or localhost: a foreign page whose name its owner points at this machine (DNS rebinding) has an Origin
// that equals Host, too. Behind a proxy with a name, that name's origin is to be allowed.

struct OriginPolicy {
    /// As given: `https://example.org`, or `*` for any.
    var allowed: [[UInt8]] = []

    func allows(_ origin: [UInt8]?, host: [UInt8]?) -> Bool {
        guard let origin else { return true }
        let lowercased = origin.lowercased
        if allowed.contains(where: { $0.isEqual(to: "*") || $0.lowercased == lowercased }) { return true }
        guard let host, let authority = OriginPolicy.authority(of: lowercased) else { return false }
        return authority == host.lowercased && OriginPolicy.isUnmistakable(authority)
    }

    /// Whether this can be what a browser says, or is `*`: a path behind the host would never be equal to anything.
    static func isOrigin(_ text: [UInt8]) -> Bool {
        if text.isEqual(to: "*") { return true }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), text[colon...].prefix(3).isEqual(to: "://") else { return false }
        let host = text[(colon + 3)...]
        return colon > 0 && !host.isEmpty && !host.contains { $0 == UInt8(ascii: "/") || $0 <= 32 }
    }

    /// What stands behind the scheme, without the port that goes without saying.
    private static func authority(of origin: [UInt8]) -> [UInt8]? {
        let schemes: [StaticString] = ["http://", "https://"]
        for scheme in schemes where origin.prefix(scheme.utf8CodeUnitCount).isEqual(to: scheme) {
            return Array(origin.dropFirst(scheme.utf8CodeUnitCount))
        }
        return nil
    }

    /// An address, or this machine's own name for itself: nobody else can give these to us.
    private static func isUnmistakable(_ authority: [UInt8]) -> Bool {
        if authority.first == UInt8(ascii: "[") { return authority.contains(UInt8(ascii: "]")) }
        let name = authority.prefix { $0 != UInt8(ascii: ":") }
        if name.isEqual(to: "localhost") || name.suffix(10).isEqual(to: ".localhost") { return true }
        let parts = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy { $0.isDigit } }
    }
}
