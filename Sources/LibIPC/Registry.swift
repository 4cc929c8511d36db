// Registry.swift - which state of the library belongs to a descriptor.
//
// ipc_read_fd and its kin know no context, yet must not overtake bytes that a context holds for the descriptor, in either
// direction. This table, the only one of the process, leads from the number to the context's connection; or, for a
// descriptor in no context, to what a call had to leave behind. It never moves, so it is read without a lock; memory is
// only behind the parts that are used.

import CLibIPC

enum Registry {
    /// As many descriptors as Linux gives a process (fs.nr_open).
    private static let capacity = 1 << 20

    /// Afterwards setting the entry cannot fail.
    static func reserve(_ descriptor: Int32) throws(OutOfMemory) {
        guard descriptor < capacity, let root = libipc_registry() else { throw OutOfMemory() }
        guard libipc_load(root) == nil else { return }
        guard let made = calloc(capacity, MemoryLayout<UnsafeMutableRawPointer?>.stride) else { throw OutOfMemory() }
        // Two threads may make it at once: one of them wins.
        if libipc_replace(root, nil, made) == 0 { free(made) }
    }

    private static func place(_ descriptor: Int32) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        guard descriptor >= 0, descriptor < capacity, let root = libipc_registry() else { return nil }
        return libipc_load(root).map { $0.assumingMemoryBound(to: UnsafeMutableRawPointer?.self) + Int(descriptor) }
    }

    static subscript(_ descriptor: Int32) -> ConnectionReference? {
        get { place(descriptor).flatMap { libipc_load($0)?.assumingMemoryBound(to: Connection.self) } }
        set { if let place = place(descriptor) { libipc_store(place, newValue) } }
    }

    /// What an earlier call left for this descriptor, if it still is the same file; the caller has it now.
    static func takeLoose(_ descriptor: Int32) -> Channel {
        guard let connection = self[descriptor], connection.pointee.context == nil else { return Channel(descriptor) }
        self[descriptor] = nil
        defer { Connection.destroy(connection) }
        guard connection.pointee.channel.isCurrent else { return Channel(descriptor) }
        return connection.pointee.takeChannel()
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
