// Context+Leaving.swift - deactivates, removes and closes entries, and closes the library's own descriptors.

extension Context where View: ~Copyable {
    /// What becomes of a stream whose entry is deactivated.
    enum StreamFate {
        /// It is freed: the descriptor is gone.
        case discarded
        /// It becomes a stray one, with the bytes that were received and the rest of a frame that is begun: the descriptor stays in use
        /// outside of the context.
        case released
        /// It becomes a stray one with all frames, and another entry of the context adopts it at once.
        case moved
        /// The library closes the descriptor.
        case closed
    }

    /// Deactivates an entry. It stays, in no queue, and no table leads to it.
    /// - Returns: with the fate `closed`: whether the caller closes the descriptor; otherwise the last call that uses it does.
    @inline(never) @discardableResult
    mutating func deactivate(_ connection: ConnectionReference, _ fate: StreamFate = .discarded) -> Bool {
        endLease(of: connection)
        guard let stream = connection.pointee.stream else { return false }
        if fate != .moved { dropFrames(connection, keepingBegun: fate == .released) }
        if outgoing.contains(connection) { outgoing.remove(connection) }
        if connection.pointee.isAccepted { forgetAccepted(connection) }
        setState(.inactive, of: connection)
        poller.remove(connection.pointee.registration)
        connection.pointee.stream = nil
        // If it becomes active again, it starts from the beginning.
        (connection.pointee.sending, connection.pointee.interest, connection.pointee.reported) = (.ready, .read, 0)
        (connection.pointee.hangUp, connection.pointee.ending, connection.pointee.holdsMore) = (.none, .none, false)
        // The file is gone, also for the entry whose place it had taken.
        if fate == .discarded || fate == .closed { connection.pointee.replaced = 0 }
        var closes = false
        switch fate {
        case .released, .moved: DescriptorTable.release(stream)
        case .closed: closes = DescriptorTable.endUse(stream, keepingMemory: keepsMemory)
        case .discarded: DescriptorTable.discard(stream, keepingMemory: keepsMemory)
        }
        if keepsMemory, !stream.pointee.isInTable, !stream.pointee.isClaimed { keepMemory(of: stream) }
        // One that is being added is in no public array yet.
        if connection.pointee.index < connections.count { resumeCounterpart(of: connection) }
        return closes
    }

    /// Drops the entry; the last one moves into its place.
    mutating func remove(_ connection: ConnectionReference, _ fate: StreamFate) { remove(connection, fate, for: Event()) }

    /// - Parameters:
    ///   - fate: of its stream.
    ///   - event: that tells of the end: the descriptor is closed when the thread is done with it.
    mutating func remove(_ connection: ConnectionReference, _ fate: StreamFate, for event: borrowing Event) {
        let (number, index) = (connection.pointee.number, connection.pointee.index)
        let (generation, replaced) = (connection.pointee.registration.generation, fate == .closed ? 0 : connection.pointee.replaced)
        if deactivate(connection, fate) { close(number, for: event) }
        removals &+= 1
        connections.swapRemove(at: index)
        view.swapRemove(at: index)
        if index < connections.count { connections[index].pointee.index = index }
        if numbers[number] == connection {
            numbers[number] = nil
            if connection.pointee.hasDuplicate { findDuplicate(number, replaced) }
        } else if let last = numbers[number], last.pointee.replaced != 0 {
            for index in 0..<connections.count where connections[index].pointee.replaced == generation {
                connections[index].pointee.replaced = replaced
            }
        }
        Connection.destroy(connection)
    }

    /// Finds another entry of this number: from now on the number leads to it.
    /// - Parameter replaced: generation of the one that goes on; 0: none.
    @inline(never)
    private mutating func findDuplicate(_ number: Int32, _ replaced: UInt32) {
        for index in 0..<connections.count where connections[index].pointee.number == number {
            let connection = connections[index]
            let goesOn = connection.pointee.registration.generation == replaced
            guard goesOn || numbers[number] == nil else { continue }
            numbers[number] = connection
            connection.pointee.hasDuplicate = true
            if goesOn { return _ = try? activate(connection) }
        }
    }

    /// Closes a descriptor whose end an event tells of. Where threads share the context, or a call gives several events, this waits until
    /// the thread is done with the event: so nobody gets the same number for another file meanwhile.
    private mutating func close(_ number: Int32, for event: borrowing Event) {
        if let lease = event.lease, leases.areShared || event.isBatch {
            lease.pointee.closeLater(number, inBatch: event.isBatch)
        } else {
            CLibIPC.close(number)
        }
    }

    /// Closes the descriptor of an entry that stays. An EXTERNAL descriptor belongs to the program: only its queue is dropped.
    mutating func closeDescriptor(_ connection: ConnectionReference) throws(IPCError) {
        let number = connection.pointee.number
        sendBeforeDrop(connection)
        if kind(of: connection) == .external { return dropFrames(connection, keepingBegun: true) }
        if let path = view.takeSocketPath(at: connection.pointee.index) {
            // Removes the file first: while this socket listens no other service takes its name.
            if let file = connection.pointee.server?.pointee.file, file.isOurs(at: path, of: number) { unlink(path) }
            free(connection.pointee.formerPath)
            connection.pointee.formerPath = path
        }
        if !connection.pointee.isActive {
            let failed = connection.pointee.server?.pointee.failed.take()
            if failed != nil, failed == FileIdentity(Descriptor(number)) { return try Socket.close(number) }
            throw IPCError(IPC_ERROR_USOCK_CLOSE, "close descriptor \(number)", systemError: EBADF)
        }
        if deactivate(connection, .closed) { try Socket.close(number) }
    }

    /// Closes the library's own descriptors; a later wait makes new ones. If a thread is waiting with them, it closes them when it
    /// returns.
    mutating func closePoller() {
        loop = nil
        isPollerUnwanted = isLed
        if isLed { poller.wake() } else { poller.closeDescriptors() }
    }

    /// Deletes an entry for the program. With the last entry the limit for queues is reset too.
    mutating func delete(_ connection: ConnectionReference) {
        sendBeforeDrop(connection)
        remove(connection, .released)
        if view.count == 0 { queueLimit = nil }
    }
}
