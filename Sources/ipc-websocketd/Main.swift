// Main.swift - ipc-websocketd, the daemon that lets web pages talk to local services: WebSocket on one side, libipc on the other.

import CDaemon

private let options = [
    Option(
        name: "listen", argument: "PLACE", isList: true,
        help: "HOST:PORT, IPv6 as [::1]:8080, port 0 for any; or the path of a Unix socket (default 127.0.0.1:8080)"),
    Option(name: "public", help: "listen also where other machines can reach it; TLS is left to a proxy"),
    Option(name: "allow", argument: "NAME", isList: true, isReread: true, help: "a local service that clients may reach (default: none)"),
    Option(
        name: "origin", argument: "ORIGIN", isList: true, isReread: true,
        help: "pages of it may connect: https://example.org, https://*.example.org for one label more, null, or * for any"),
    Option(
        name: "subprotocol", argument: "NAME", isList: true, isReread: true,
        help: "answered to a client that asks for it, which then sends payloads"),
    Option(name: "no-page", isReread: true, help: "answer nothing at /"),
    Option(
        name: "health", argument: "PATH", isReread: true, help: "answer 200 at this path, /health say, for load balancers (default: none)"),
    Option(name: "ping", argument: "SECONDS", help: "between two pings to a client, which keep proxies from ending it (default 25)"),
    Option(name: "pong-time", argument: "SECONDS", help: "in which a ping must be answered (default 20)"),
    Option(name: "max-head", argument: "BYTES", isReread: true, help: "of a request's head, 1024 to 1048576 (default 16384)"),
    Option(name: "no-deflate", help: "offer no compression (permessage-deflate)"),
    Option(
        name: "deflate-contexts", argument: "N",
        help: "connections that keep what they compress with between messages, 80 KB each; further ones compress worse (default 256)"),
    Option(
        name: "max-ratio", argument: "N",
        help: "of a compressed message's size inflated, beyond 64 KiB, to its size as it came (default 1032: any that deflate can have)"),
    .relay, .peerTimeout, .trustedProxy,
]

@c(main)
func main(_ count: Int32, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    start("ipc-websocketd") { () throws(Ending) in
        let about: StaticString = "Lets web pages talk to libipc services of this machine, by WebSocket: ws://HOST/NAME."
        let options = try Options("ipc-websocketd", about: about, options, count, arguments)
        try setLogLevel(options)
        try options.applyPeerTimeout()
        let pingTimes = [try options.milliseconds("ping", default: 25_000), try options.milliseconds("pong-time", default: 20_000)]
        let gateway = Gateway(try Gate(options, offersDeflate: try Compression.set(options)), pingTimes: pingTimes)
        return try serve(gateway, options, try Place.listeners(options, takesPaths: true, otherwise: "127.0.0.1:8080")) { loop in
            Clients.loop = loop
            loop.watch(Parking.writable)
        }
    }
}
