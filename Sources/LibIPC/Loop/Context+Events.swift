// Context+Events.swift - the loop: one event a call, the connections in turn.
//
// A turn is one message, one receive or one accept. Turns.swift has the rule for when frames are sent and the poller is asked. What
// has been sent is reported before there is new input.

extension Context where View: ~Copyable {
    /// How often a call with timer 0 asks the poller at most. Its reports may give no event for long: bytes of a message, one by one.
    private static var maximumPolls: Int { 64 }

    /// Finds the next event, or what the caller does first: call the program's callback, or wait (Event.Kind).
    /// - Parameter deadline: when to give a timer event instead.
    @inline(__always)
    mutating func next(_ event: inout Event, _ deadline: Deadline) throws(IPCError) {
        // The usual wait after a message was queued.
        if hasUnsent, runnable.isEmpty, !wasSent, retryAt == nil {
            if try !sendOnly(&event) { try sendQueued(&event) }
            if event.kind != .none { return wasSent = event.kind == .sent }
        }
        if untold > 0 {
            if hasUnsent, turns.sendsFirst(at: event.clock.now()) { try sendQueued(&event) }
            if event.kind != .none { return }
            if tell(&event) { return wasSent = true }
        } else if try takeReadAhead(&event) {
            return wasSent = event.kind == .sent
        }
        try search(&event, deadline)
    }

    /// Tells that ipc_wake was called, after sending what is queued: the program may end after this event.
    /// - Returns: whether there is an event now.
    @inline(never)
    private mutating func takeWake(_ event: inout Event) throws(IPCError) -> Bool {
        try sendAll(&event)
        if event.kind == .none, libipc_take_wake(monitor) != 0 {
            event.kind = .wake
            // The bell has rung for it.
            loop?.ringAgain()
        }
        return event.kind != .none
    }

    /// Takes a message that was read ahead out of the inbox of the connection whose turn it is.
    /// - Returns: false: there is none, or something else comes first.
    @inline(__always)
    private mutating func takeReadAhead(_ event: inout Event) throws(IPCError) -> Bool {
        guard let connection = runnable.first, retryAt == nil, !turns.isUsedUp, kind(of: connection) == .ipc,
            connection.pointee.sendFailure == 0, let stream = connection.pointee.stream, stream.pointee.inbox.hasReadAhead,
            !isTaken(connection, from: event.lease)
        else { return false }
        if hasUnsent, turns.sendsFirst(at: event.clock.now()) {
            try sendQueued(&event)
            if event.kind == .none, !wasSent, tell(&event) { turns.use() }
            return event.kind != .none
        }
        guard let message = stream.pointee.inbox.takeReadAhead(&pool) else { return false }
        event.give(.message, connection)
        event.message = consume message
        turns.use()
        endTurnWithMore(connection, stream)
        return true
    }

    /// A message was taken out of the inbox. If that may hold another one, the connection's turn comes again after the others'.
    @inline(__always)
    private mutating func endTurnWithMore(_ connection: ConnectionReference, _ stream: StreamReference) {
        let isDone = connection.pointee.reported == 0 && !stream.pointee.inbox.mayHoldMessage
        if isDone || runnable.count > 1 { runnable.remove(connection) }
        if isDone { connection.pointee.state = .idle } else if !runnable.contains(connection) { runnable.append(connection) }
    }

    /// Whether another event may be found without a call of the poller.
    var hasMore: Bool { @inline(__always) mutating get { !runnable.isEmpty || untold > 0 } }

    /// More messages for a call that gives several events, and has one already: small ones that were read ahead, of the connection whose
    /// turn it is. None where something else comes first. The lease has room for the connection.
    /// - Parameter place: as with `Inbox.takeRun`.
    /// - Returns: how many were taken. Where other connections have their turns, too, it is one at most.
    @inline(__always)
    mutating func takeRun(
        _ room: Int, _ lease: LeaseReference,
        _ place: (ConnectionReference, Int, FrameHeader, UnsafeMutableRawPointer, inout BufferPool) -> Bool
    ) -> Int {
        guard untold == 0, let connection = runnable.first, connection.pointee.sendFailure == 0, kind(of: connection) == .ipc,
            let stream = connection.pointee.stream, !isTaken(connection, from: lease)
        else { return 0 }
        let count = stream.pointee.inbox.takeRun(runnable.count > 1 ? 1 : room, &pool) { place(connection, $0, $1, $2, &$3) }
        if count == 0 { return 0 }
        if connection.pointee.lease == nil {
            lease.pointee.hold(connection, inBatch: true)
            connection.pointee.lease = lease
        }
        wasSent = false
        turns.use(count)
        endTurnWithMore(connection, stream)
        return count
    }

    /// One more event for a call that gives several, and has one already: only what is here, without a system call that asks, and
    /// without callbacks. None: the call ends.
    @inline(never)
    mutating func takeMore(_ event: inout Event) throws(IPCError) {
        if untold > 0, tell(&event) { return wasSent = true }
        wasSent = false
        while event.kind == .none, let connection = runnable.first {
            if isTaken(connection, from: event.lease) {
                setState(.leased, of: connection)
                continue
            }
            let kind = kind(of: connection)
            // A file that is always ready would be told without end.
            if kind == .switched || kind == .external && connection.pointee.lease != nil { return }
            beginTurn(connection)
            switch kind {
            case .ipc: try serveFrames(connection, &event)
            case .external: serveExternal(connection, &event)
            case .server: try serveServer(connection, &event)
            case .switched: return
            }
        }
    }

    /// Finds the next event. The caller comes here first where it has waited, or called a callback that gave no event.
    @inline(never)
    mutating func search(_ event: inout Event, _ deadline: Deadline) throws(IPCError) {
        defer { if event.kind != .waiting { wasSent = event.kind == .sent } }
        while true {
            if libipc_is_woken(monitor) != 0, try takeWake(&event) { return }
            if retryAt != nil { retryStarved() }
            if !runnable.isEmpty { try serveRunnable(&event) }
            if event.kind == .none { try sendAll(&event) }
            if event.kind != .none { return }
            // A program that answers each TX event with a message must not starve other connections.
            if untold > 0, !turns.isUsedUp, !wasSent || runnable.isEmpty, tell(&event) { return turns.use() }
            if !runnable.isEmpty, !turns.isUsedUp { continue }
            if try askPoller(&event, deadline) {
                if loop != nil, event.kind == .timer { try concludeForLoop(&event) }
                return
            }
        }
    }

    /// Gives the runnable connections their turns until there is an event.
    @inline(__always)
    private mutating func serveRunnable(_ event: inout Event) throws(IPCError) {
        while event.kind == .none, !turns.isUsedUp, let connection = runnable.first {
            if isTaken(connection, from: event.lease) {
                setState(.leased, of: connection)
                continue
            }
            if hasUnsent, sendsFirst(connection, &event) { return }
            beginTurn(connection)
            switch kind(of: connection) {
            case .ipc: try serveFrames(connection, &event)
            case .external: serveExternal(connection, &event)
            case .server: try serveServer(connection, &event)
            case .switched: try serveSwitched(connection, &event)
            }
        }
    }

    /// Whether to send queued frames before this connection's turn. Without a message here the turn is a system call, for which no reply
    /// may wait.
    private mutating func sendsFirst(_ connection: ConnectionReference, _ event: inout Event) -> Bool {
        guard connection.pointee.stream?.pointee.inbox.mayHoldMessage == true else { return true }
        return turns.sendsFirst(at: event.clock.now())
    }

    /// Asks the poller, unless another thread is doing that. True: the time is up, or the caller waits.
    @inline(__always)
    private mutating func askPoller(_ event: inout Event, _ deadline: Deadline) throws(IPCError) -> Bool {
        if event.polls > 0 { event.clock.expire() }
        // A wait of 0 ms checks once. An expired timer is the next event: constant traffic cannot delay it.
        let remaining = deadline.remaining(&event.clock)
        if remaining == 0, deadline != .immediate || event.reported == 0 || event.polls >= Self.maximumPolls {
            event.kind = .timer
            return true
        }
        event.polls += 1
        let isIdle = runnable.isEmpty && (untold == 0 || firstUntold(event.lease) == nil)
        var limit: Int32 = 0
        if isIdle {
            if !parked.isEmpty {
                if event.polls == 1 { beginExamination() }
                if examineParked() { return false }
            }
            limit = sleepLimit(remaining, &event)
            // With one thread the wait keeps the lock.
            if libipc_is_alone() == 0 {
                event.kind = .waiting
                return true
            }
        }
        try poll(limit, &event)
        if !isIdle { event.reported += 1 }
        return false
    }

    // MARK: Parked connections

    /// Parked connections that are examined before one sleep.
    private static var examinedAtOnce: Int { 16 }
    /// Length of a sleep while there are more of them, or numbers, to examine, in milliseconds.
    static var shortSleep: Int32 { 10 }

    /// Makes sure that starved and draining connections are retried at this time, or earlier.
    @inline(never)
    mutating func retry(at due: Deadline) {
        guard let known = retryAt, known <= due else { return retryAt = due }
    }

    /// Resumes starved connections, and draining ones whose time is up. Few connections are starved or draining, and the pause is long:
    /// so all parked and outgoing connections are visited.
    @inline(never)
    private mutating func retryStarved() {
        guard let due = retryAt, due.hasPassed else { return }
        retryAt = nil
        var next = parked.first
        while let connection = next {
            next = parked.following(connection)
            switch connection.pointee.state {
            case .starved: resume(connection)
            case .draining(let until):
                if !until.hasPassed { retry(at: until); continue }
                sendBeforeDrop(connection)
                dropFrames(connection, keepingBegun: false)
                resumeDrained(connection)
            default: break
            }
        }
        next = outgoing.first
        while let connection = next {
            next = outgoing.following(connection)
            guard case .starved = connection.pointee.sending else { continue }
            connection.pointee.sending = .ready
            hasUnsent = true
        }
    }

    /// All parked connections are to be examined. A wait that the timer of another loop has caused continues the last wait, and
    /// examines some again where that has examined all: otherwise the timer would never end.
    @inline(never)
    private mutating func beginExamination() {
        let isContinued = loop?.isTimerOver == true
        unexamined = isContinued ? max(unexamined, min(parked.count, Self.examinedAtOnce)) : parked.count
    }

    /// Examines parked connections, at most 16 for each sleep and in turn: programs change types and pairs in place. Returns
    /// whether one is runnable again.
    mutating func examineParked() -> Bool {
        var isAny = false
        for _ in 0..<min(unexamined, Self.examinedAtOnce) {
            guard let connection = parked.first else { break }
            unexamined -= 1
            if isOver(connection) {
                resume(connection)
                isAny = true
            } else {
                setState(connection.pointee.state, of: connection)
            }
        }
        if parked.isEmpty { unexamined = 0 }
        if unexamined == 0 { arePairsChanged = false }
        return isAny
    }

    /// Whether the connection need not wait any more: what it waits for is there, or an entry of its present type does not wait for that.
    private mutating func isOver(_ connection: ConnectionReference) -> Bool {
        let kind = kind(of: connection)
        return switch connection.pointee.state {
        case .awaitingRoom:
            kind != .switched || arePairsChanged && counterpart(of: connection).map { hasRoom($0, for: connection) } ?? true
        case .awaitingPartner: kind != .switched || arePairsChanged && counterpart(of: connection) != nil
        case .starved: kind != .server
        case .draining: kind == .external
        default: true
        }
    }

    /// How long to sleep, in milliseconds, when `remaining` are left.
    mutating func sleepLimit(_ remaining: Int32, _ event: inout Event) -> Int32 {
        var limit = remaining
        if let retryAt { limit = shorterWait(limit, retryAt.remaining(&event.clock)) }
        if unexamined > 0 { limit = shorterWait(limit, Self.shortSleep) }
        return limit
    }
}
