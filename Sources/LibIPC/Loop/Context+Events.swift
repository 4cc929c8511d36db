// Context+Events.swift - the loop: one event a call, the connections in turn.
//
// A turn is one message, one receive or one accept. Messages that are here already are handed out first, at no system call; what
// a program queues meanwhile goes in one piece: the first reply of a burst at once, then those of some microseconds together; of
// a program that takes its time, more and more together. All are sent before the next receive or look at the poller. What has been
// sent is reported before there is new input.

extension Context where Entries: ~Copyable {
    /// Turns between two looks at the poller, at most; of a program that is quick, six times as many.
    static var patience: Int { 12 }
    private static var longPatience: Int { 72 }
    /// How often a call whose time is up looks whether there is an end to what gives no event: bytes of a message, one by one.
    private static var maximumLooks: Int { 64 }
    /// A server pauses after this number of consecutive clients that were lost before they were accepted.
    private static var maximumLostClients: Int { 64 }

    /// The next event, or a call of one of the program's callbacks that is needed to find it, or a rest: nobody has anything.
    /// - Parameter deadline: when to give a timer event instead.
    mutating func next(_ event: inout Event, _ deadline: Deadline) throws(IPCError) {
        if !reports.isEmpty, report(&event) { return wasReport = true }
        try search(&event, deadline)
    }

    /// The same, after what was asked of the caller.
    mutating func search(_ event: inout Event, _ deadline: Deadline) throws(IPCError) {
        defer { if event.kind != .waiting { wasReport = event.kind == .sent } }
        while true {
            if !aside.isEmpty { attend() }
            if !ready.isEmpty { try serveReady(&event) }
            if event.kind == .none { try sendUnsent(&event) }
            if event.kind != .none { return }
            // Who answers reports with messages must not keep others from being heard.
            if !reports.isEmpty, turns < allowedTurns, !wasReport || ready.isEmpty, report(&event) { return turns += 1 }
            if !ready.isEmpty, turns < allowedTurns { continue }
            // A wait of 0 ms checks once. An expired timer is the next event: constant traffic cannot delay it.
            let remaining = deadline.remaining
            if remaining == 0, deadline != .immediate || event.named == 0 || event.looks >= Self.maximumLooks { return event.kind = .timer }
            event.looks += 1
            let isIdle = ready.isEmpty && reports.isEmpty
            if isIdle {
                if !held.isEmpty, resumeRetyped() { continue }
                burst = 0
                // Where there is no other thread the lock keeps nobody out.
                if libipc_is_alone() == 0 { return event.kind = .waiting }
            }
            try look(isIdle ? patience(remaining) : 0, &event)
            if !isIdle { event.named += 1 }
        }
    }

    /// Gives the ready connections their turns until there is an event.
    private mutating func serveReady(_ event: inout Event) throws(IPCError) {
        while event.kind == .none, mayTakeTurn, let connection = ready.first {
            if isTaken(connection, from: event.lease) {
                ready.remove(connection)
                deferTurn(connection)
                continue
            }
            // A reply is not kept back for a system call, nor for more messages than went before it, but for quick ones.
            if !unsent.isEmpty {
                if burst > 0, heldBack >= burst, isFluent { burst = burst * 2 + 1 }
                if heldBack >= burst || !connection.pointee.channel.inbox.mayHoldMessage { return try sendUnsent(&event) }
            }
            heldBack = unsent.isEmpty ? 0 : heldBack + 1
            ready.remove(connection)
            turns += 1
            switch kind(of: connection) {
            case .ipc: try serveFrames(connection, &event)
            case .external: serveExternal(connection, &event)
            case .server: try serveServer(connection, &event)
            case .switched: try serveSwitched(connection, &event)
            }
        }
    }

    private var mayTakeTurn: Bool {
        mutating get {
            if turns < allowedTurns { return true }
            guard allowedTurns < Self.longPatience, isFluent else { return false }
            allowedTurns += Self.patience
            return true
        }
    }

    /// The messages that are here take the program so little time that nobody misses a system call between them. The clock costs
    /// some, too: it is asked now and then.
    private var isFluent: Bool {
        mutating get {
            if fluentSince > 0, Clock.now() - fluentSince < fluency { return true }
            fluentSince = 0
            return false
        }
    }

    // MARK: What a program reads itself

    mutating func isReadByProgram(_ connection: ConnectionReference) -> Bool {
        let kind = kind(of: connection)
        return kind == .switched ? view.hasReader(connection.pointee.number) : kind != .ipc
    }

    /// Whether a descriptor that the library does not read is still ready: news of an earlier call may be stale, because the
    /// program may have read it since.
    mutating func isStillReadable(_ connection: ConnectionReference) -> Bool {
        if isReadyByItself(connection) || connection.pointee.reportedIn == call { return true }
        connection.pointee.reported = connection.pointee.channel.descriptor.poll(POLLIN, timeout: 0)
        return connection.pointee.reported != 0
    }

    /// The poller does not say it: a regular file; or frames that were read ahead when this was another kind of entry.
    private mutating func isReadyByItself(_ connection: ConnectionReference) -> Bool {
        connection.pointee.isAlwaysReady || connection.pointee.channel.inbox.mayHoldMessage
    }

    /// An EXTERNAL descriptor is ready: readable as poll(2) defines it (also at its end); a socket has an error, which the program
    /// reads (SO_ERROR, the error queue); or it hung up, which is reported once, and again after a change (a FIFO gets new
    /// writers).
    private mutating func serveExternal(_ connection: ConnectionReference, _ event: inout Event) {
        guard isStillReadable(connection) else { return }
        if isReadyByItself(connection) {
            // The poller will name the others again by itself.
            ready.append(connection)
            return event.set(.readable, connection)
        }
        let reported = connection.pointee.reported
        if reported & POLLNVAL != 0 { return }
        let isError = reported & POLLERR != 0 && reported & POLLHUP == 0
        if reported & POLLIN != 0 || isError && connection.pointee.channel.descriptor.isSocket {
            // It is reported again and again without a sleep: the program may have closed the number.
            if connection.pointee.toldAfter == sleeps, !confirm(connection) { return }
            connection.pointee.toldAfter = sleeps
            expectChanges(false, connection)
            return event.set(.readable, connection)
        }
        if connection.pointee.isRepeatExpected { return connection.pointee.isRepeatExpected = false }
        expectChanges(true, connection)
        event.set(.disconnection, connection)
    }

    /// Stores whether a hang-up was reported. From then on only changes are.
    mutating func expectChanges(_ isTold: Bool, _ connection: ConnectionReference) {
        if connection.pointee.isHangUpTold == isTold {
            // The list of poll(2) dropped that mark, because it saw the descriptor without the hang-up.
            if isTold, !Poller.repeatsHangUp { poller.update(connection.pointee.registration, connection.pointee.interest) }
            return
        }
        connection.pointee.isHangUpTold = isTold
        connection.pointee.isRepeatExpected = isTold && Poller.repeatsHangUp && !poller.usesList
        updateInterest(connection)
    }

    // MARK: Servers

    private mutating func serveServer(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        guard unadmitted >= 0 || isStillReadable(connection) else { return }
        do throws(IPCError) { try accept(on: connection, waiting: false, &event) } catch {
            if Socket.isTransient(error.systemError, on: connection.pointee.number) {
                // Each lost client takes a turn. The poller could report lost clients without end.
                lostClients = Socket.concernsOneClient(error.systemError) ? lostClients + 1 : 0
                if lostClients < Self.maximumLostClients { return }
            } else if !error.isShortage {
                // The error is permanent: without this the poller would report it for ever. The program still has to close the
                // server.
                connection.pointee.failedFile = FileIdentity(connection.pointee.channel.descriptor)
                bury(connection)
                event.set(.error, connection)
                throw error.with(code: IPC_ERROR_NONE)
            }
            lostClients = 0
            starve(connection)
            pause(connection)
        }
    }

    /// Accepts a client and adds it. One that cannot be added is not turned away: it comes first next time.
    /// - Parameter waiting: waits for a client, as accept(2) does.
    mutating func accept(on server: ConnectionReference, waiting: Bool, _ event: inout Event) throws(IPCError) {
        // Nothing may fail for want of memory once the client is here, as far as that can be known.
        try reserveEntry()
        if unadmitted < 0 {
            let (number, mayBlock) = (server.pointee.number, !server.pointee.isOwnListener)
            unadmitted = waiting ? try Socket.accept(on: number) : try Socket.acceptNow(on: number, mayBlock: mayBlock)
            lostClients = 0
        }
        try add(unadmitted, .ipc, isSocket: true)
        unadmitted = -1
        // A client's socket has the type of its listener.
        connections[connections.count - 1].pointee.channel.isStream = server.pointee.channel.isStream
        event.set(.connection, connections[connections.count - 1])
    }
}
