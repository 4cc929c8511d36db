// Service.swift - from a service's name to its socket.

import CLibIPC

enum Service {
    /// The longest path that an address takes, without its NUL (unix(7)).
    private static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// The variable's value, unless it is missing or empty.
    static func environment(_ name: StaticString) -> UnsafePointer<CChar>? {
        let value = name.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { $0.baseAddress.flatMap { getenv($0) } }
        }
        guard let value, value.pointee != 0 else { return nil }
        return UnsafePointer(value)
    }

    /// Writes `$IPC_RUNDIR/name`, or `/run/ipc//name`, with a NUL.
    /// - Parameter buffer: of any size: a path longer than an address takes is refused.
    static func path(of name: UnsafePointer<CChar>, into buffer: UnsafeMutableRawBufferPointer) throws(IPCError) {
        try check(name)
        var writer = TextWriter(UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(longestPath + 1)))
        var length = strlen(name) + 1
        if let directory = environment("IPC_RUNDIR") {
            writer.write(directory)
            length += strlen(directory)
        } else {
            writer.write(RUNDIR)
            length += strlen(RUNDIR)
        }
        writer.write(byte: UInt8(ascii: "/"))
        writer.write(name)
        guard writer.count == length else {
            throw IPCError(IPC_ERROR_SERVICE_PATH__INVALID_NAME, "the path is too long for service", .text(ShortText(name)))
        }
        buffer[writer.count] = 0
    }

    /// Refuses a name that is empty or leads elsewhere.
    private static func check(_ name: UnsafePointer<CChar>) throws(IPCError) {
        guard name[0] != 0 else { throw IPCError(IPC_ERROR_SERVICE_PATH__INVALID_NAME, "a service needs a name") }
        var start = 0
        var index = 0
        while true {
            let byte = UInt8(bitPattern: name[index])
            if byte == UInt8(ascii: "/") || byte == 0 {
                let dots = (start..<index).allSatisfy { name[$0] == CChar(UInt8(ascii: ".")) }
                if dots, (1...2).contains(index - start) {
                    throw IPCError(IPC_ERROR_SERVICE_PATH__INVALID_NAME, "a . or .. in service", .text(ShortText(name)))
                }
                start = index + 1
            }
            if byte == 0 { return }
            index += 1
        }
    }

    /// Calls `body` with the service's path.
    private static func withPath<Result>(
        of name: UnsafePointer<CChar>, _ body: (UnsafePointer<CChar>) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        var bytes = InlineArray<112, UInt8>(repeating: 0)
        var failure: IPCError?
        withUnsafeMutableBytes(of: &bytes) { buffer in
            do throws(IPCError) { try path(of: name, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        var result: Result?
        withUnsafeBytes(of: bytes) { buffer in
            guard let path = buffer.assumingMemoryBound(to: CChar.self).baseAddress else { return }
            do throws(IPCError) { result = try body(path) } catch { failure = error }
        }
        if let failure { throw failure }
        guard let result else { throw IPCError(IPC_ERROR_SERVICE_PATH__NO_PATH, "no path") }
        return result
    }

    /// Listens as the service `name`. `socketPath` is malloc'ed, and the caller's.
    static func listen(
        as name: UnsafePointer<CChar>
    ) throws(IPCError) -> (descriptor: Int32, socketPath: UnsafeMutablePointer<CChar>) {
        try withPath(of: name) { path throws(IPCError) in
            guard let copy = strdup(path) else {
                throw IPCError(IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY, "no memory for", .text(ShortText(path)))
            }
            do throws(IPCError) {
                try Directory.prepare(for: path)
                return (try Socket.listen(at: path), copy)
            } catch {
                free(copy)
                throw error
            }
        }
    }

    /// Connects to the service on this machine.
    static func connectLocally(to name: UnsafePointer<CChar>) throws(IPCError) -> Int32 {
        try withPath(of: name) { path throws(IPCError) in try Socket.connect(to: path) }
    }

    /// Connects to the service wherever IPC_NETWORK says that it is; here when it says nothing, or the network daemon
    /// cannot help.
    static func connect(to name: UnsafePointer<CChar>) throws(IPCError) -> Int32 {
        do throws(IPCError) {
            if let descriptor = try NetworkLookup.connect(to: name) { return descriptor }
        } catch {
            Trace.note(error)
        }
        return try connectLocally(to: name)
    }
}
