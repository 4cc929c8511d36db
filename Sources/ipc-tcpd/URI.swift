// URI.swift - `tcp://HOST:PORT/SERVICE`.

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
