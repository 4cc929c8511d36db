// Context.swift - a set of connections, and the way their bytes become events.
//
// Entries share their indices with the view; a connection is found by its descriptor. An entry whose descriptor was closed, or
// was added again, stays in the view until the program deletes it, but is not live. The parts: entries (here), the loop
// (Context+Events), frames in both directions (Context+Frames), switching (Context+Switching).

struct Context<Entries: PublicView & ~Copyable>: ~Copyable {
    /// Default for the bytes that may wait for one receiver.
    static var defaultQueueLimit: Int { 64 * 1024 * 1024 }

    var view: Entries
    /// Guards it; connections lead back to it.
    let monitor: MonitorReference
    var connections = HeapArray<ConnectionReference>()
    private var generation: UInt32 = 0
    var changes = libipc_noted_changes()

    var poller: Poller
    var pool = BufferPool()
    var guess = SpeakerGuess()
    /// Have, or may have, something to read: served in turn.
    var ready = ConnectionQueue(slot: 0)
    /// Have frames to send, and may be writable.
    var unsent = ConnectionQueue(slot: 1)
    /// Have sent frames that are to be reported.
    var reports = ConnectionQueue(slot: 2)
    /// Connections whose wait no event ends: servers without a free descriptor or memory for a client, descriptors that had no
    /// space for a write, switched ends without a partner, and peers that have stopped writing and still get their queue.
    var aside = ConnectionQueue(slot: 3)
    /// Switched ends that wait for room at the other end.
    var held = ConnectionQueue(slot: 4)

    /// nil: the default, and the context may vanish with its last entry.
    var queueLimit: Int?
    /// How often somebody came in: counted by those who do.
    var call: UInt32 = 0
    /// Turns taken since the poller was last asked, and how many may be until it is again.
    var turns = 0, allowedTurns = Context.patience
    /// The last event was a report.
    var wasReport = false
    /// Turns while frames wait to be sent, and after how many of them it is asked again whether to send.
    var heldBack = 0, burst = 0
    /// Since when messages of one receive have been handed out without a system call: on `Clock`, in nanoseconds; 0: there was but
    /// one.
    var fluentSince: Int64 = 0
    /// How long that may go on, in nanoseconds. Longer, and a peer on another processor would wait where it could work.
    var fluency: Int64 = 15_000
    /// A client that was accepted and could not be added for want of memory, or -1.
    var unadmitted: Int32 = -1
    /// When connections in `aside` are retried.
    var retryAt: Deadline?
    /// Consecutive clients that were lost before they were accepted.
    var lostClients = 0

    /// How often the context has slept.
    var sleeps: UInt32 = 0
    /// When numbers were last compared with the files that were added (libipc_coarse_tick), and the entry to continue with.
    var lastTick: Int64 = 0, nextConfirmed = 0
    /// The call in which that was last done, and the one in which a sleep was shortened for it.
    var confirmedIn: UInt32 = 0, sleptIn: UInt32 = 0

    var leases = Leases()
    /// Threads that wait for events, without the lock; one of them may lead: it asks the poller.
    var waiting = 0
    var isLed = false
    /// All entries are closed: the thread that asks the poller closes the poller's descriptors.
    var isPollerUnwanted = false
    /// Connections whose turn came when they were in a thread's hands.
    var deferred = 0

    /// See Context+Closing.
    var keepsMemory = false, hasKeptMemory = false
    var dropped = Outbox()

    init(view: consuming Entries, monitor: MonitorReference) {
        poller = Poller(idle: true)
        self.view = view
        self.monitor = monitor
    }

    deinit { Self.drop(connections, unadmitted) }

    /// Nothing is left of the entries. Descriptors are the program's: none is closed.
    mutating func dissolve() {
        Self.drop(connections, unadmitted)
        connections.removeAll()
        dropped = Outbox()
        unadmitted = -1
        leases = Leases()
    }

    private static func drop(_ connections: borrowing HeapArray<ConnectionReference>, _ unadmitted: Int32) {
        if unadmitted >= 0 { CLibIPC.close(unadmitted) }
        for index in 0..<connections.count {
            let connection = connections[index]
            connection.pointee.channel.outbox.drop()
            DescriptorTable.leave(connection)
            if connection.pointee.isReaderAwaited { connection.pointee.owner.wakeReaders() }
            Connection.destroy(connection)
        }
    }

    // MARK: Finding: all this is called mutating although nothing changes, because Swift 6.3 copies a noncopyable self that is only
    // borrowed to the stack for each call of these.

    /// The entry of this descriptor, the live one if there is one.
    mutating func connection(of descriptor: Int32) -> ConnectionReference? {
        if let found = DescriptorTable[descriptor, monitor] { return found }
        return search(descriptor)
    }

    /// An entry that the registry does not lead to: its descriptor was closed, or is in another context too.
    @inline(never)
    private mutating func search(_ descriptor: Int32) -> ConnectionReference? {
        for index in 0..<connections.count where view.descriptor(at: index) == descriptor { return connections[index] }
        return nil
    }

    mutating func live(_ descriptor: Int32) -> ConnectionReference? {
        guard let found = connection(of: descriptor), found.pointee.isLive else { return nil }
        return found
    }

    mutating func kind(of connection: ConnectionReference) -> ConnectionKind { view.kind(at: connection.pointee.index) }

    // MARK: Adding

    /// Takes notice of entries that the program has filled by hand, of pairs that it has changed, and of a fork.
    @inline(__always)
    mutating func catchUp() throws(IPCError) {
        if connections.count < view.count || libipc_has_changed(changes) != 0 { try takeNotice() }
    }

    private mutating func takeNotice() throws(IPCError) {
        if hasKeptMemory { freeWhatIsClosed() }
        while connections.count < view.count {
            try watchEarly()
            try admit(view.descriptor(at: connections.count))
        }
        let noted = libipc_noted_changes()
        if changes >> LIBIPC_FORK_SHIFT != noted >> LIBIPC_FORK_SHIFT {
            forgetThreads()
            for index in 0..<connections.count where connections[index].pointee.channel.outbox.hasPending {
                connections[index].pointee.hasInheritedFrames = true
            }
            // The parent's descriptors are of no use here, and their numbers may be the only free ones.
            poller.closeDescriptors()
            do throws(IPCError) { try rebuild() } catch { if !error.isShortage { throw error } }
        }
        changes = noted
        while let connection = held.first { resume(connection) }
    }

    /// Adds an entry.
    /// - Parameters:
    ///   - isSocket: it is known that this is an open socket.
    ///   - socketPath: malloc'ed; still the caller's when this fails.
    mutating func add(
        _ descriptor: Int32, _ kind: ConnectionKind, isSocket: Bool = false, socketPath: UnsafeMutablePointer<CChar>? = nil
    ) throws(IPCError) {
        try view.reserve()
        // A descriptor that cannot be watched is an error now, not in a later wait. A service has all its own descriptors from here
        // on.
        if kind == .server, poller.isIdle { try rebuild() } else if !isSocket { try watchEarly() }
        try admit(descriptor)
        // Sockets of the library's own.
        if isSocket || socketPath != nil { connections[connections.count - 1].pointee.channel.isStream = true }
        connections[connections.count - 1].pointee.socketFile = socketPath.flatMap { SocketFile(path: $0) }
        connections[connections.count - 1].pointee.isOwnListener = isSocket && kind == .server
        view.append(descriptor, kind, socketPath)
    }

    /// Makes the poller before the first wait. Without a free descriptor waits work without it.
    private mutating func watchEarly() throws(IPCError) {
        guard poller.isIdle else { return }
        do throws(IPCError) { try rebuild() } catch { if !error.isShortage { throw error } }
    }

    mutating func reserveEntry() throws(IPCError) {
        try view.reserve()
        try connections.reserve()
    }

    /// Makes the connection for the next entry.
    private mutating func admit(_ descriptor: Int32) throws(IPCError) {
        generation &+= 1
        try connections.reserve()
        let connection = try Connection.make(
            Connection(Channel(descriptor), generation: generation, index: connections.count, owner: monitor))
        try undoing(Connection.destroy(connection), try activate(connection))
        try connections.append(connection)
    }

    /// Watches the connection's descriptor; leaves it without life where that is not open.
    mutating func activate(_ connection: ConnectionReference) throws(IPCError) {
        let descriptor = connection.pointee.number
        guard descriptor >= 0 else { return }
        try check(descriptor < LIBIPC_REGISTRY_SIZE, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "descriptor \(descriptor) is too large")
        let former = DescriptorTable[descriptor, monitor]
        if let former, former.pointee.channel.isCurrent {
            swap(&connection.pointee.channel, &former.pointee.channel)
            connection.pointee.reader = former.pointee.reader
        }
        DescriptorTable.take(connection)
        if let former {
            // The one that was added last counts: the other's program may have closed its descriptor, and got the number again.
            bury(former)
            connection.pointee.hasTwin = true
        }
        let admission: Admission
        do throws(IPCError) { admission = try poller.add(connection.pointee.registration, .read) } catch {
            dropFrames(connection)
            DescriptorTable.unregister(connection)
            throw error
        }
        if admission == .notOpen { return DescriptorTable.unregister(connection) }
        connection.pointee.isLive = true
        connection.pointee.isAlwaysReady = admission == .alwaysReady
        if connection.pointee.isAlwaysReady || connection.pointee.channel.inbox.mayHoldMessage { ready.append(connection) }
        if connection.pointee.channel.outbox.hasPending { unsent.append(connection) }
        if connection.pointee.channel.outbox.hasSent { reports.append(connection) }
    }

    /// A new poller for the same connections.
    @inline(never)
    mutating func rebuild() throws(IPCError) {
        var fresh = try Poller()
        var isClosed = false
        for index in 0..<connections.count where connections[index].pointee.isLive && !connections[index].pointee.isAlwaysReady {
            switch try fresh.add(connections[index].pointee.registration, connections[index].pointee.interest) {
            case .watched: break
            case .alwaysReady:
                connections[index].pointee.isAlwaysReady = true
                ready.append(connections[index])
            case .notOpen:
                connections[index].pointee.isClosedByProgram = true
                isClosed = true
            }
        }
        // A thread may be asking the list of the former one without the lock.
        fresh.takeList(of: &poller)
        poller = fresh
        guard isClosed else { return }
        for index in 0..<connections.count where connections[index].pointee.isClosedByProgram { bury(connections[index]) }
    }

    // MARK: What is wanted of the poller

    /// Tells the poller what is wanted now, if that differs.
    mutating func updateInterest(_ connection: ConnectionReference) {
        var wanted: Interest = connection.pointee.isPaused ? [] : .read
        if connection.pointee.isBlocked { wanted.insert(.write) }
        if connection.pointee.isHangUpTold { wanted.insert(.changes) }
        guard connection.pointee.interest != wanted, connection.pointee.isLive, !connection.pointee.isAlwaysReady else { return }
        connection.pointee.interest = wanted
        poller.update(connection.pointee.registration, wanted)
    }

    /// Does not read the connection until somebody resumes it.
    mutating func pause(_ connection: ConnectionReference) {
        connection.pointee.isPaused = true
        updateInterest(connection)
    }

    /// Looks at the connection again: what it waited for, or what it is, has changed.
    @inline(never)
    mutating func resume(_ connection: ConnectionReference) {
        // What lacks something when it is written stays aside until it is tried again.
        if !connection.pointee.isStarved { aside.remove(connection) }
        held.remove(connection)
        connection.pointee.isPaused = false
        updateInterest(connection)
        ready.append(connection)
    }
}
