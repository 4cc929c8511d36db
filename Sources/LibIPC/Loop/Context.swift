// Context.swift - a set of connections, and the way their bytes become events.
//
// Folder: Loop. Uses: Base, Wire, IO, Sharing, Stream.
//
// Entries share their indices with the public arrays; a connection is found by its number. An entry whose descriptor was closed, or
// was added again, stays until the program deletes it, but is inactive. The parts: Context+Entries (adding), Context+Events (the loop),
// Context+Polling, Context+Queueing, Context+Sending, Context+Receiving, Context+Servers, Context+Switching,
// Context+Leases, Context+Leaving, Context+Closing.

struct Context<View: PublicView & ~Copyable>: ~Copyable {
    /// Default for the bytes that may wait for one receiver.
    static var defaultQueueLimit: Int { 64 * 1024 * 1024 }

    /// How the program sees the entries.
    var view: View
    /// Its lock guards the context.
    let monitor: MonitorReference
    var connections = HeapArray<ConnectionReference>()
    /// Number to connection: the active one, where a number has several.
    var numbers = NumberMap<ConnectionReference>()
    /// How many connections there have been.
    var generation: UInt32 = 0
    /// The value of libipc_changes that the context has taken notice of.
    var changes = libipc_current_changes()

    var poller: Poller
    var pool = BufferPool()
    var guess = SpeakerGuess()
    var turns = Turns()

    /// Connections with a turn to come.
    var runnable = ConnectionQueue(.reading)
    /// Connections in one of the waiting states (Connection.State).
    var parked = ConnectionQueue(.reading)
    /// Connections that have frames to send and may be writable, or have sent frames that the program is to be told of.
    var outgoing = ConnectionQueue(.sending)
    /// Some connection in `outgoing` may have frames to send.
    var hasUnsent = false
    /// Frames of all connections that were sent, and that the program was not told of yet.
    var untold = 0

    /// In bytes. nil: the default.
    var queueLimit: Int?
    var settings = Settings()
    /// Other event loops watch it; nil: the program has not asked for it.
    var loop: LoopDescriptor?
    /// Accepted connections that are open; and, where a limit is set, those of each user.
    var accepted = 0, users = HeapArray<UserCount>()
    /// Number of the call that is at work: how many have entered the context.
    var call: UInt32 = 0
    /// The last event was TX: a frame was sent.
    var wasSent = false
    /// A client that was accepted and could not be added for want of memory, or -1.
    var unadmitted: Int32 = -1
    /// Consecutive clients that were lost before they were accepted.
    var lostClients = 0
    /// When the next retry of starved and draining connections is due.
    var retryAt: Deadline?
    /// How many parked connections are still to be examined (`examineParked`).
    var unexamined = 0
    /// The program has changed pairs since all parked connections were last examined.
    var arePairsChanged = false

    /// How often the context has slept.
    var sleeps: UInt32 = 0
    /// How many connections were removed, now and when the last wait began.
    var removals: UInt32 = 0, removalsAtWait: UInt32 = 0
    var numberCheck = NumberCheck()

    var leases = Leases()
    /// Connections in the state `leased`.
    var leasedTurns = 0
    /// Threads that wait for events, without the lock.
    var waiting = 0
    /// One of them leads: it asks the poller.
    var isLed = false
    /// All entries are closed: the thread that asks the poller closes the poller's descriptors.
    var isPollerUnwanted = false

    /// `closeAll` is at work, which frees nothing; it has left memory to free (Context+Closing): frames and streams.
    var keepsMemory = false, hasKeptMemory = false
    var dropped = Outbox()
    var keptStreams: StreamReference?

    init(view: consuming View, monitor: MonitorReference) {
        poller = Poller(idle: true)
        self.view = view
        self.monitor = monitor
    }

    deinit { Self.drop(connections, unadmitted) }

    /// Removes all entries. Descriptors belong to the program: none is closed.
    mutating func dissolve() {
        Self.drop(connections, unadmitted)
        connections.removeAll()
        numbers.removeAll()
        freeWhatIsClosed()
        loop = nil
        unadmitted = -1
        leases = Leases()
    }

    private static func drop(_ connections: borrowing HeapArray<ConnectionReference>, _ unadmitted: Int32) {
        if unadmitted >= 0 { CLibIPC.close(unadmitted) }
        for index in 0..<connections.count {
            let connection = connections[index]
            if let stream = connection.pointee.stream {
                while let frame = stream.pointee.outbox.takeUnbegun() { OutboundFrame.destroy(frame) }
                stream.pointee.outbox.unlist()
                DescriptorTable.release(stream)
            }
            Connection.destroy(connection)
        }
    }

    /// The context stays when its last entry goes: the program has set something for it, or handles a batch in which a connection ended.
    var isKept: Bool { queueLimit != nil || loop != nil || settings.isSet || leases.holdDescriptors }

    // MARK: Finding
    //
    // These functions change nothing, and yet are mutating: Swift 6.3 copies a noncopyable self to the stack for each call that only
    // borrows it.

    /// The entry of this number, the active one if there is one.
    @inline(__always)
    mutating func connection(of number: Int32) -> ConnectionReference? { numbers[number] }

    @inline(__always)
    mutating func active(_ number: Int32) -> ConnectionReference? {
        guard let found = numbers[number], found.pointee.isActive else { return nil }
        return found
    }

    @inline(__always)
    mutating func kind(of connection: ConnectionReference) -> ConnectionKind { view.kind(at: connection.pointee.index) }

    // MARK: States

    /// Changes what the connection waits for. It is in exactly the queue that belongs to its state. (`markRunnable` and `beginTurn` are
    /// the same for the two usual changes.)
    @inline(never)
    mutating func setState(_ state: Connection.State, of connection: ConnectionReference) {
        leaveQueue(connection)
        connection.pointee.state = state
        switch state {
        case .inactive, .idle: break
        case .leased: leasedTurns += 1
        case .runnable: runnable.append(connection)
        case .awaitingRoom, .awaitingPartner, .starved, .draining: parked.append(connection)
        }
    }

    @inline(__always)
    private mutating func leaveQueue(_ connection: ConnectionReference) {
        switch connection.pointee.state {
        case .inactive, .idle: break
        case .leased: leasedTurns -= 1
        case .runnable: runnable.remove(connection)
        case .awaitingRoom, .awaitingPartner, .starved, .draining: parked.remove(connection)
        }
    }

    /// Queues an idle connection for its turn.
    @inline(__always)
    mutating func markRunnable(_ connection: ConnectionReference) {
        guard case .idle = connection.pointee.state else { return }
        connection.pointee.state = .runnable
        runnable.append(connection)
    }

    /// Takes a connection out of the queue for its turn.
    @inline(__always)
    mutating func beginTurn(_ connection: ConnectionReference) {
        runnable.remove(connection)
        connection.pointee.state = .idle
        turns.use()
    }

    /// Makes a connection runnable whatever it waits for, because its type or that condition has changed.
    @inline(never)
    mutating func resume(_ connection: ConnectionReference) {
        if case .inactive = connection.pointee.state { return }
        if case .runnable = connection.pointee.state {} else { setState(.runnable, of: connection) }
        updateInterest(connection)
    }

    /// Puts the connection into a waiting state: it is not read until `resume`.
    mutating func park(_ connection: ConnectionReference, _ state: Connection.State) {
        setState(state, of: connection)
        updateInterest(connection)
    }

    /// Tells the poller what is wanted now, if that differs.
    @inline(never)
    mutating func updateInterest(_ connection: ConnectionReference) {
        var wanted: Interest = connection.pointee.isPaused ? [] : .read
        if connection.pointee.isBlocked { wanted.insert(.write) }
        if connection.pointee.hangUp != .none { wanted.insert(.changes) }
        guard connection.pointee.interest != wanted, connection.pointee.isActive, !connection.pointee.isAlwaysReady else { return }
        connection.pointee.interest = wanted
        poller.update(connection.pointee.registration, wanted)
    }
}
