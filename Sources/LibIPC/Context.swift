// Context.swift - a set of connections, and the way their bytes become events.
//
// Entries share their indices with the roster; a connection is found by its descriptor. An entry whose descriptor was closed, or
// was added again, stays in the roster until the program deletes it, but is not live. The parts: entries (here), the loop
// (Context+Events), frames in both directions (Context+Frames), switching (Context+Switching).

struct Context<Entries: Roster & ~Copyable>: ~Copyable {
    /// Default for the bytes that may wait for one receiver.
    static var defaultQueueLimit: Int { 64 * 1024 * 1024 }

    var roster: Entries
    /// Guards it; connections lead back to it.
    let monitor: MonitorReference
    private(set) var connections = HeapArray<ConnectionReference>()
    private var generation: UInt32 = 0
    private var changes = libipc_noted_changes()

    var poller: Poller
    var scratch = Scratch()
    /// Have, or may have, something to read: served in turn.
    var ready = Line(slot: 0)
    /// Have frames to send, and may be writable.
    var unsent = Line(slot: 1)
    /// Have sent frames that are to be reported.
    var reports = Line(slot: 2)
    /// Nobody will say when this is over: servers that could not accept for want of descriptors or memory, and switched ends
    /// without another.
    var aside = Line(slot: 3)
    /// Switched ends that wait for room at the other end.
    var held = Line(slot: 4)

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
    /// Since when messages of one receive have been handed out without a system call: on `Clock`, in nanoseconds; 0: there was but one.
    var fluentSince: Int64 = 0
    /// How long that may go on, in nanoseconds. Longer, and a peer on another processor would wait where it could work.
    var fluency: Int64 = 15_000
    /// A client that was accepted and could not be added for want of memory, or -1.
    var unadmitted: Int32 = -1
    /// When starved servers try again.
    var retryAt: Deadline?

    var seats = Seats()
    /// Threads that wait for events, without the lock; one of them may lead: it asks the poller.
    var waiting = 0
    var isLed = false
    /// Connections whose turn came when they were in a thread's hands.
    var deferred = 0

    init(roster: consuming Entries, monitor: MonitorReference) {
        poller = Poller(idle: true)
        self.roster = roster
        self.monitor = monitor
    }

    deinit { Self.drop(connections, unadmitted) }

    /// Nothing is left of the entries. Descriptors are the program's: none is closed.
    mutating func dissolve() {
        Self.drop(connections, unadmitted)
        connections.removeAll()
        unadmitted = -1
        seats = Seats()
    }

    private static func drop(_ connections: borrowing HeapArray<ConnectionReference>, _ unadmitted: Int32) {
        if unadmitted >= 0 { CLibIPC.close(unadmitted) }
        for index in 0..<connections.count {
            let connection = connections[index]
            connection.pointee.channel.outbox.drop()
            Registry.leave(connection)
            if connection.pointee.isReaderAwaited { connection.pointee.owner.wakeReaders() }
            Connection.destroy(connection)
        }
    }

    // MARK: Finding: all this is called mutating although nothing changes, because Swift 6.3 copies a noncopyable self that is only
    // borrowed to the stack for each call of these.

    /// The entry of this descriptor, the live one if there is one.
    mutating func connection(of descriptor: Int32) -> ConnectionReference? {
        if let found = Registry[descriptor, monitor] { return found }
        return search(descriptor)
    }

    /// An entry that the registry does not lead to: its descriptor was closed, or is in another context too.
    @inline(never)
    private mutating func search(_ descriptor: Int32) -> ConnectionReference? {
        for index in 0..<connections.count where roster.descriptor(at: index) == descriptor { return connections[index] }
        return nil
    }

    mutating func live(_ descriptor: Int32) -> ConnectionReference? {
        guard let found = connection(of: descriptor), found.pointee.isLive else { return nil }
        return found
    }

    mutating func kind(of connection: ConnectionReference) -> ConnectionKind { roster.kind(at: connection.pointee.index) }

    // MARK: Adding

    /// Takes notice of entries that the program has filled by hand, of pairs that it has changed, and of a fork.
    @inline(__always)
    mutating func catchUp() throws(IPCError) {
        if connections.count < roster.count || changes != libipc_noted_changes() { try takeNotice() }
    }

    private mutating func takeNotice() throws(IPCError) {
        while connections.count < roster.count {
            if poller.isIdle { try rebuild() }
            try admit(roster.descriptor(at: connections.count))
        }
        let noted = libipc_noted_changes()
        if changes >> LIBIPC_FORK_SHIFT != noted >> LIBIPC_FORK_SHIFT {
            forgetThreads()
            try rebuild()
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
        try roster.reserve()
        // What cannot be watched must be known at once.
        if !isSocket, poller.isIdle { try rebuild() }
        try admit(descriptor)
        connections[connections.count - 1].pointee.socketFile = socketPath.flatMap { SocketFile(path: $0) }
        roster.append(descriptor, kind, socketPath)
    }

    mutating func reserveEntry() throws(IPCError) {
        try roster.reserve()
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
    private mutating func activate(_ connection: ConnectionReference) throws(IPCError) {
        let descriptor = connection.pointee.number
        guard descriptor >= 0 else { return }
        try check(descriptor < LIBIPC_REGISTRY_SIZE, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "descriptor \(descriptor) is too large")
        let former = Registry[descriptor, monitor]
        if let former, former.pointee.channel.isCurrent {
            swap(&connection.pointee.channel, &former.pointee.channel)
            connection.pointee.reader = former.pointee.reader
        }
        Registry.take(connection)
        if let former {
            // The one that was added last counts: the other's program may have closed its descriptor, and got the number again.
            bury(former)
            connection.pointee.hasTwin = true
        }
        let admission: Admission
        do throws(IPCError) { admission = try poller.add(connection.pointee.registration, .read) } catch {
            dropFrames(connection)
            Registry.unregister(connection)
            throw error
        }
        if admission == .notOpen { return Registry.unregister(connection) }
        connection.pointee.isLive = true
        connection.pointee.isAlwaysReady = admission == .alwaysReady
        if connection.pointee.isAlwaysReady || connection.pointee.channel.inbox.mayHoldMessage { ready.append(connection) }
        if connection.pointee.channel.outbox.hasPending { unsent.append(connection) }
        if connection.pointee.channel.outbox.hasSent { reports.append(connection) }
    }

    /// A new poller for the same connections.
    mutating func rebuild() throws(IPCError) {
        var fresh = try Poller()
        for index in 0..<connections.count where connections[index].pointee.isLive && !connections[index].pointee.isAlwaysReady {
            _ = try fresh.add(connections[index].pointee.registration, connections[index].pointee.interest)
        }
        poller = fresh
    }

    // MARK: Leaving

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
        connection.pointee.channel = Channel(descriptor)
        Registry.unregister(connection)
        // Somebody may wait for the one who reads it.
        if connection.pointee.isReaderAwaited { monitor.wakeReaders() }
        (connection.pointee.reader, connection.pointee.isReaderAwaited) = (Reader.none, false)
        connection.pointee.isLive = false
        // Should it live again, it begins anew.
        (connection.pointee.isPaused, connection.pointee.isBlocked, connection.pointee.interest) = (false, false, .read)
        (connection.pointee.isReadable, connection.pointee.isHungUp, connection.pointee.holdsMore) = (false, false, false)
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
        if kind(of: connection) == .external { return dropFrames(connection) }
        if !connection.pointee.isLive { throw IPCError(IPC_ERROR_USOCK_CLOSE, "close descriptor \(descriptor)", systemError: EBADF) }
        if let path = roster.takeSocketPath(at: connection.pointee.index) {
            // While this socket listens nobody else takes its name: so the file goes first.
            if let file = connection.pointee.socketFile, file.isOurs(at: path) { unlink(path) }
            free(path)
        }
        let isAwaited = connection.pointee.isAwaited
        bury(connection)
        if isAwaited { shutdown(descriptor, Int32(SHUT_RDWR)) }
        try Socket.close(descriptor)
    }

    // MARK: What is wanted of the poller

    /// Tells the poller what is wanted now, if that differs.
    mutating func updateInterest(_ connection: ConnectionReference) {
        var wanted: Interest = connection.pointee.isPaused ? [] : .read
        if connection.pointee.isBlocked { wanted.insert(.write) }
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
    mutating func resume(_ connection: ConnectionReference) {
        aside.remove(connection)
        held.remove(connection)
        connection.pointee.isPaused = false
        updateInterest(connection)
        ready.append(connection)
    }
}
