// Context+Entries.swift - adding entries, and taking notice of what the program has done to a context from outside.

extension Context where View: ~Copyable {
    /// Catches up with changes from outside: entries that the program has filled in by hand, pairs that it has changed, and a fork.
    @inline(__always)
    mutating func catchUp() throws(IPCError) {
        if connections.count < view.count || libipc_has_changed(changes) != 0 { try takeNotice() }
    }

    /// The next call takes notice, whatever the count of changes is.
    @inline(never)
    mutating func noticeLater() { changes |= (1 << UInt64(LIBIPC_FORK_SHIFT)) - 1 }

    @inline(never)
    private mutating func takeNotice() throws(IPCError) {
        if hasKeptMemory { freeWhatIsClosed() }
        while connections.count < view.count {
            try makePoller()
            try makeEntry(view.descriptor(at: connections.count), mayFail: false)
        }
        let noted = libipc_current_changes()
        if changes >> LIBIPC_FORK_SHIFT != noted >> LIBIPC_FORK_SHIFT { try noticeFork() }
        changes = noted
        if poller.isLost { closePoller() }
        // A parked switched end may have another counterpart by now.
        (unexamined, arePairsChanged) = (parked.count, true)
        _ = examineParked()
    }

    private mutating func noticeFork() throws(IPCError) {
        forgetThreads()
        for index in 0..<connections.count {
            guard let stream = connections[index].pointee.stream, stream.pointee.outbox.hasPending else { continue }
            stream.pointee.outbox.isInherited = true
        }
        // The parent's descriptors are of no use here, and their numbers may be the only free ones.
        loop = nil
        poller.closeDescriptors()
        do throws(IPCError) { try rebuild() } catch { if !error.isShortage { throw error } }
    }

    /// Adds an entry.
    /// - Parameters:
    ///   - isSocket: it is known that this is an open stream socket.
    ///   - socketPath: malloc'ed; still the caller's when this fails.
    ///   - isInherited: somebody else has made the socket, and removes its file.
    mutating func add(
        _ number: Int32, _ kind: ConnectionKind, isSocket: Bool = false, socketPath: UnsafeMutablePointer<CChar>? = nil,
        isInherited: Bool = false
    ) throws(IPCError) {
        try view.reserve()
        // The poller is made first: a descriptor that cannot be watched is an error now, not in a later wait. A service also gets all
        // descriptors of its own now.
        if kind == .server, poller.isIdle { try rebuild() } else if !isSocket || loop != nil { try makePoller() }
        let server = kind == .server || socketPath != nil ? try Server.make() : nil
        if !isInherited { server?.pointee.file = socketPath.flatMap { SocketFile(path: $0, of: number) } }
        server?.pointee.isOwn = isSocket && kind == .server
        let connection = try undoing(free(server), try makeEntry(number))
        if isSocket || socketPath != nil { connection.pointee.stream?.pointee.isStream = true }
        connection.pointee.server = server
        view.append(number, kind, socketPath)
        resumeCounterpart(of: connection)
    }

    /// Makes the poller before the first wait. Without a free descriptor waits work without it.
    private mutating func makePoller() throws(IPCError) {
        guard poller.isIdle else { return }
        do throws(IPCError) { try rebuild() } catch { if !error.isShortage { throw error } }
    }

    mutating func reserveEntry() throws(IPCError) {
        try view.reserve()
        try connections.reserve()
        try numbers.reserve()
    }

    /// Makes the connection for the next entry.
    /// - Parameter mayFail: otherwise the entry stays, inactive, also where its descriptor cannot be watched.
    @discardableResult
    private mutating func makeEntry(_ number: Int32, mayFail: Bool = true) throws(IPCError) -> ConnectionReference {
        try connections.reserve()
        try numbers.reserve()
        generation &+= 1
        let connection = try Connection.make(number, generation: generation, index: connections.count)
        let former = numbers[number]
        do throws(IPCError) { try activate(connection) } catch {
            if mayFail || error.isShortage {
                Connection.destroy(connection)
                throw error
            }
            connections.appendReserved(connection)
            if former == nil { numbers[number] = connection }
            throw error
        }
        connections.appendReserved(connection)
        connection.pointee.hasDuplicate = former != nil
        numbers[number] = connection
        return connection
    }

    /// Watches the connection's descriptor. A connection whose descriptor is not open stays inactive. Where two entries have the number,
    /// the one that was added last is active: the program may have closed the descriptor of the other, and got the number again.
    mutating func activate(_ connection: ConnectionReference) throws(IPCError) {
        let number = connection.pointee.number
        guard number >= 0 else { return }
        try check(number < LIBIPC_TABLE_SIZE, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "descriptor \(number) is too large")
        let former = active(number)
        if let former, let stream = former.pointee.stream {
            // The bytes that it holds move along if the file is the same.
            swap(&connection.pointee.untold, &former.pointee.untold)
            let isSame = stream.pointee.isCurrent
            deactivate(former, isSame ? .moved : .discarded)
            connection.pointee.replaced = isSame ? former.pointee.registration.generation : 0
        }
        let stream = try DescriptorTable.adopt(number, by: monitor, connection)
        connection.pointee.stream = stream
        setState(.idle, of: connection)
        let watched: WatchResult
        do throws(IPCError) { watched = try poller.add(connection.pointee.registration, .read) } catch {
            deactivate(connection, former == nil ? .released : .moved)
            if let former {
                // The other entry goes on.
                swap(&connection.pointee.untold, &former.pointee.untold)
                try? activate(former)
            }
            throw error
        }
        if watched == .notOpen { return _ = deactivate(connection) }
        connection.pointee.isAlwaysReady = watched == .alwaysReady
        if connection.pointee.isAlwaysReady || stream.pointee.inbox.mayHoldMessage { markRunnable(connection) }
        requeue(connection)
        // One that is being added is in no public array yet.
        if connection.pointee.index < connections.count { resumeCounterpart(of: connection) }
    }

    /// A new poller for the same connections.
    @inline(never)
    mutating func rebuild() throws(IPCError) {
        var fresh = try Poller()
        // A thread may be asking the list of the former one without the lock.
        fresh.takeList(of: &poller)
        swap(&poller, &fresh)
        for index in 0..<connections.count where connections[index].pointee.isActive && !connections[index].pointee.isAlwaysReady {
            let connection = connections[index]
            let watched: WatchResult
            do throws(IPCError) { watched = try poller.add(connection.pointee.registration, connection.pointee.interest) } catch {
                poller.needsRebuild = true
                throw error
            }
            switch watched {
            case .watched: break
            case .alwaysReady:
                connection.pointee.isAlwaysReady = true
                markRunnable(connection)
            case .notOpen: deactivate(connection)
            }
        }
        // The program has closed its number, and asks for another one.
        if loop?.isOurs == false { loop = nil }
        do throws(IPCError) { try loop?.watch(poller.set) } catch {
            poller.needsRebuild = true
            throw error
        }
    }

    /// The entry of this number.
    mutating func entry(_ number: Int32, _ code: ErrorCode = IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND) throws(IPCError) -> ConnectionReference {
        try connection(of: number).orThrow(code, "descriptor \(number) is not in this context")
    }

    /// Changes the type of an entry. What is wanted of the poller may be something else now.
    mutating func setKind(_ kind: ConnectionKind, of connection: ConnectionReference) {
        view.setKind(kind, at: connection.pointee.index)
        guard let stream = connection.pointee.stream else {
            // The program may have closed the number and opened another file with it. Activates the entry unless another has the number.
            connection.pointee.replaced = 0
            if active(connection.pointee.number) == nil { try? activate(connection) }
            return
        }
        connection.pointee.hangUp = .none
        // poll(2) watches the number, whichever file it means; what was received before came from the former file.
        guard stream.pointee.isCurrent else {
            deactivate(connection)
            try? activate(connection)
            return
        }
        if confirm(connection) { resume(connection) }
    }
}
