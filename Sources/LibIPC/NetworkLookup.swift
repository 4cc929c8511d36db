// NetworkLookup.swift - asking the service `network` for a connection that leaves this machine.
//
// IPC_NETWORK holds entries `service uri`, separated by `;`. For a service that it names, one frame of type 3 with
// `service;$IPC_NETWORK` goes to the daemon, which answers a frame: `OK`, and a descriptor behind it, or a reason.

import CLibIPC

enum NetworkLookup {
    private static let lookupType: UInt8 = 3
    /// How long the daemon may take over each step, in seconds.
    private static let patience = 10

    /// A connection by way of the daemon; nil when no route names the service.
    static func connect(to name: UnsafePointer<CChar>) throws(IPCError) -> Int32? {
        guard let routes = Service.environment("IPC_NETWORK"), hasRoute(routes, name) else { return nil }
        let daemon = try connectToDaemon()
        defer { close(daemon) }
        try ask(daemon, name, routes)
        var inbox = Inbox()
        // All that is there: the descriptor may have come in one send with the answer, and goes with its last byte.
        let answer = try Detached.readMessage(from: Descriptor(daemon), &inbox, exact: false)
        guard answer.header.length == 2 else {
            let reason = UnsafeRawBufferPointer(start: answer.payload.bytes, count: Int(answer.header.length))
            throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the network daemon refused:", .text(ShortText(bytes: reason)))
        }
        return try DescriptorPassing.receive(from: Descriptor(daemon), &inbox)
    }

    private static func connectToDaemon() throws(IPCError) -> Int32 {
        let daemon = try Service.connectLocally(to: libipc_network_service())
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(daemon, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(daemon, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return daemon
    }

    private static func ask(
        _ daemon: Int32, _ name: UnsafePointer<CChar>, _ routes: UnsafePointer<CChar>
    ) throws(IPCError) {
        let count = strlen(name) + 1 + strlen(routes)
        guard count <= Int(FrameHeader.maximumLength), let question = malloc(count + 1) else {
            throw IPCError(IPC_ERROR_CONTACT_IPCD__NO_SERVER_PARAM, "no room for the routes to", .text(ShortText(name)))
        }
        defer { free(question) }
        var writer = TextWriter(UnsafeMutableRawBufferPointer(start: question, count: count + 1))
        writer.write(name)
        writer.write(byte: UInt8(ascii: ";"))
        writer.write(routes)
        let header = FrameHeader(type: lookupType, userType: lookupType, length: UInt32(truncatingIfNeeded: count))
        try Detached.write(header, question, to: Descriptor(daemon))
    }

    /// Whether an entry's first word is `name`, whole.
    static func hasRoute(_ routes: UnsafePointer<CChar>, _ name: UnsafePointer<CChar>) -> Bool {
        let length = strlen(name)
        var entry = routes
        while true {
            while isBlank(entry.pointee) { entry += 1 }
            if length > 0, strncmp(entry, name, length) == 0, isBlank(entry[length]) { return true }
            while entry.pointee != 0, entry.pointee != CChar(UInt8(ascii: ";")) { entry += 1 }
            if entry.pointee == 0 { return false }
            entry += 1
        }
    }

    private static func isBlank(_ byte: CChar) -> Bool {
        byte == CChar(UInt8(ascii: " ")) || (9...13).contains(byte)
    }
}
