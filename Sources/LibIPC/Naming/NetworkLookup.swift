// NetworkLookup.swift - asking the service `network` for a connection that leaves this machine.
//
// IPC_NETWORK holds entries `service uri`, separated by `;`. For a service that it names, one frame of type 3 with
// `service;$IPC_NETWORK` goes to the daemon, which answers a frame: `OK`, and a descriptor behind it, or a reason. An entry that
// ends in ` !` is strict: when the daemon cannot help, the local service is not tried. The mark is not sent.

enum NetworkLookup {
    private static let lookupType: UInt8 = 3
    /// Time limit of a look-up with all its steps, in milliseconds.
    private static let patience: Int32 = 10_000

    enum Route { case none, usual, strict }

    /// A connection by way of the daemon; nil when no route names the service.
    static func connect(to name: UnsafePointer<CChar>) throws(IPCError) -> Int32? {
        guard let routes = libipc_network_routes(), route(of: name, in: routes) != .none else { return nil }
        return try connect(to: name, routes)
    }

    static func connect(to name: UnsafePointer<CChar>, _ routes: UnsafePointer<CChar>) throws(IPCError) -> Int32 {
        let deadline = Deadline(milliseconds: patience)
        let daemon = Descriptor(try Socket.connect(to: try Service.address(of: libipc_network_service()), until: deadline))
        defer { close(daemon.number) }
        var pool = BufferPool(size: 16 * 1024)
        var outbox = Outbox()
        outbox.append(try question(name, routes, &pool))
        while try !outbox.send(to: daemon) { try wait(for: POLLOUT, of: daemon, until: deadline, IPC_ERROR_USOCK_SEND) }
        // One receive takes all available bytes. The descriptor may have been sent together with the answer; it belongs to the last
        // byte.
        var inbox = Inbox()
        while try !inbox.settle(&pool) { try receive(&inbox, from: daemon, &pool, until: deadline) }
        if let answer = inbox.take(), answer.header.length != 2 {
            let reason = UnsafeRawBufferPointer(start: answer.payload, count: answer.header.payloadSize)
            throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the network daemon refused: \(reason)")
        }
        let code = IPC_ERROR_RECEIVE_FD__RECVMSG
        do throws(IPCError) {
            while inbox.awaitsByte { try receive(&inbox, from: daemon, &pool, until: deadline) }
        } catch { throw error.with(code: code) }
        return try inbox.takeDescriptor().orThrow(code, "no descriptor came from the network daemon")
    }

    private static func question(
        _ name: UnsafePointer<CChar>, _ routes: UnsafePointer<CChar>, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        var payload: UnsafeMutablePointer<CChar>?
        let count = libipc_make_lookup(&payload, name, routes)
        defer { free(payload) }
        let fits = count > 0 && count <= FrameHeader.maximumLength
        try check(fits, IPC_ERROR_CONTACT_IPCD__NO_SERVER_PARAM, "no room for the routes to \(name)")
        return try OutboundFrame.make(
            FrameHeader(type: lookupType, userType: lookupType, length: UInt32(count)), copying: payload, &pool)
    }

    /// Waits for bytes and receives once.
    private static func receive(
        _ inbox: inout Inbox, from daemon: Descriptor, _ pool: inout BufferPool, until deadline: Deadline
    ) throws(IPCError) {
        switch try inbox.receive(from: daemon, into: &pool) {
        case .message, .bytes: return
        case .end: throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the network daemon has left without an answer")
        case .nothing: try wait(for: POLLIN, of: daemon, until: deadline, IPC_ERROR_USOCK_RECV)
        }
    }

    private static func wait(
        for events: Int32, of daemon: Descriptor, until deadline: Deadline, _ code: ErrorCode
    ) throws(IPCError) {
        if daemon.poll(events, until: deadline) != 0 { return }
        throw IPCError(code, "wait for the network daemon", systemError: ETIMEDOUT)
    }

    /// The first entry whose first word is exactly `name`.
    static func route(of name: UnsafePointer<CChar>, in routes: UnsafePointer<CChar>?) -> Route {
        let length = strlen(name)
        guard length > 0, var entry = routes else { return .none }
        while true {
            entry += strspn(entry, " \t\r\n")
            let size = strcspn(entry, ";")
            if strncmp(entry, name, length) == 0, strspn(entry + length, " \t\r\n") > 0 {
                return libipc_strict_mark(entry, size) < 0 ? .usual : .strict
            }
            entry += size
            if entry.pointee == 0 { return .none }
            entry += 1
        }
    }
}
