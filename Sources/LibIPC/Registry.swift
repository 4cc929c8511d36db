// Registry.swift - which state of the library belongs to a descriptor.
//
// ipc_read_fd and its kin know no context, yet must not overtake bytes that a context holds for the descriptor, in either
// direction. This table, the only one of the process, leads from the number to the context's connection; or, for a
// descriptor in no context, to what a call had to leave behind. It never moves, so it is read without a lock; memory is
// only behind the parts that are used.

import CLibIPC

enum Registry {
    private typealias Entry = UnsafeMutableRawPointer?

    /// As many descriptors as Linux gives a process (fs.nr_open).
    private static let capacity = 1 << 20

    /// Afterwards setting the entry cannot fail.
    static func reserve(_ descriptor: Int32) throws(IPCError) {
        try check(descriptor < capacity, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "descriptor \(descriptor) is beyond the \(capacity) that can be")
        guard let root = libipc_registry(), libipc_load(root) == nil else { return }
        let made = calloc(capacity, MemoryLayout<Entry>.stride)
        if made == nil { throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "make a table of descriptors", systemError: ENOMEM) }
        // Two threads may make it at once: one of them wins.
        if libipc_replace(root, nil, made) == 0 { free(made) }
    }

    private static func place(_ descriptor: Int32) -> UnsafeMutablePointer<Entry>? {
        guard descriptor >= 0, descriptor < capacity, let root = libipc_registry() else { return nil }
        return libipc_load(root).map { $0.assumingMemoryBound(to: Entry.self) + Int(descriptor) }
    }

    static subscript(_ descriptor: Int32) -> ConnectionReference? {
        get { place(descriptor).flatMap { libipc_load($0)?.assumingMemoryBound(to: Connection.self) } }
        set { if let place = place(descriptor) { libipc_store(place, newValue) } }
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
        guard !channel.isEmpty, (try? reserve(descriptor)) != nil else { return }
        channel.identify()
        var left = Channel(descriptor)
        swap(&left, &channel)
        self[descriptor] = try? Connection.make(Connection(left))
    }
}
