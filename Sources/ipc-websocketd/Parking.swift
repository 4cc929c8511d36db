// Parking.swift - a client that reads slower than its service writes.
//
// The library hands a message to the callback as soon as the socket can take something, which may be less than the message: the rest is
// kept here. More must not come before that is sent, or a client that reads nothing would fill the memory. So the client's end leaves the
// context for that long, with what was queued for it; the service's end stays without a partner (which the library tells once, as error
// 107), and is not read. An epoll set, which is EXTERNAL in the context, says when there is room; then the pair is tied again.

import CDaemon

enum Parking {
    /// Readable when a client that waits can be sent something, or is gone.
    static let writable = cd_poller_make()

    /// Called in a callback: the library looks whether the entry is still there.
    static func park(_ client: Client) {
        guard !client.isParked, let context = Clients.loop?.context else { return }
        for index in 0..<context.pointee.tx.size where context.pointee.tx.messages[index].fd == client.socket {
            client.send(context.pointee.tx.messages[index])
        }
        ipc_ctx_switching_del(context, client.socket)
        _ = cd_unwatch(context, client.socket)
        client.isParked = true
        watch(client)
    }

    /// Tells when there is room.
    static func watch(_ client: Client) { _ = cd_poller_add(writable, client.socket) }
}
