// Context+Leaving.swift - deactivates, removes and closes entries, and closes the library's own descriptors.

extension Context where Entries: ~Copyable {
    /// Deactivates an entry whose descriptor is gone. The entry stays; everything that was kept for the descriptor is dropped.
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
        DescriptorTable.unregister(connection)
        // A thread may wait for the end of a reader's claim.
        if connection.pointee.isReaderAwaited { monitor.wakeReaders() }
        (connection.pointee.reader, connection.pointee.isReaderAwaited) = (Reader.none, false)
        connection.pointee.isLive = false
        // If it becomes live again, it starts from the beginning.
        (connection.pointee.isPaused, connection.pointee.isBlocked, connection.pointee.interest) = (false, false, .read)
        (connection.pointee.isReadable, connection.pointee.isHangUpTold, connection.pointee.holdsMore) = (false, false, false)
        (connection.pointee.isStarved, connection.pointee.drainsUntil, connection.pointee.isClosedByProgram) = (false, nil, false)
        (connection.pointee.hasLeft, connection.pointee.failure, connection.pointee.sendFailure) = (false, nil, 0)
        resumeCounterpart(of: connection)
    }

    /// Drops the entry; the last one moves into its place.
    /// - Parameters:
    ///   - closing: closes its descriptor, when the thread that gets the event is done with it.
    ///   - keeping: the descriptor stays in use outside of this context.
    mutating func remove(
        _ connection: ConnectionReference, closing: Bool = false, for lease: LeaseReference? = nil, keeping: Bool = false
    ) {
        let (descriptor, index) = (connection.pointee.number, connection.pointee.index)
        let isClosed = closing && connection.pointee.isLive
        let hasTwin = connection.pointee.hasTwin && !isClosed
        let isAwaited = isClosed && connection.pointee.isAwaited
        if keeping {
            // Bytes that were read ahead stay for the next reader of the descriptor, and so does the rest of a frame that was sent
            // in part.
            dropFrames(connection)
            DescriptorTable.leave(connection)
        }
        bury(connection)
        connections.swapRemove(at: index)
        view.swapRemove(at: index)
        if index < connections.count { connections[index].pointee.index = index }
        Connection.destroy(connection)
        // close(2) alone would not wake a thread that waits for the descriptor in a direct call.
        if isAwaited { shutdown(descriptor, Int32(SHUT_RDWR)) }
        if isClosed { close(descriptor, for: lease) }
        // The context has the same descriptor twice: its other entry becomes live.
        guard hasTwin, let twin = self.connection(of: descriptor) else { return }
        twin.pointee.hasTwin = true
        try? activate(twin)
    }

    /// Closes the descriptor of an entry that stays. An EXTERNAL descriptor belongs to the program: only its queue is dropped.
    mutating func closeDescriptor(_ connection: ConnectionReference) throws(IPCError) {
        let descriptor = connection.pointee.number
        offer(connection)
        if kind(of: connection) == .external { return dropFrames(connection) }
        if let path = view.takeSocketPath(at: connection.pointee.index) {
            // Removes the file first: while this socket listens no other service takes its name.
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

    /// Closes the library's own descriptors; a later wait makes new ones. If a thread is waiting with them, it closes them when it
    /// returns.
    mutating func closePoller() {
        isPollerUnwanted = isLed
        if isLed { poller.wake() } else { poller.closeDescriptors() }
    }
}
