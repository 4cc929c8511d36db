// Main.swift - ipc-tcpd, the daemon between machines: local services for TCP peers, and services of other machines for local clients.

import CDaemon

private let options = [
    Option(name: "listen", argument: "HOST:PORT", isList: true, help: "take TCP peers there; IPv6 as [::1]:9000, port 0 for any"),
    Option(name: "allow", argument: "NAME", isList: true, help: "a local service that TCP peers may reach (default: none)"),
    Option(name: "public", help: "listen also where other machines can reach it"),
]

private func listeners(_ options: Options) throws(Ending) -> [Listener] {
    var listeners = try Listener.inherited()
    for text in options.list("listen") {
        guard let place = HostAndPort([UInt8](UnsafeRawBufferPointer(start: text, count: strlen(text)))) else {
            throw .wrong("--listen \(String(c: text)): not a HOST:PORT")
        }
        let addresses = place.addresses(numeric: false)
        guard !addresses.isEmpty else { throw .failed("--listen \(String(c: text)): no such address") }
        for address in addresses { listeners.append(try Listener.at(address)) }
    }
    try check(listeners, options)
    // The last one to be opened: it leaves a file behind.
    if !listeners.contains(where: { $0.isLocal }) { listeners.insert(try Listener.service("tcp"), at: 0) }
    return listeners
}

private func check(_ listeners: [Listener], _ options: Options) throws(Ending) {
    let (isPublic, hasService) = (options.isGiven("public"), options.isGiven("allow"))
    for listener in listeners where !listener.isLocal {
        var address = cd_address()
        guard cd_address_of(listener.descriptor, 0, &address) != 0 else { throw .failed("\(listener.name) has no address") }
        if cd_is_loopback(&address) == 0, !isPublic { throw .wrong("listening at \(String(address)) needs --public") }
        if !hasService { log(.warning, "\(listener.name): nobody can reach anything, because no service is allowed (--allow)") }
    }
}

@c(main)
func main(_ count: Int32, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    start("ipc-tcpd") { () throws(Ending) in
        let options = try Options("ipc-tcpd", about: "Connects libipc services of different machines by TCP.", options, count, arguments)
        try setLogLevel(options)
        let bridge = Bridge(allowing: options.list("allow"))
        return try serve(bridge, options, try listeners(options)) { $0.watch(bridge.dialled) }
    }
}
