// Context+Leaving.swift - how entries end: deactivated, removed, closed; and what is closed of the library's own.

extension Context where Entries: ~Copyable {
    /// The descriptor of a live entry is gone, the entry stays: nothing is kept for it any more.
    @inline(never)
    mutating func bury(_ connection: ConnectionReference) {
        letGo(connection)
        guard connection.pointee.isLive else { return }
        let descriptor = connection.pointee.number
        dropFrames(connection)
        ready.remove(connection)
        unsent.remove(connection)
        aside.remove(connection)
        held.remove(connection)
        poller.remove(connection.pointee.registration)
        if keepsMemory { empty(connection) } else { connection.pointee.channel = Channel(descriptor) }
        Registry.unregister(connection)
        // Somebody may wait for the one who reads it.
        if connection.pointee.isReaderAwaited { monitor.wakeReaders() }
        (connection.pointee.reader, connection.pointee.isReaderAwaited) = (Reader.none, false)
        connection.pointee.isLive = false
        // Should it live again, it begins anew.
        (connection.pointee.isPaused, connection.pointee.isBlocked, connection.pointee.interest) = (false, false, .read)
        (connection.pointee.isReadable, connection.pointee.isHangUpTold, connection.pointee.holdsMore) = (false, false, false)
        (connection.pointee.isStarved, connection.pointee.drainsUntil, connection.pointee.isClosedByProgram) = (false, nil, false)
        (connection.pointee.hasLeft, connection.pointee.failure, connection.pointee.sendFailure) = (false, nil, 0)
        resumeCounterpart(of: connection)
    }

    /// Drops the entry; the last one moves into its place.
    /// - Parameters:
    ///   - closing: closes its descriptor, for the thread that is told of it.
    ///   - keeping: the descriptor goes on outside of this context.
    mutating func remove(
        _ connection: ConnectionReference, closing: Bool = false, for seat: SeatReference? = nil, keeping: Bool = false
    ) {
        let (descriptor, index) = (connection.pointee.number, connection.pointee.index)
        let isClosed = closing && connection.pointee.isLive
        let hasTwin = connection.pointee.hasTwin && !isClosed
        let isAwaited = isClosed && connection.pointee.isAwaited
        if keeping {
            // What was read ahead stays for whoever reads the descriptor now, and the rest of a frame that is begun.
            dropFrames(connection)
            Registry.leave(connection)
        }
        bury(connection)
        connections.swapRemove(at: index)
        roster.swapRemove(at: index)
        if index < connections.count { connections[index].pointee.index = index }
        Connection.destroy(connection)
        // A thread that waits in a call for the descriptor would not see that it is closed.
        if isAwaited { shutdown(descriptor, Int32(SHUT_RDWR)) }
        if isClosed { close(descriptor, for: seat) }
        // The same descriptor was in the set twice: its other entry lives from now on.
        guard hasTwin, let twin = self.connection(of: descriptor) else { return }
        twin.pointee.hasTwin = true
        try? activate(twin)
    }

    /// Closes the descriptor of an entry that stays. An external one is its program's: only what is queued for it goes.
    mutating func closeDescriptor(_ connection: ConnectionReference) throws(IPCError) {
        let descriptor = connection.pointee.number
        offer(connection)
        if kind(of: connection) == .external { return dropFrames(connection) }
        if let path = roster.takeSocketPath(at: connection.pointee.index) {
            // While this socket listens nobody else takes its name: so the file goes first.
            if let file = connection.pointee.socketFile, file.isOurs(at: path) { unlink(path) }
            free(connection.pointee.formerPath)
            connection.pointee.formerPath = path
        }
        if !connection.pointee.isLive {
            let isOpen = connection.pointee.failedFile != nil && connection.pointee.failedFile == FileIdentity(Descriptor(descriptor))
            connection.pointee.failedFile = nil
            if isOpen { return try Socket.close(descriptor) }
            throw IPCError(IPC_ERROR_USOCK_CLOSE, "close descriptor \(descriptor)", systemError: EBADF)
        }
        let isAwaited = connection.pointee.isAwaited
        bury(connection)
        if isAwaited { shutdown(descriptor, Int32(SHUT_RDWR)) }
        try Socket.close(descriptor)
    }

    /// Closes the library's own descriptors; a later wait makes new ones. A thread that waits with them does it when it comes back.
    mutating func closePoller() {
        isPollerUnwanted = isLed
        if isLed { poller.wake() } else { poller.closeDescriptors() }
    }
}
