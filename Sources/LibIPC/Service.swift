// Service.swift - from a service's name to its socket.

import CLibIPC

enum Service {
    /// The variable's value, unless it is missing or empty.
    static func environment(_ name: StaticString) -> UnsafePointer<CChar>? {
        let value = name.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { $0.baseAddress.flatMap { getenv($0) } }
        }
        guard let value, value.pointee != 0 else { return nil }
        return UnsafePointer(value)
    }

    /// `$IPC_RUNDIR/name`, or `/run/ipc//name`.
    static func address(of name: UnsafePointer<CChar>) throws(IPCError) -> SocketAddress {
        try check(name)
        let address =
            if let directory = environment("IPC_RUNDIR") {
                SocketAddress(directory: directory, name: name)
            } else {
                SocketAddress(directory: RUNDIR, name: name)
            }
        guard let address else { throw invalid("the path is too long for service", name) }
        return address
    }

    private static func invalid(_ why: StaticString, _ name: UnsafePointer<CChar>) -> IPCError {
        IPCError(IPC_ERROR_SERVICE_PATH__INVALID_NAME, why, .text(ShortText(name)))
    }

    /// Refuses a name that is empty or leads elsewhere.
    private static func check(_ name: UnsafePointer<CChar>) throws(IPCError) {
        guard name[0] != 0 else { throw IPCError(IPC_ERROR_SERVICE_PATH__INVALID_NAME, "a service needs a name") }
        var component = name
        while true {
            let length = strcspn(component, "/")
            if length > 0, length <= 2, strspn(component, ".") == length { throw invalid("a . or .. in service", name) }
            if component[length] == 0 { return }
            component += length + 1
        }
    }

    /// Listens as the service `name`. `socketPath` is malloc'ed, and the caller's.
    static func listen(
        as name: UnsafePointer<CChar>
    ) throws(IPCError) -> (descriptor: Int32, socketPath: UnsafeMutablePointer<CChar>) {
        let address = try address(of: name)
        try address.withPath { path throws(IPCError) in try Directory.prepare(for: path) }
        guard let path = address.withPath({ strdup($0) }) else {
            throw IPCError(IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY, "no memory for", .text(address.text))
        }
        do throws(IPCError) {
            return (try Socket.listen(at: address), path)
        } catch {
            free(path)
            throw error
        }
    }

    /// Connects to the service wherever IPC_NETWORK says that it is; here when it says nothing, or the network daemon cannot help.
    static func connect(to name: UnsafePointer<CChar>) throws(IPCError) -> Int32 {
        do throws(IPCError) {
            if let descriptor = try NetworkLookup.connect(to: name) { return descriptor }
        } catch {
            Trace.note(error)
        }
        return try Socket.connect(to: try address(of: name))
    }
}
