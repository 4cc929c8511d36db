// Main.swift - ipc-websocketd, the daemon that lets web pages talk to local services: WebSocket on one side, libipc on the other.

import CDaemon

private let options = [
    Option(
        name: "listen", argument: "PLACE", isList: true,
        help: "HOST:PORT, IPv6 as [::1]:8080, port 0 for any; or the path of a Unix socket (default 127.0.0.1:8080)"),
    Option(name: "public", help: "listen also where other machines can reach it; TLS is left to a proxy"),
    Option(name: "allow", argument: "NAME", isList: true, help: "a local service that clients may reach (default: none)"),
    Option(name: "origin", argument: "ORIGIN", isList: true, help: "pages of it may connect, https://example.org say, or * for any"),
    Option(name: "no-page", help: "answer nothing at /"),
    Option(name: "no-deflate", help: "offer no compression (permessage-deflate)"),
    Option(
        name: "deflate-contexts", argument: "N",
        help: "connections that keep what they compress with between messages, 80 KB each; further ones compress worse (default 256)"),
    Option(
        name: "max-ratio", argument: "N",
        help: "of a compressed message's size inflated, beyond 64 KiB, to its size as it came (default 1032: any that deflate can have)"),
]

private func gate(_ options: Options) throws(Ending) -> Gate {
    var gate = Gate()
    gate.hasPage = !options.isGiven("no-page")
    gate.offersDeflate = try Compression.set(options)
    gate.services = options.list("allow").map { bytes(of: $0) }
    gate.origins.allowed = options.list("origin").map { bytes(of: $0) }
    for origin in gate.origins.allowed where !OriginPolicy.isOrigin(origin) {
        throw .wrong("--origin \(String(bytes: origin)): neither SCHEME://HOST, with a port or without, nor *")
    }
    if gate.services.isEmpty { log(.warning, "nobody can reach anything: no service is allowed (--allow)") }
    return gate
}

@c(main)
func main(_ count: Int32, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    start("ipc-websocketd") { () throws(Ending) in
        let about: StaticString = "Lets web pages talk to libipc services of this machine, by WebSocket: ws://HOST/NAME."
        let options = try Options("ipc-websocketd", about: about, options, count, arguments)
        try setLogLevel(options)
        let gateway = Gateway(try gate(options))
        return try serve(gateway, options, try Place.listeners(options, takesPaths: true, otherwise: "127.0.0.1:8080")) { loop in
            Clients.loop = loop
            loop.watch(Parking.writable)
        }
    }
}
