// Context+Looking.swift - asks the poller, and marks the connections that it reports.
//
// After a sleep the connection that sent last is tried first (SpeakerGuess). Before a sleep some numbers are compared with the files
// that were added: a program may close a descriptor and get its number for another file, which epoll(7) does not report.

extension Context where Entries: ~Copyable {
    /// Pause before a descriptor is retried after a shortage, in milliseconds: for sending (a full disk), and for accepting, where
    /// clients may take and free descriptors quickly.
    private static var sendingPause: Int32 { 10 }
    private static var acceptingPause: Int32 { 100 }
    /// Numbers compared at a time: about 10 µs.
    private static var confirmedAtOnce: Int { 64 }
    /// Length of the first part of a sleep when no numbers were compared before it, in milliseconds.
    private static var firstSleep: Int32 { 10 }

    mutating func beginTurns() { (turns, allowedTurns, fluentSince) = (0, Self.patience, 0) }

    /// Asks the poller, unless another thread is doing that.
    @inline(__always)
    mutating func look(_ patience: Int32, _ event: inout Event) throws(IPCError) {
        beginTurns()
        guard !isLed else { return }
        var watch = try prepareToWait()
        if !poller.usesList, patience == 0 || !guess.isGood {
            // A set that is busy needs no other call.
            let finding = try watch.collect()
            if patience == 0 || finding != .ready(0) { return try hear(finding, &event) }
            watch.collectsFirst = false
        }
        try lookAsleep(watch, patience, &event)
    }

    @inline(never)
    private mutating func lookAsleep(_ watch: Poller.Watch, _ patience: Int32, _ event: inout Event) throws(IPCError) {
        var (watch, patience) = (watch, patience)
        try prepareToSleep(&watch, &patience)
        try hear(try sleep(watch, patience), &event)
    }

    /// A question for the poller. One thread at a time asks, with or without the lock.
    mutating func prepareToWait() throws(IPCError) -> Poller.Watch {
        if poller.needsRebuild {
            if isSmall { return try prepareSmall() }
            do throws(IPCError) { try rebuild() } catch {
                guard error.isShortage else { throw error }
                return try prepareList()
            }
        }
        return try poller.prepare()
    }

    /// Before a sleep: what is to be compared first, and how long the sleep may be.
    @inline(never)
    mutating func prepareToSleep(_ watch: inout Poller.Watch, _ patience: inout Int32) throws(IPCError) {
        if patience == 0 || poller.usesList { return }
        sleeps &+= 1
        if guess.isGood { watch.collectsFirst = false }
        if Poller.watchesNumbers || guess.isGood || confirmedIn == call { return }
        // Once in each tick of the coarse clock: waits in quick succession cost nothing more.
        let tick = libipc_coarse_tick()
        if tick == lastTick, sleptIn != call {
            sleptIn = call
            patience = patience < 0 ? Self.firstSleep : min(patience, Self.firstSleep)
            return
        }
        lastTick = tick
        confirmedIn = call
        confirmSome()
        if poller.needsRebuild {
            try rebuild()
            watch = try poller.prepare()
        }
    }

    /// A client with one connection and nothing else to wait for, or a context whose entries are all closed.
    private var isSmall: Bool {
        mutating get {
            if libipc_is_alone() == 0 { return false }
            if connections.count == 1 { return kind(of: connections[0]) == .ipc && !connections[0].pointee.isAlwaysReady }
            for index in 0..<connections.count where connections[index].pointee.isLive { return false }
            return true
        }
    }

    /// Usually the list of the last wait can be used again.
    @inline(__always)
    private mutating func prepareSmall() throws(IPCError) -> Poller.Watch {
        if connections.count == 1, connections[0].pointee.isLive,
            poller.listsOnly(connections[0].pointee.registration, connections[0].pointee.interest)
        {
            return poller.listWatch
        }
        return try prepareList()
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
                guard let connection = connections?[index], connection.pointee.isLive, !connection.pointee.isAlwaysReady else { continue }
                try list.append(connection.pointee.registration, connection.pointee.interest)
            }
        }
    }

    /// How long to wait, in milliseconds, when `remaining` are left: at most until descriptors are retried after a shortage.
    func patience(_ remaining: Int32) -> Int32 {
        guard !aside.isEmpty, let retryAt else { return remaining }
        return remaining < 0 ? retryAt.remaining : min(remaining, retryAt.remaining)
    }

    /// What a wait has found.
    @inline(__always)
    mutating func hear(_ finding: Finding, _ event: inout Event) throws(IPCError) {
        beginTurns()
        if finding.count >= 0 { return hear(finding.count, &event) }
        try search(after: finding, &event)
    }

    /// Something is ready, or the poller's descriptor is gone.
    @inline(never)
    private mutating func search(after finding: Finding, _ event: inout Event) throws(IPCError) {
        if finding == .lost { return poller.needsRebuild = true }
        if guess.isWorthTrying, let speaker = speaker(), !isTaken(speaker, from: event.lease) {
            guess.begin()
            speaker.pointee.isReadable = true
            return ready.append(speaker)
        }
        guess.skip()
        // A signal handler may have made a new poller since the sleep.
        let named = try poller.currentWatch.collect()
        if named == .lost { return poller.needsRebuild = true }
        hear(named.count, &event)
        if event.named == 1 { guess.named(poller.readiness(at: 0).registration) } else { guess.distrust() }
    }

    /// Marks the descriptors that the poller has reported.
    @inline(never)
    private mutating func hear(_ count: Int, _ event: inout Event) {
        event.named = count
        let count = poller.moveReady(count)
        for index in 0..<count { note(poller.readiness(at: index), event.lease) }
    }

    /// The connection that sent last, if the library reads it.
    private mutating func speaker() -> ConnectionReference? {
        guard let connection = live(guess.speaker.descriptor), connection.pointee.registration == guess.speaker,
            !connection.pointee.isPaused, !isReadByProgram(connection)
        else { return nil }
        return connection
    }

    @inline(__always)
    private mutating func note(_ readiness: Readiness, _ lease: LeaseReference?) {
        guard readiness.registration != Registration.waker else { return poller.drainWaker() }
        guard let connection = live(readiness.registration.descriptor), connection.pointee.registration == readiness.registration
        else { return poller.needsRebuild = true }
        // After a hang-up no room comes: sending says so. Otherwise poll(2) would report it for ever while nobody reads.
        if readiness.writable || readiness.hungUp && connection.pointee.isBlocked {
            connection.pointee.isBlocked = false
            if connection.pointee.channel.outbox.hasPending { queueForSending(connection) } else { updateInterest(connection) }
        }
        guard readiness.readable || readiness.hungUp else { return }
        // The program has changed the type in place: from now on all that is there is reported, not only what is new.
        if connection.pointee.isHangUpTold, kind(of: connection) != .external { expectChanges(false, connection) }
        connection.pointee.isReadable = true
        connection.pointee.reported = readiness.events
        connection.pointee.reportedIn = call
        if connection.pointee.isPaused { return }
        if !isTaken(connection, from: lease) { return ready.append(connection) }
        // Otherwise the poller would report it again and again.
        deferTurn(connection)
        pause(connection)
    }

    // MARK: Retries after a pause

    /// The system lacks space, memory or a descriptor for this connection: retries after a pause.
    mutating func starve(_ connection: ConnectionReference) {
        aside.append(connection)
        retry(at: Deadline(milliseconds: connection.pointee.isStarved ? Self.sendingPause : Self.acceptingPause))
    }

    /// Retries connections in `aside` at this time, or earlier.
    mutating func retry(at due: Deadline) {
        guard let known = retryAt, known <= due else { return retryAt = due }
    }

    /// Checks the connections in `aside`: a program may have changed types or pairs in place.
    mutating func attend() {
        let isDue = retryAt.map { $0.hasPassed } ?? true
        if isDue { retryAt = nil }
        var next = aside.first
        while let connection = next {
            next = aside.following(connection)
            if isDue, connection.pointee.isStarved { endStarvation(connection) }
            if let due = connection.pointee.drainsUntil {
                if kind(of: connection) != .external, !due.hasPassed { retry(at: due) } else { resumeDrained(connection) }
                continue
            }
            if connection.pointee.isPaused {
                let isOver =
                    switch kind(of: connection) {
                    case .server: isDue
                    case .switched: counterpart(of: connection) != nil
                    case .external, .ipc: true
                    }
                if isOver { resume(connection) }
            } else if !connection.pointee.isStarved {
                aside.remove(connection)
            }
        }
    }

    /// Resumes ends that waited for room at their partner and are of another type by now: a program changes types in place.
    /// Returns whether there were any.
    @inline(never)
    mutating func resumeRetyped() -> Bool {
        var isAny = false
        var next = held.first
        while let connection = next {
            next = held.following(connection)
            if kind(of: connection) == .switched { continue }
            resume(connection)
            isAny = true
        }
        return isAny
    }

    // MARK: Numbers that were closed and opened for another file

    /// Compares the next numbers with the files that were added.
    private mutating func confirmSome() {
        for _ in 0..<min(Self.confirmedAtOnce, connections.count) {
            if nextConfirmed >= connections.count { nextConfirmed = 0 }
            _ = confirm(connections[nextConfirmed])
            nextConfirmed += 1
        }
    }

    /// Whether the number of a live entry still means the file that was added. A new file is watched from now on; a closed number
    /// is no longer reported.
    mutating func confirm(_ connection: ConnectionReference) -> Bool {
        guard connection.pointee.isLive, !connection.pointee.isHangUpTold else { return true }
        switch poller.confirm(connection.pointee.registration, connection.pointee.interest) {
        case .same: return true
        case .closed: bury(connection)
        case .otherFile where connection.pointee.isAlwaysReady: return true
        case .otherFile:
            bury(connection)
            try? activate(connection)
        }
        return false
    }
}
