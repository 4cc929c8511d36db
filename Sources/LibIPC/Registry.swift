// Registry.swift - which state of the library belongs to a descriptor.
//
// ipc_read_fd and its kin know no context, yet must not overtake bytes that a context holds for the descriptor, in either
// direction. This table, the only one of the process, leads from the number to the context's connection; or, for a
// descriptor in no context, to what a call had to leave behind. It never moves, so it is read without a lock; memory is
// only behind the parts that are used.

enum Registry {
    static subscript(_ descriptor: Int32) -> ConnectionReference? {
        get { libipc_registered(descriptor)?.assumingMemoryBound(to: Connection.self) }
        set { libipc_register(descriptor, newValue) }
    }

    /// What an earlier call left for this descriptor, if it still is the same file; the caller has it now.
    static func takeLoose(_ descriptor: Int32) -> Channel {
        var channel = Channel(descriptor)
        guard let connection = self[descriptor], connection.pointee.context == nil else { return channel }
        if connection.pointee.channel.isCurrent { swap(&channel, &connection.pointee.channel) }
        self[descriptor] = nil
        Connection.destroy(connection)
        return channel
    }

    /// Keeps what a call could not hand on, for the next one.
    static func leave(_ channel: inout Channel) {
        let descriptor = channel.descriptor.number
        guard !channel.isEmpty else { return }
        channel.identify()
        var left = Channel(descriptor)
        swap(&left, &channel)
        self[descriptor] = try? Connection.make(Connection(left))
    }
}
