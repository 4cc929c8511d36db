// Context+Flushing.swift - sends what is queued for a program that is about to end (ipc_flush).

extension Context where View: ~Copyable {
    /// How long to wait before another try where no descriptor says when there is room, in milliseconds: for a system that is short of
    /// memory, and for another call that has the queue.
    private static var flushPause: Int32 { 10 }

    /// Sends what is queued, as much as the kernel takes without waiting.
    /// - Parameters:
    ///   - number: of one connection; nil: all.
    ///   - list: becomes the descriptors that have no room.
    ///   - isDropped: becomes true where a queue was dropped because its receiver has left.
    /// - Returns: how long to wait for room, in milliseconds: 0: nothing is queued any more; negative: as long as it takes.
    mutating func flush(_ number: Int32?, _ list: inout DescriptorList, _ isDropped: inout Bool) throws(IPCError) -> Int32 {
        if let number {
            guard let connection = connection(of: number) else { return 0 }
            return try flush(connection, &list, &isDropped)
        }
        var limit: Int32 = 0
        for index in 0..<connections.count {
            let wait = try flush(connections[index], &list, &isDropped)
            if wait != 0 { limit = limit == 0 ? wait : shorterWait(limit, wait) }
        }
        return limit
    }

    private mutating func flush(
        _ connection: ConnectionReference, _ list: inout DescriptorList, _ isDropped: inout Bool
    ) throws(IPCError) -> Int32 {
        guard let stream = connection.pointee.stream else { return 0 }
        if stream.pointee.writeClaim.isHeld { return Self.flushPause }
        // Only a wait calls the program's callbacks.
        if kind(of: connection) == .switched, view.hasWriter(connection.pointee.number) { return 0 }
        guard stream.pointee.outbox.hasPending else { return 0 }
        var nothing = Event()
        // A shortage ends by itself.
        do throws(IPCError) { try send(connection, &nothing) } catch { if !error.isShortage { throw error } }
        if connection.pointee.sendFailure != 0 { isDropped = true }
        guard stream.pointee.outbox.hasPending else { return 0 }
        guard connection.pointee.isBlocked else { return Self.flushPause }
        try list.append(connection.pointee.registration, .write)
        return -1
    }
}
