// Callbacks.swift - the web end of a pair, as the library calls it (ipc_switching_callbacks): bytes become a message, a message becomes
// bytes. Neither waits.
//
// The library knows descriptors alone, so the clients are found by theirs. It calls on the one thread of this daemon.

import CDaemon

enum Clients {
    /// As long as it runs.
    nonisolated(unsafe) static var loop: Loop<Gateway>?
    /// What one receive goes to; what is left of it is kept with its client.
    nonisolated(unsafe) static let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

    static func find(_ descriptor: Int32) -> Client? { loop?.talk(of: descriptor)?.state }

    /// A message of so many bytes came from it or goes to it: that alone counts for the idle time.
    static func didMessage(_ client: Client, _ direction: Direction, _ bytes: UInt32) {
        guard let loop, let talk = loop.talk(of: client.socket) else { return }
        loop.count(direction, of: talk, messages: 1, bytes: Int(bytes))
        loop.start(.idle, talk)
    }
}

func readFromWeb(_ descriptor: Int32, _ message: UnsafeMutablePointer<ipc_message>?, _ more: UnsafeMutablePointer<Int16>?) -> ipccb {
    guard let client = Clients.find(descriptor), let message else { return IPC_CB_FD_ERROR }
    guard !client.hasSaidClose, !client.isBroken else { return IPC_CB_FD_CLOSING }
    switch client.held.isEmpty && !client.isInflating ? client.receive() : client.decodeHeld() {
    case .needsMore: return IPC_CB_IGNORE
    case .message(let whole):
        Clients.didMessage(client, .incoming, whole.length)
        message.pointee = whole
        more?.pointee = client.held.isEmpty ? 0 : 1
        return IPC_CB_NO_ERROR
    case .busy:
        more?.pointee = 1
        return IPC_CB_IGNORE
    case .stuck:
        Parking.park(client)
        return IPC_CB_IGNORE
    case .over:
        // The library lets the service have what came before, then tells of the end.
        if !client.outflow.isEmpty { Parking.watch(client) }
        return IPC_CB_FD_CLOSING
    }
}

func writeToWeb(_ descriptor: Int32, _ message: UnsafeMutablePointer<ipc_message>?) -> ipccb {
    guard let client = Clients.find(descriptor), let message else { return IPC_CB_FD_ERROR }
    if client.hasSaidClose { return IPC_CB_IGNORE }
    client.send(message.pointee)
    if client.isBroken { return IPC_CB_FD_CLOSING }
    Clients.didMessage(client, .outgoing, message.pointee.length)
    if !client.outflow.isEmpty { Parking.park(client) }
    return IPC_CB_NO_ERROR
}

extension Client {
    func decodeHeld() -> Progress {
        var bytes = Held()
        swap(&bytes, &held)
        let progress = bytes.decode { decode($0, &$1) }
        swap(&bytes, &held)
        return progress
    }

    func receive() -> Progress {
        guard let base = Clients.scratch.baseAddress else { return .needsMore }
        let received = cd_receive(socket, base, Clients.scratch.count, 0)
        guard received > 0 else {
            if received < 0, Reach.isShortage(cd_errno()) { return .needsMore }
            isBroken = true
            reason = "the client has left without a word"
            return .over
        }
        let bytes = UnsafeMutableRawBufferPointer(start: base, count: received)
        var position = 0
        let progress = decode(bytes, &position)
        if position < received { held.keep(UnsafeRawBufferPointer(rebasing: bytes[position...])) }
        return progress
    }
}
