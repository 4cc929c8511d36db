// OpenRelay.swift - no peer of the network gets on from here to other networks, unless that is asked for.
//
// Two local services lead to wherever their client says: `tcp` (ipc-tcpd) to any host, `network` (ipcd) to any socket and any host. With
// one of them allowed to peers the daemon is an open relay: so that takes `--relay`.

import CDaemon

extension Option {
    static let relay = Option(name: "relay", help: "let --allow name tcp or network, which lead peers on to any host that this one reaches")
}

extension Options {
    /// The names of `--allow`, at the start and when the file is read anew.
    func allowedServices() throws(Ending) -> [[UInt8]] {
        try checkRelays()
        return try serviceNames("allow")
    }

    private func checkRelays() throws(Ending) {
        guard !isGiven("relay") else { return }
        for name in list("allow") where Options.isRelay(bytes(of: name)) {
            throw .wrong("--allow \(String(c: name)) lets peers reach any host that this one reaches; if that is meant, add --relay")
        }
    }

    /// Slashes before, after or in the name make no other file of it.
    private static func isRelay(_ name: [UInt8]) -> Bool {
        let parts = name.split(separator: UInt8(ascii: "/"))
        guard parts.count == 1, let part = parts.first else { return false }
        return part.elementsEqual("tcp".utf8) || part.elementsEqual("network".utf8)
    }
}
