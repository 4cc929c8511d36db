// OriginPolicy.swift - which web pages may talk to the services, and by which names this server may be called (RFC 6455, 10.2).
//
// A browser says with Origin whose page it is that connects; programs say nothing, and are not what this is about. Allowed are the
// origins that were named, and the server's own page: an origin that is what the client calls this server (Host). For that this server
// must be called by an address or localhost: a foreign page whose name its owner points at this machine (DNS rebinding) has an Origin
// that equals Host, too. Behind a proxy with a name, that name's origin is to be allowed.
//
// What such a page only fetches has no Origin: there Host alone decides.

struct OriginPolicy {
    private var allowed: [OriginPattern] = []

    /// - Parameter text: as `--origin` has it.
    mutating func allow(_ text: [UInt8]) throws(OriginMistake) { allowed.append(try OriginPattern(text)) }

    /// Whether a page of this origin may have anything of the server, which is called `host`.
    func allows(origin text: [UInt8], host: Authority?) -> Bool {
        let origin = Origin(text)
        for pattern in allowed where pattern.matches(text, origin) { return true }
        guard let origin, origin.isWeb, let host, host.isOwn else { return false }
        return origin.authority.hasSameHost(as: host) && origin.port(of: origin.authority) == origin.port(of: host)
    }

    /// Whether this server is called by a name that no foreign page can have.
    func allows(host: Authority?) -> Bool {
        guard let host, !host.isOwn else { return true }
        for pattern in allowed where pattern.matches(host: host) { return true }
        return false
    }
}
