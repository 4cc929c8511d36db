// Main.swift - ipcd, the daemon that looks services up: finds the route, opens the connection, passes it to the client.

import CDaemon

private func listeners() throws(Ending) -> [Listener] {
    let given = try Listener.inherited()
    for listener in given where !listener.isLocal { throw .failed("\(listener.name) is no Unix socket") }
    return given.isEmpty ? [try Listener.service("network")] : given
}

@c(main)
func main(_ count: Int32, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    start("ipcd") { () throws(Ending) in
        let options = try Options(
            "ipcd", about: "Answers the look-ups of libipc's clients: the service `network` of this machine.", [], count, arguments)
        try setLogLevel(options)
        return try serve(Network(), options, try listeners())
    }
}
