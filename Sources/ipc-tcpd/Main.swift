// Main.swift - ipc-tcpd, the daemon between machines: local services for TCP peers, and services of other machines for local clients.

import CDaemon

private let options = [
    Option(name: "listen", argument: "HOST:PORT", isList: true, help: "take TCP peers there; IPv6 as [::1]:9000, port 0 for any"),
    Option(name: "allow", argument: "NAME", isList: true, isReread: true, help: "a local service that TCP peers may reach (default: none)"),
    .relay,
    Option(name: "public", help: "listen also where other machines can reach it"),
    Option(
        name: "half-closed-time", argument: "SECONDS", isReread: true,
        help: "when one end has stopped writing, and nothing comes from the other (default 10)"),
    .peerTimeout, .trustedProxy,
]

private func listeners(_ options: Options) throws(Ending) -> [Listener] {
    var listeners = try Place.listeners(options)
    if !options.isGiven("allow"), let far = listeners.first(where: { !$0.isLocal }) {
        log(.warning, "\(far.name): nobody can reach anything, because no service is allowed (--allow)")
    }
    // The last one to be opened: it leaves a file behind.
    if !listeners.contains(where: { $0.isLocal }) { listeners.insert(try Listener.service("tcp"), at: 0) }
    return listeners
}

@c(main)
func main(_ count: Int32, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    start("ipc-tcpd") { () throws(Ending) in
        let options = try Options("ipc-tcpd", about: "Connects libipc services of different machines by TCP.", options, count, arguments)
        try setLogLevel(options)
        try options.applyPeerTimeout()
        let bridge = Bridge(allowing: try options.allowedServices())
        return try serve(bridge, options, try listeners(options)) { loop in
            loop.watch(bridge.dialled)
            loop.watch(bridge.relay.set)
        }
    }
}
