// URI.swift - `tcp://HOST:PORT/SERVICE` and `HOST:PORT`, where an IPv6 address stands in brackets.

import CDaemon

struct HostAndPort {
    let host: [UInt8]
    let port: [UInt8]

    init?(_ text: [UInt8]) {
        guard let colon = text.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        var host = text[..<colon]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(UInt8(ascii: ":")) {
            return nil
        }
        let port = text[(colon + 1)...]
        let isNumber = port.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard (1...255).contains(host.count), (1...5).contains(port.count), isNumber else { return nil }
        self.host = Array(host)
        self.port = Array(port)
    }

    /// Addresses that need no looking up; none for a name.
    func addresses(numeric: Bool = true) -> [cd_address] {
        let room = 8
        return [cd_address](unsafeUninitializedCapacity: room) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            let found = withCText(host) { host in withCText(port) { cd_lookup(host, $0, numeric ? 1 : 0, base, Int32(room)) } }
            count = max(Int(found), 0)
        }
    }
}

struct URI {
    static let longestName = 255

    let place: HostAndPort
    let service: [UInt8]

    init?(_ text: [UInt8]) {
        let scheme: [UInt8] = Array("tcp://".utf8)
        // As in a look-up, a NUL at the end is no part of it.
        let text = text.prefix { $0 != 0 }
        guard text.starts(with: scheme), !text.contains(where: { $0 < 32 || $0 == 127 }) else { return nil }
        let rest = text.dropFirst(scheme.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")), let place = HostAndPort(Array(rest[..<slash])) else { return nil }
        self.place = place
        service = Array(rest[(slash + 1)...])
        guard (1...URI.longestName).contains(service.count) else { return nil }
    }
}
