// Main.swift - ipc-websocketd, the daemon that lets web pages talk to local services: WebSocket on one side, libipc on the other.

import CDaemon

private let options = [
    Option(
        name: "listen", argument: "PLACE", isList: true,
        help: "HOST:PORT, IPv6 as [::1]:8080, port 0 for any; or the path of a Unix socket (default 127.0.0.1:8080)"),
    Option(name: "public", help: "listen also where other machines can reach it; TLS is left to a proxy"),
    Option(name: "allow", argument: "NAME", isList: true, help: "a local service that clients may reach (default: none)"),
    Option(
        name: "origin", argument: "ORIGIN", isList: true,
        help: "pages of it may connect: https://example.org, https://*.example.org for one label more, null, or * for any"),
    Option(name: "subprotocol", argument: "NAME", isList: true, help: "answered to a client that asks for it, which then sends payloads"),
    Option(name: "no-page", help: "answer nothing at /"),
    Option(name: "health", argument: "PATH", help: "answer 200 at this path, /health say, for load balancers (default: none)"),
    Option(name: "ping", argument: "SECONDS", help: "between two pings to a client, which keep proxies from ending it (default 25)"),
    Option(name: "pong-time", argument: "SECONDS", help: "in which a ping must be answered (default 20)"),
    Option(name: "max-head", argument: "BYTES", help: "of a request's head, 1024 to 1048576 (default 16384)"),
]

private func gate(_ options: Options) throws(Ending) -> Gate {
    var gate = Gate()
    gate.hasPage = !options.isGiven("no-page")
    gate.services = options.list("allow").map { bytes(of: $0) }
    for text in options.list("origin") {
        do throws(OriginMistake) { try gate.origins.allow(bytes(of: text)) } catch {
            let advice = error.proposal.isEmpty ? "" : "; write \(String(bytes: error.proposal))"
            throw .wrong("--origin \(String(c: text)): \(error.reason)\(advice)")
        }
    }
    gate.subprotocols = try options.list("subprotocol").map { text throws(Ending) in try subprotocol(text) }
    gate.health = try options.text("health").map { text throws(Ending) in try health(text, gate) }
    if gate.services.isEmpty { log(.warning, "nobody can reach anything: no service is allowed (--allow)") }
    return gate
}

/// The name of a subprotocol is a token (RFC 6455, 4.1).
private func subprotocol(_ text: CText) throws(Ending) -> [UInt8] {
    let name = bytes(of: text)
    guard !name.isEmpty, name.allSatisfy({ $0.isTokenCharacter }) else {
        throw .wrong("--subprotocol \(String(c: text)): no name of a subprotocol; give --subprotocol once for each")
    }
    guard !name.isEqual(to: Form.frameProtocol) else {
        throw .wrong("--subprotocol \(Form.frameProtocol): it is always known; leave it out")
    }
    return name
}

private func health(_ text: CText, _ gate: Gate) throws(Ending) -> [UInt8] {
    let path = bytes(of: text)
    let isPath = path.first == UInt8(ascii: "/") && path.allSatisfy { $0 > 32 && $0 < 127 }
    guard isPath, !path.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") || $0 == UInt8(ascii: "%") }) else {
        throw .wrong("--health \(String(c: text)): not the path of a URL without a query; write /health")
    }
    guard path.count > 1 || !gate.hasPage else { throw .wrong("--health /: the page is there; write /health, or --no-page too") }
    guard !gate.services.contains(Array(path.dropFirst())) else { throw .wrong("--health \(String(c: text)): a service has this path") }
    return path
}

@c(main)
func main(_ count: Int32, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    start("ipc-websocketd") { () throws(Ending) in
        let about: StaticString = "Lets web pages talk to libipc services of this machine, by WebSocket: ws://HOST/NAME."
        let options = try Options("ipc-websocketd", about: about, options, count, arguments)
        try setLogLevel(options)
        let gateway = Gateway(
            try gate(options), headLimit: try options.number("max-head", default: 16_384, in: 1024...1_048_576),
            pingTimes: [try options.milliseconds("ping", default: 25_000), try options.milliseconds("pong-time", default: 20_000)])
        return try serve(gateway, options, try Place.listeners(options, takesPaths: true, otherwise: "127.0.0.1:8080")) { loop in
            Clients.loop = loop
            loop.watch(Parking.writable)
        }
    }
}
