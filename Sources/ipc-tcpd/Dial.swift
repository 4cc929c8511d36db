// Dial.swift - the addresses of a host, in the order in which they are tried, and the sockets that connect to them at the same time.
//
// RFC 8305 ("happy eyeballs"): the families of addresses alternate (cd_lookup_in_child), the next address is tried after 250 ms or as
// soon as one has failed, and the first that answers wins.

import CDaemon

final class Dial {
    let uri: URI
    private let addresses: [cd_address]
    private var index = 0
    private var sockets: [(socket: Int32, address: cd_address)] = []
    /// Why the last one that failed did.
    var reason = "no address"

    init(_ uri: URI, _ addresses: [cd_address]) { (self.uri, self.addresses) = (uri, addresses) }

    var next: cd_address? { index < addresses.count ? addresses[index] : nil }
    func take() { index += 1 }

    func note(_ socket: Int32, _ address: cd_address) {
        // The number may have been that of one that failed.
        sockets.removeAll { $0.socket == socket }
        sockets.append((socket, address))
    }

    func address(of socket: Int32) -> cd_address? { sockets.first { $0.socket == socket }?.address }
}
