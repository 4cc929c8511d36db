// Context+Polling.swift - asks the poller, and marks the connections that it reports.
//
// After a sleep the connection that sent last is tried first (SpeakerGuess). Before a sleep some numbers are compared with the files
// that were added (NumberCheck).

extension Context where View: ~Copyable {
    /// Asks the poller, unless another thread is doing that.
    /// - Parameter limit: milliseconds; 0: does not sleep; negative: for ever.
    @inline(__always)
    mutating func poll(_ limit: Int32, _ event: inout Event) throws(IPCError) {
        turns.begin()
        guard !isLed else { return }
        if poller.usesList, try pollOnly(limit, &event) { return }
        if limit == 0, loop != nil { return try pollForLoop(&event) }
        var watch = try prepareToWait()
        if !poller.usesList, limit == 0 || !guess.isGood {
            // A set that is busy needs no other call.
            let finding = try watch.collect()
            if limit == 0 || finding != .ready(0) { return try mark(finding, &event) }
            watch.collectsFirst = false
        }
        try pollAsleep(watch, limit, &event)
    }

    /// A wait of 0 ms for the loop of a program. Many loops wait only when the context's descriptor is readable: then the guess of the
    /// speaker spares asking the poller. A loop that waits until nothing is left asks in vain each time, and is not trusted.
    @inline(never)
    private mutating func pollForLoop(_ event: inout Event) throws(IPCError) {
        if guess.mayReplaceQuestion, runnable.isEmpty, let speaker = speaker(), !isTaken(speaker, from: event.lease) {
            guess.begin()
            let readiness = Readiness(registration: speaker.pointee.registration, events: POLLIN)
            if try serveAtOnce(speaker, readiness, &event), event.kind != .none { return }
        }
        let finding = try prepareToWait().collect()
        let count = finding.count
        if count != 1 { guess.distrust() }
        try mark(finding, &event)
        if count == 1 { guess.named(poller.readiness(at: 0).registration) }
    }

    @inline(never)
    private mutating func pollAsleep(_ watch: Poller.Watch, _ limit: Int32, _ event: inout Event) throws(IPCError) {
        var (watch, limit) = (watch, limit)
        try prepareToSleep(&watch, &limit)
        event.clock.expire()
        let finding = try sleep(watch, limit)
        try mark(finding, &event)
    }

    /// Prepares a wait of the poller. One thread at a time waits with it, with or without the lock.
    @inline(__always)
    mutating func prepareToWait() throws(IPCError) -> Poller.Watch {
        removalsAtWait = removals
        if poller.needsRebuild { return try prepareAnew() }
        let watch = try poller.prepare()
        if libipc_is_alone() == 0 {
            // Its descriptor is gone: `prepare` has noticed.
            if poller.needsRebuild { return try prepareAnew() }
            publishWaker()
        }
        return watch
    }

    /// ipc_wake writes to it, from any thread and any signal handler. Whoever calls this looks for a wake afterwards.
    @inline(never)
    private mutating func publishWaker() { libipc_publish_number(&monitor.pointee.waker, poller.markedWaker) }

    @inline(never)
    private mutating func prepareAnew() throws(IPCError) -> Poller.Watch {
        if isSmall, loop == nil { return try prepareList() }
        do throws(IPCError) { try rebuild() } catch {
            guard error.isShortage else { throw error }
            return try prepareList()
        }
        defer { publishWaker() }
        return try poller.prepare()
    }

    /// Prepares a sleep: compares numbers if it is time for that (NumberCheck), and may shorten the sleep.
    @inline(never)
    mutating func prepareToSleep(_ watch: inout Poller.Watch, _ limit: inout Int32) throws(IPCError) {
        if limit == 0 || poller.usesList { return }
        sleeps &+= 1
        if guess.isGood { watch.collectsFirst = false }
        if Poller.watchesNumbers || guess.isGood { return }
        switch numberCheck.decide(call) {
        case .nothing: return
        case .shorten: return limit = shorterWait(limit, Self.shortSleep)
        case .compare:
            for _ in 0..<min(NumberCheck.atOnce, connections.count) {
                _ = confirm(connections[numberCheck.nextIndex(of: connections.count)])
            }
        }
        if poller.needsRebuild {
            try rebuild()
            watch = try poller.prepare()
        }
    }

    // MARK: poll(2) for few descriptors

    /// Whether a wait needs no epoll set: a client with one connection, or a context whose entries are all closed.
    private var isSmall: Bool {
        mutating get {
            if libipc_is_alone() == 0 { return false }
            if connections.count == 1 { return kind(of: connections[0]) == .ipc && !connections[0].pointee.isAlwaysReady }
            for index in 0..<connections.count where connections[index].pointee.isActive { return false }
            return true
        }
    }

    /// The usual wait of a client: for its only connection, with the list of the last wait.
    /// - Returns: false: it is another wait.
    @inline(__always)
    private mutating func pollOnly(_ limit: Int32, _ event: inout Event) throws(IPCError) -> Bool {
        guard poller.needsRebuild, connections.count == 1, libipc_is_alone() != 0 else { return false }
        let connection = connections[0]
        guard connection.pointee.isActive, kind(of: connection) == .ipc, !connection.pointee.isAlwaysReady,
            poller.listsOnly(connection.pointee.registration, connection.pointee.interest)
        else { return false }
        let registration = connection.pointee.registration
        event.clock.expire()
        let finding = try sleep(poller.listWatch, limit)
        // A signal handler may have changed everything.
        guard finding == .ready(1), connections.count == 1, connections[0] == connection, connection.pointee.registration == registration
        else {
            try mark(finding, &event)
            return true
        }
        event.reported = 1
        let readiness = poller.readiness(at: 0)
        if try !serveAtOnce(connection, readiness, &event) { markReported(readiness, event.lease) }
        return true
    }

    /// Waits with poll(2): no epoll set is needed, or no descriptor is free for one.
    @inline(never)
    private mutating func prepareList() throws(IPCError) -> Poller.Watch {
        let (connections, isAlone) = (connections.base, libipc_is_alone() != 0)
        let count = self.connections.count
        return try poller.prepareList { list throws(IPCError) in
            // Other threads may add entries, and cannot wake this one.
            if !isAlone { list.limitWait() }
            for index in 0..<count {
                guard let connection = connections?[index], connection.pointee.isActive, !connection.pointee.isAlwaysReady else { continue }
                try list.append(connection.pointee.registration, connection.pointee.interest)
            }
        }
    }

    // MARK: What a wait has found

    /// Marks the connections that a wait of the poller has found ready.
    @inline(__always)
    mutating func mark(_ finding: Finding, _ event: inout Event) throws(IPCError) {
        if finding.count >= 0 { return try markReported(finding.count, &event) }
        try searchReported(finding, &event)
    }

    /// A sleep has found that something is ready, but not what; or that the poller's descriptor is gone.
    @inline(never)
    private mutating func searchReported(_ finding: Finding, _ event: inout Event) throws(IPCError) {
        if finding == .lost { return poller.needsRebuild = true }
        if guess.isWorthTrying, let speaker = speaker(), !isTaken(speaker, from: event.lease) {
            guess.begin()
            let readiness = Readiness(registration: speaker.pointee.registration, events: POLLIN)
            if try !serveAtOnce(speaker, readiness, &event) { readAgain(speaker) }
            return
        }
        guess.skip()
        // A signal handler may have made a new poller since the sleep.
        let found = try poller.currentWatch.collect()
        if found == .lost { return poller.needsRebuild = true }
        try markReported(found.count, &event)
        if event.reported == 1 { guess.named(poller.readiness(at: 0).registration) } else { guess.distrust() }
    }

    /// Marks the descriptors that the poller has reported.
    private mutating func markReported(_ count: Int, _ event: inout Event) throws(IPCError) {
        event.reported = count
        let count = poller.moveReady(count)
        if count == 1 {
            let readiness = poller.readiness(at: 0)
            if let connection = active(readiness.registration.descriptor), connection.pointee.registration == readiness.registration,
                try serveAtOnce(connection, readiness, &event)
            {
                return
            }
        }
        for index in 0..<count { markReported(poller.readiness(at: index), event.lease) }
    }

    /// The usual report: one connection that carries frames has something to read, and nothing else is to be done. Its turn comes at
    /// once.
    /// - Returns: false: it is another report.
    @inline(__always)
    private mutating func serveAtOnce(
        _ connection: ConnectionReference, _ readiness: Readiness, _ event: inout Event
    ) throws(IPCError) -> Bool {
        guard readiness.events == POLLIN, runnable.isEmpty, !hasUnsent, connection.pointee.isIdle, connection.pointee.hangUp == .none,
            kind(of: connection) == .ipc, !isTaken(connection, from: event.lease)
        else { return false }
        connection.pointee.reported = readiness.events
        turns.use()
        try serveFrames(connection, &event)
        return true
    }

    /// The connection that sent last, if the library reads it.
    private mutating func speaker() -> ConnectionReference? {
        guard let connection = active(guess.speaker.descriptor), connection.pointee.registration == guess.speaker,
            !connection.pointee.isPaused, !isReadByProgram(connection)
        else { return nil }
        return connection
    }

    @inline(__always)
    private mutating func markReported(_ readiness: Readiness, _ lease: LeaseReference?) {
        guard let connection = active(readiness.registration.descriptor), connection.pointee.registration == readiness.registration
        else { return markUnknown(readiness) }
        // A hang-up also ends the wait for room: a send then fails. Otherwise poll(2) would report the hang-up for ever while nobody reads.
        if connection.pointee.isBlocked, readiness.writable || readiness.hungUp {
            connection.pointee.sending = .ready
            requeue(connection)
            if connection.pointee.stream?.pointee.outbox.hasPending == false { updateInterest(connection) }
        }
        guard readiness.readable || readiness.hungUp else { return }
        // The program has changed the type in place: from now on all that is there is reported, not only what is new.
        if connection.pointee.hangUp != .none, kind(of: connection) != .external { setHangUpTold(false, connection) }
        (connection.pointee.reported, connection.pointee.reportedIn) = (readiness.events, call)
        switch connection.pointee.state {
        case .runnable, .inactive, .awaitingRoom, .awaitingPartner, .starved, .draining: return
        case .idle where !isTaken(connection, from: lease): return markRunnable(connection)
        case .idle: setState(.leased, of: connection)
        case .leased: break
        }
        // Stops watching: otherwise the poller would report the leased connection again and again.
        guard connection.pointee.interest.contains(.read) else { return }
        connection.pointee.interest.remove(.read)
        poller.update(connection.pointee.registration, connection.pointee.interest)
    }

    /// The report concerns no connection of the context. It is the waker; or a connection that was removed while this thread slept; or a
    /// descriptor that the program has closed although a copy of it is open elsewhere: only a new poller stops reporting it.
    @inline(never)
    private mutating func markUnknown(_ readiness: Readiness) {
        if readiness.registration == Registration.waker { return poller.drainWaker() }
        if removals == removalsAtWait { poller.needsRebuild = true }
    }

    // MARK: Numbers that were closed and opened for another file

    /// Whether the number of an active entry still means the file that was added. A new file is watched from now on; a closed number
    /// is no longer reported.
    mutating func confirm(_ connection: ConnectionReference) -> Bool {
        guard connection.pointee.isActive, connection.pointee.hangUp == .none else { return true }
        switch poller.confirm(connection.pointee.registration, connection.pointee.interest) {
        case .same: return true
        case .closed: deactivate(connection)
        case .otherFile where connection.pointee.isAlwaysReady: return true
        case .otherFile:
            deactivate(connection)
            try? activate(connection)
        }
        return false
    }
}
