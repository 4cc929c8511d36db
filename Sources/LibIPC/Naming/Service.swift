// Service.swift - finds the socket of a service by the service's name, to listen or to connect.
//
// Folder: Naming. Uses: Base, Wire, IO, Stream.

enum Service {
    /// `$IPC_RUNDIR/name`, or `/run/ipc//name`. Refuses an empty name, and one with the component `.` or `..`.
    static func address(of name: UnsafePointer<CChar>) throws(IPCError) -> SocketAddress {
        let code = IPC_ERROR_SERVICE_PATH__INVALID_NAME
        try check(name[0] != 0, code, "a service needs a name")
        var component = name
        while true {
            let length = strcspn(component, "/")
            let isDots = (1...2).contains(length) && strspn(component, ".") == length
            try check(!isDots, code, "a . or .. in the name of the service \(name)")
            if component[length] == 0 { break }
            component += length + 1
        }
        return try SocketAddress(in: libipc_run_directory() ?? libipc_default_directory(), name, code)
    }

    /// Listens as the service `name`. The caller frees `socketPath`.
    static func listen(as name: UnsafePointer<CChar>) throws(IPCError) -> (descriptor: Int32, socketPath: UnsafeMutablePointer<CChar>) {
        let address = try address(of: name)
        try address.withPath { path throws(IPCError) in try Directory.prepare(for: path) }
        guard let path = address.withPath({ strdup($0) }) else {
            throw IPCError(IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY, "listen at \(address)", systemError: ENOMEM)
        }
        return (try undoing(free(path), try Socket.listen(at: address)), path)
    }

    /// Connects to the service through its route in IPC_NETWORK. Without a route, or when the network daemon cannot help and the
    /// route is not strict, connects to the service of this machine.
    /// - Parameter milliseconds: how long each step may wait, look-up and connecting; nil: the default of each.
    static func connect(to name: UnsafePointer<CChar>, within milliseconds: Int32? = nil) throws(IPCError) -> Int32 {
        let routes = libipc_network_routes()
        let route = NetworkLookup.route(of: name, in: routes)
        guard let routes, route != .none else { return try connectHere(to: name, milliseconds) }
        do throws(IPCError) { return try NetworkLookup.connect(to: name, routes, within: milliseconds) } catch {
            if route == .strict { throw error }
            return try connect(to: name, milliseconds, refusal: SavedText(error.text))
        }
    }

    private static func connectHere(to name: UnsafePointer<CChar>, _ milliseconds: Int32?) throws(IPCError) -> Int32 {
        try Socket.connect(to: try address(of: name), until: milliseconds.map { Deadline(milliseconds: $0) })
    }

    /// Connects to the service of this machine.
    /// - Parameter refusal: why the network daemon could not help.
    private static func connect(
        to name: UnsafePointer<CChar>, _ milliseconds: Int32?, refusal: SavedText
    ) throws(IPCError) -> Int32 {
        do throws(IPCError) {
            let descriptor = try connectHere(to: name, milliseconds)
            _ = "\(name): connected to the service of this machine: \(refusal)" as Text
            libipc_trace_text()
            return descriptor
        } catch {
            let reason = SavedText(error.text)
            // Shortens a long refusal, so that the other reason fits.
            throw IPCError(error.code, "\(refusal, room: Text.capacity - 2 - reason.count); \(reason)")
        }
    }
}
