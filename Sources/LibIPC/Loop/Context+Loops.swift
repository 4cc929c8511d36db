// Context+Loops.swift - a context in an event loop that is not the library's: when its descriptor (LoopDescriptor) is readable.
//
// epoll(7) reports what the kernel has. The context itself knows what else a wait of 0 ms would find: connections with a turn to come,
// frames to report, frames to send with a callback of the program. Each call that ends, or lets others in, compares that with the
// bell. What is retried after a pause starts the timer when a wait has found nothing.

extension Context where View: ~Copyable {
    /// Somebody is to be told of changes: threads that wait, or another loop.
    @inline(__always)
    var isObserved: Bool { waiting > 0 || loop != nil }

    /// The descriptor for other loops, made if there is none.
    mutating func loopDescriptor() throws(IPCError) -> Int32 {
        if let known = loop?.number, loop?.isOurs == true { return known }
        loop = nil
        if poller.isIdle || poller.needsRebuild { try rebuild() }
        let made = try LoopDescriptor()
        let number = made.number
        try made.watch(poller.set)
        libipc_publish_number(&monitor.pointee.bell, made.markedBell)
        loop = consume made
        return number
    }

    /// A thread releases the lock: tells those who wait.
    /// - Parameter lease: the thread's.
    @inline(never)
    mutating func notify(_ lease: LeaseReference?) {
        alert(lease)
        notifyLoop()
    }

    @inline(__always)
    mutating func notifyLoop() { if loop != nil { updateBell() } }

    @inline(never)
    private mutating func updateBell() {
        var nothing = Event()
        let limit = sleepLimit(-1, &nothing)
        if limit >= 0 { loop?.setTimer(limit) }
        let isReportable = unreported > 0 && firstReportable(leases.find(loopThread)) != nil
        loop?.ring(hasUnsent || !runnable.isEmpty || isReportable || poller.needsRebuild || connections.count < view.count)
    }

    /// A wait of 0 ms ends without an event.
    @inline(never)
    mutating func concludeForLoop(_ event: inout Event) throws(IPCError) {
        var limit = sleepLimit(-1, &event)
        if !isLed, !poller.needsRebuild {
            var watch = poller.currentWatch
            try prepareToSleep(&watch, &limit)
        }
        loopThread = libipc_this_thread()
        loop?.setTimer(limit)
        // It has stopped looking although there was more.
        if event.reported != 0, !isLed { loop?.ringAgain() }
    }
}
