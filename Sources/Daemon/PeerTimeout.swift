// PeerTimeout.swift - how long a TCP peer may acknowledge nothing: its machine or the network between is gone, and no packet says so.

import CDaemon

extension Option {
    static let peerTimeout = Option(
        name: "peer-timeout", argument: "SECONDS",
        help: "in which a TCP peer that vanished, or takes no data, is given up (default 60)")
}

extension Options {
    /// For all sockets that are tuned from now on.
    func applyPeerTimeout() throws(Ending) { cd_set_peer_timeout(Int32(clamping: try milliseconds("peer-timeout", default: 60_000))) }
}
