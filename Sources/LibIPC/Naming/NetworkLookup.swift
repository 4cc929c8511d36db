// NetworkLookup.swift - asks the daemon of the service `network` for a connection to another machine.
//
// IPC_NETWORK has entries `service uri`, separated by `;`. To look up a service with an entry, the library sends the daemon a frame of
// type 3 with `service;$IPC_NETWORK`. The daemon answers with a frame, `OK` or a reason; after `OK` it passes a descriptor. An entry
// that ends in ` !` is strict: when the daemon cannot help, the service of this machine is not tried. The mark is not sent.

enum NetworkLookup {
    private static let lookupType: UInt8 = 3
    /// Milliseconds for all steps of a look-up.
    private static let timeLimit: Int32 = 10_000

    enum Route { case none, usual, strict }

    /// A connection through the daemon; nil when the service has no route.
    static func connect(to name: UnsafePointer<CChar>) throws(IPCError) -> Int32? {
        guard let routes = libipc_network_routes(), route(of: name, in: routes) != .none else { return nil }
        return try connect(to: name, routes)
    }

    /// - Parameter routes: the value of IPC_NETWORK, in which the service has a route.
    /// - Parameter milliseconds: for all steps; nil: `timeLimit`.
    static func connect(
        to name: UnsafePointer<CChar>, _ routes: UnsafePointer<CChar>, within milliseconds: Int32? = nil
    ) throws(IPCError) -> Int32 {
        let deadline = Deadline(milliseconds: milliseconds ?? timeLimit)
        let daemon = Descriptor(try Socket.connect(to: try Service.address(of: libipc_network_service()), until: deadline))
        defer { close(daemon.number) }
        // 16 KiB: the answer is short.
        var pool = BufferPool(size: 16 * 1024)
        var outbox = Outbox()
        outbox.append(try lookupFrame(name, routes, &pool))
        while try !outbox.send(to: daemon) { try wait(for: POLLOUT, of: daemon, until: deadline, IPC_ERROR_USOCK_SEND) }
        // The daemon sends a frame, and after `OK` one more byte that brings the descriptor. One receive may take both.
        var inbox = Inbox()
        while try !inbox.parse(&pool) { try receive(&inbox, from: daemon, &pool, until: deadline) }
        // `OK` has 2 bytes; an answer of any other length is a refusal, and its payload is the reason.
        if let answer = inbox.takeMessage(), answer.header.length != 2 {
            let reason = UnsafeRawBufferPointer(start: answer.payload, count: answer.header.payloadSize)
            throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the network daemon refused: \(reason)")
        }
        let code = IPC_ERROR_RECEIVE_FD__RECVMSG
        while inbox.hasNoBytes { try failing(with: code, try receive(&inbox, from: daemon, &pool, until: deadline)) }
        return try inbox.takeDescriptor().orThrow(code, "no descriptor came from the network daemon")
    }

    private static func lookupFrame(
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

    /// Receives once, or waits for bytes.
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
