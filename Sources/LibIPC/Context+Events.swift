// Context+Events.swift - the loop: one event a call, the connections in turn.
//
// A call first sends what is queued. Then come reports of sent frames, at most as many as were due when the last
// input was given, so that neither reports nor input wait for ever. Then the ready connections have a turn each, a turn being
// one message, one receive or one accept; the poller is asked when none is left, or after `patience` turns.

import CLibIPC

extension Context where Entries: ~Copyable {
    /// Turns between two looks at the poller while there is work without it.
    private static var patience: Int { 8 }
    /// How long a server that found no free descriptor waits before it tries again, in milliseconds.
    static var starvedPause: Int64 { 100 }

    /// The next event, or what is needed to find it.
    /// - Parameter deadline: when to give a timer event instead.
    mutating func nextStep(_ deadline: Deadline) throws(IPCError) -> Step {
        try catchUp()
        call &+= 1
        if unadmitted >= 0 { return .event(try welcome(unadmitted)) }
        var isLastLook = false
        while true {
            if let step = try sendUnsent() { return step }
            if reportsDue > 0, let event = reportSent() { return .event(event) }
            while turns < Self.patience, let index = dequeueFirst(.ready) {
                turns += 1
                if let step = try serve(index) {
                    reportsDue = unreported
                    return step
                }
                if !isEmpty(.unsent) { break }
            }
            if !isEmpty(.unsent), turns < Self.patience { continue }
            if let event = reportSent() { return .event(event) }
            if isLastLook, isEmpty(.ready) { return .event(Event(.timer)) }
            turns = 0
            let found = try look(isEmpty(.ready) ? deadline.remaining : 0)
            // The time is up when the poller, asked without patience, finds nothing.
            isLastLook = found == 0 && isEmpty(.ready) && deadline.remaining == 0
        }
    }

    /// Asks the poller, and notes what it says. Returns how many descriptors it named.
    private mutating func look(_ patience: Int32) throws(IPCError) -> Int {
        var timeout = patience
        if !isEmpty(.starved) {
            let pause = Int32(truncatingIfNeeded: max(retryAt - Clock.now, 0))
            timeout = patience < 0 ? pause : min(patience, pause)
        }
        // The reports are collected first: noting them changes what the poller is part of.
        var reports = InlineArray<64, Readiness>(repeating: Readiness.none)
        var count = 0
        let found = try poller.wait(timeout: timeout) { readiness in
            guard count < 64 else { return }
            reports[count] = readiness
            count += 1
        }
        for index in 0..<count { try note(reports[index]) }
        if !isEmpty(.starved), Clock.now >= retryAt { try wakeStarved() }
        if poller.needsRebuild { try catchUp() }
        return found
    }

    private mutating func note(_ readiness: Readiness) throws(IPCError) {
        let descriptor = readiness.watch.descriptor
        guard let index = positions[descriptor], connections[index].watch == readiness.watch else {
            poller.needsRebuild = true
            return
        }
        if readiness.writable, connections[index].isBlocked {
            connections[index].isBlocked = false
            enqueue(descriptor, .unsent)
        }
        guard readiness.readable || readiness.hungUp else { return }
        if connections[index].toldHangUp {
            guard readiness.readable, connections[index].descriptor.hasBytesWaiting else { return }
            connections[index].toldHangUp = false
        }
        connections[index].isReadable = true
        connections[index].isClosing = readiness.hungUp
        connections[index].reportedIn = call
        if connections[index].isAwaitingRoom { return }
        enqueue(descriptor, .ready)
    }

    /// Gives a ready connection its turn.
    private mutating func serve(_ index: Int) throws(IPCError) -> Step? {
        let kind = roster.kind(at: index)
        try rearm(index, interest(of: index))
        switch kind {
        case .ipc: return try serveFrames(index)
        case .external: return try serveExternal(index)
        case .server: return try serveServer(index)
        case .switched: return try serveSwitched(index)
        }
    }

    // MARK: What a program reads itself

    /// Whether a descriptor that the library does not read is still ready: news of an earlier call may be stale, because
    /// the program may have read it since.
    mutating func isStillReadable(_ index: Int) -> Bool {
        if connections[index].isAlwaysReady || connections[index].reportedIn == call { return true }
        let reported = connections[index].descriptor.poll(Int16(POLLIN), timeout: 0)
        connections[index].isReadable = reported != 0
        connections[index].isClosing = reported & Int16(POLLHUP | POLLERR) != 0
        return reported != 0
    }

    /// While others wait for their turn, this one lines up again; otherwise the poller will name it by itself.
    mutating func lineUpAgain(_ index: Int) {
        let isAlone = isEmpty(.ready) && !connections[index].isAlwaysReady
        if !isAlone { enqueue(connections[index].watch.descriptor, .ready) }
    }

    private mutating func serveExternal(_ index: Int) throws(IPCError) -> Step? {
        guard isStillReadable(index) else { return nil }
        let descriptor = connections[index].watch.descriptor
        if connections[index].isClosing, !connections[index].isAlwaysReady, !hasSomethingToRead(index) {
            connections[index].toldHangUp = true
            connections[index].isReadable = false
            try rearm(index, .hungUp)
            return .event(Event(.disconnection, index: index, descriptor: descriptor))
        }
        lineUpAgain(index)
        return .event(Event(.readable, index: index, descriptor: descriptor))
    }

    /// Of a descriptor that hung up. A half-closed one still has its end to be read; poll(2) does not call it hung up.
    private func hasSomethingToRead(_ index: Int) -> Bool {
        let reported = connections[index].descriptor.poll(Int16(POLLIN), timeout: 0)
        if reported & Int16(POLLHUP | POLLERR | POLLNVAL) == 0 { return true }
        return reported & Int16(POLLIN) != 0 && connections[index].descriptor.hasBytesWaiting
    }

    // MARK: Servers

    private mutating func serveServer(_ index: Int) throws(IPCError) -> Step? {
        guard isStillReadable(index) else { return nil }
        // Nothing may fail for want of memory once the client is here.
        try reserveEntry()
        let server = connections[index].descriptor
        let client = libipc_accept(server.number)
        if client >= 0 {
            lineUpAgain(index)
            return .event(try welcome(client))
        }
        switch libipc_errno() {
        case EAGAIN, EINTR, ECONNABORTED: return nil
        case EMFILE, ENFILE, ENOMEM, ENOBUFS:
            retryAt = Clock.now + Self.starvedPause
            enqueue(server.number, .starved)
            try rearm(index, [])
            return nil
        default:
            let reason = IPCError.system(IPC_ERROR_USOCK_ACCEPT, "accept on", .descriptor(server.number))
            // It will not get better: without this the poller would name it for ever.
            bury(index)
            return .event(Event(.error, index: index, descriptor: server.number, error: reason))
        }
    }

    /// Adds a client that was accepted.
    mutating func welcome(_ client: Int32) throws(IPCError) -> Event {
        do throws(IPCError) {
            try add(client, .ipc, isNew: true)
        } catch {
            // Nobody is turned away for that: the next call tries again.
            unadmitted = client
            throw error
        }
        unadmitted = -1
        return Event(.connection, index: roster.count - 1, descriptor: client)
    }

    private mutating func wakeStarved() throws(IPCError) {
        while let index = dequeueFirst(.starved) {
            try rearm(index, interest(of: index))
        }
    }
}

extension Readiness {
    fileprivate static let none = Readiness(
        watch: Watch(-1, generation: 0), readable: false, writable: false, hungUp: false)
}
