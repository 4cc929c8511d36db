// NetworkLookup.swift - asking the service `network` for a connection that leaves this machine.
//
// IPC_NETWORK holds entries `service uri`, separated by `;`. For a service that it names, one frame of type 3 with
// `service;$IPC_NETWORK` goes to the daemon, which answers a frame: `OK`, and a descriptor behind it, or a reason.

enum NetworkLookup {
    private static let lookupType: UInt8 = 3
    /// How long the daemon may take over each step, in seconds.
    private static let patience = 10

    /// A connection by way of the daemon; nil when no route names the service.
    static func connect(to name: UnsafePointer<CChar>) throws(IPCError) -> Int32? {
        guard let routes = libipc_environment("IPC_NETWORK"), hasRoute(routes, name) else { return nil }
        let daemon = try Socket.connect(to: try Service.address(of: "network"))
        defer { close(daemon) }
        Socket.setPatience(daemon, SO_RCVTIMEO, seconds: patience)
        Socket.setPatience(daemon, SO_SNDTIMEO, seconds: patience)
        var scratch = Scratch(size: 16 * 1024)
        var question: UnsafeMutablePointer<CChar>?
        let count = libipc_make_lookup(&question, name, routes)
        defer { free(question) }
        let fits = count > 0 && count <= FrameHeader.maximumLength
        try check(fits, IPC_ERROR_CONTACT_IPCD__NO_SERVER_PARAM, "no room for the routes to \(name)")
        let header = FrameHeader(type: lookupType, userType: lookupType, length: UInt32(count))
        var outbox = Outbox()
        outbox.append(try OutboundFrame.make(header, copying: question, &scratch))
        while try !outbox.send(to: Descriptor(daemon)) { try Descriptor(daemon).waitForRoom(IPC_ERROR_USOCK_SEND) }
        // All that is there: the descriptor may have come in one send with the answer, and goes with its last byte.
        var inbox = Inbox()
        try inbox.waitForFrame(from: Descriptor(daemon), &scratch, .all) { false }
        if let answer = inbox.take(), answer.header.length != 2 {
            let reason = UnsafeRawBufferPointer(start: answer.payload, count: answer.header.payloadSize)
            throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the network daemon refused: \(reason)")
        }
        return try inbox.waitForDescriptor(from: Descriptor(daemon), &scratch)
    }

    /// Whether an entry's first word is `name`, whole.
    static func hasRoute(_ routes: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>) -> Bool {
        let length = strlen(name)
        var entry = routes
        while true {
            entry += strspn(entry, " \t\r\n")
            if length > 0, strncmp(entry, name, length) == 0, strspn(entry + length, " \t\r\n") > 0 { return true }
            entry += strcspn(entry, ";")
            if entry.pointee == 0 { return false }
            entry += 1
        }
    }
}
