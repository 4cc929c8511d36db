// Context+Loops.swift - a context in an event loop that is not the library's: when its descriptor (LoopDescriptor) is readable.
//
// The poller's epoll set reports what the kernel has. Only the context knows what else a wait of 0 ms would find: runnable connections,
// sent frames to tell of, frames to send with a callback of the program. Each call that ends, or releases the lock for a time, rings the
// bell of the descriptor if there is such work, or silences it. For retries after a pause a wait that has found nothing sets the timer.

extension Context where View: ~Copyable {
    /// Threads wait for events, or another loop watches the context: both have to be woken.
    @inline(__always)
    var isObserved: Bool { waiting > 0 || loop != nil }

    /// The descriptor for other loops, made if there is none.
    mutating func loopDescriptor() throws(IPCError) -> Int32 {
        if let known = loop?.number, loop?.isOurs == true { return known }
        loop = nil
        let made = try LoopDescriptor()
        // Where the program has closed the set its number may be one of these descriptors' by now.
        if !poller.hasSet || poller.needsRebuild { try rebuild() }
        let number = made.number
        try made.watch(poller.set)
        libipc_publish_number(&monitor.pointee.bell, made.markedBell)
        loop = consume made
        return number
    }

    /// A thread releases the lock: wakes a waiting thread, and the other loop, if there is work for them.
    /// - Parameter lease: of the thread. Work of the connection that it has leased is not for others.
    @inline(never)
    mutating func notify(_ lease: LeaseReference?) {
        alert(lease)
        notifyLoop()
    }

    @inline(__always)
    mutating func notifyLoop() { if loop != nil { updateBell() } }

    @inline(never)
    private mutating func updateBell() {
        if retryAt != nil || unexamined > 0 {
            var nothing = Event()
            let limit = sleepLimit(-1, &nothing)
            loop?.setTimer(limit)
        }
        let isKnown = hasUnsent || !runnable.isEmpty || poller.needsRebuild || connections.count < view.count
        // ipc_wake may have been called before there was a bell.
        let isDue = isKnown || libipc_is_woken(monitor) != 0 || isWorkLeftForLoop()
        loop?.ring(isDue)
    }

    /// A thread that serves the loop has reports to get; or its next wait ends a lease that something waits for: a turn, or the peer of
    /// a descriptor that is to be closed.
    private mutating func isWorkLeftForLoop() -> Bool {
        var (next, isServed) = (leases.following(nil), false)
        while let lease = next {
            if lease.pointee.servesLoop || !leases.areShared {
                if lease.pointee.hasToClose || untold > 0 && firstUntold(lease) != nil { return true }
                if leasedTurns > 0, delaysTurn(lease) { return true }
                isServed = true
            }
            next = leases.following(lease)
        }
        // Nobody has waited for the loop yet.
        return !isServed && untold > 0
    }

    /// A wait of 0 ms ends without an event.
    @inline(never)
    mutating func concludeForLoop(_ event: inout Event) throws(IPCError) {
        var limit = sleepLimit(-1, &event)
        if !isLed, !poller.needsRebuild {
            var watch = poller.currentWatch
            try prepareToSleep(&watch, &limit)
        }
        loop?.setTimer(limit)
        // The wait gave up (`maximumPolls`) although the poller still reports something.
        if event.reported != 0, !isLed { loop?.ringAgain() }
    }
}
