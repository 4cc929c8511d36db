// Context+Threads.swift - many threads in one context: who is given a connection's next event, and who is woken for what.
//
// One of the threads that wait leads: it asks the poller. The others wait to be told, one at a time, that there is
// something for them or that nobody leads. A connection whose event is in a thread's hands, or which is read by a call that
// waits for one message, has its turn when that is over.

/// The one thread that may read a connection, in a process of its own: after a fork the others are not there.
struct Reader: Equatable, BitwiseCopyable {
    private let thread: UInt
    private let process: UInt32

    static let none = Reader(thread: 0, process: 0)
    static var this: Reader { Reader(thread: libipc_this_thread(), process: currentProcess) }

    private static var currentProcess: UInt32 { UInt32(truncatingIfNeeded: libipc_noted_changes() >> LIBIPC_FORK_SHIFT) }

    var isThere: Bool { thread != 0 && process == Reader.currentProcess }
    /// One of this thread's own would be of a call that was left by longjmp(3).
    var isAnother: Bool { isThere && thread != libipc_this_thread() }
}

extension Context where Entries: ~Copyable {
    // MARK: Connections in a thread's hands

    /// The thread is done with the event that it was given last.
    @inline(__always)
    mutating func release(_ lease: LeaseReference) {
        lease.closeDescriptors()
        guard let connection = lease.pointee.connection else { return }
        (lease.pointee.connection, connection.pointee.lease) = (nil, nil)
        guard deferred > 0 else { return }
        takeDeferredTurn(connection)
        if let other = counterpart(of: connection) { takeDeferredTurn(other) }
    }

    /// Nobody holds the connection any more: it is about to go.
    mutating func letGo(_ connection: ConnectionReference) {
        if connection.pointee.isDeferred { deferred -= 1 }
        connection.pointee.isDeferred = false
        guard let lease = connection.pointee.lease else { return }
        (lease.pointee.connection, connection.pointee.lease) = (nil, nil)
        if deferred > 0, let other = counterpart(of: connection) { takeDeferredTurn(other) }
    }

    /// Its next turn comes when it is in nobody's hands any more.
    mutating func deferTurn(_ connection: ConnectionReference) {
        if !connection.pointee.isDeferred { deferred += 1 }
        connection.pointee.isDeferred = true
    }

    @inline(never)
    mutating func takeDeferredTurn(_ connection: ConnectionReference) {
        guard connection.pointee.isDeferred else { return }
        deferred -= 1
        connection.pointee.isDeferred = false
        // What the poller said of it may be old news.
        connection.pointee.reportedIn = call &- 1
        if connection.pointee.channel.outbox.hasSent { reports.append(connection) }
        if connection.pointee.channel.outbox.hasPending { queueForSending(connection) }
        // What waits for something else has no turn.
        if !aside.has(connection), !held.has(connection) { resume(connection) }
    }

    /// In the hands of another thread than `lease`'s, itself or the other end of its pair.
    @inline(__always)
    mutating func isHeld(_ connection: ConnectionReference, from lease: LeaseReference?) -> Bool {
        leases.areShared && isHeldByOther(connection, from: lease)
    }

    @inline(never)
    private mutating func isHeldByOther(_ connection: ConnectionReference, from lease: LeaseReference?) -> Bool {
        guard let lease else { return false }
        if let holder = connection.pointee.lease, holder != lease { return true }
        guard kind(of: connection) == .switched, let holder = counterpart(of: connection)?.pointee.lease else { return false }
        return holder != lease
    }

    /// The same; or somebody is reading it.
    @inline(__always)
    mutating func isTaken(_ connection: ConnectionReference, from lease: LeaseReference?) -> Bool {
        connection.pointee.reader.isAnother || isHeld(connection, from: lease)
    }

    /// The thread has ended.
    @inline(never)
    mutating func leave(_ thread: UInt) {
        guard let lease = leases.find(thread) else { return }
        release(lease)
        leases.drop(lease)
    }

    /// After a fork this thread is the only one.
    mutating func forgetThreads() {
        (waiting, isLed) = (0, false)
        while let lease = leases.other(than: libipc_this_thread()) {
            release(lease)
            leases.drop(lease)
        }
    }

    /// The library closes a descriptor whose end an event tells of. Where threads share the context it does when the event's is done:
    /// until then no other thread can be given the same number for somebody else.
    mutating func close(_ descriptor: Int32, for lease: LeaseReference?) {
        if leases.areShared, let lease { lease.closeLater(descriptor) } else { CLibIPC.close(descriptor) }
    }

    // MARK: Waiting and waking

    /// Asks the poller, in a process with one thread. A signal handler that runs meanwhile finds consistent data. If it frees the
    /// context, this call goes on with an empty one.
    @inline(__always)
    mutating func sleep(_ watch: Poller.Watch, _ timeout: Int32) throws(IPCError) -> Finding {
        let monitor = monitor
        let busy = libipc_fall_asleep(monitor)
        defer { libipc_wake_up(monitor, busy) }
        return try watch.wait(timeout: timeout)
    }

    /// What a thread leaves behind when it lets go of the lock is seen to: others that wait are woken for it.
    /// - Parameter lease: the thread's; what it holds itself is its own business.
    @inline(__always)
    mutating func alert(_ lease: LeaseReference?) {
        if waiting > 0 { wake(lease) }
    }

    @inline(never)
    private mutating func wake(_ lease: LeaseReference?) {
        let hasWork = hasWork(ready, lease) || hasWork(reports, lease) || !unsent.isEmpty || retryAt != nil
        let isFollowed = waiting > (isLed ? 1 : 0)
        if isFollowed, !isLed || hasWork { monitor.wakeOne() }
        if isLed, hasWork && !isFollowed || poller.isStale || poller.needsRebuild { poller.wake() }
    }

    /// Somebody stands there whom this thread does not hold.
    private func hasWork(_ line: ConnectionQueue, _ lease: LeaseReference?) -> Bool {
        guard let first = line.first else { return false }
        return lease == nil || first.pointee.lease != lease || line.following(first) != nil
    }

    /// While threads wait for events, or one for a message of this connection, nobody would come by to send what is queued.
    mutating func sendAtOnce(_ connection: ConnectionReference) {
        guard waiting > 0 || connection.pointee.reader.isThere, !connection.pointee.isBlocked, !connection.pointee.isStarved else { return }
        // A callback of the program is called by those who wait.
        if kind(of: connection) == .switched, view.hasWriter(connection.pointee.number) { return }
        unsent.remove(connection)
        var nothing = Event()
        // Where the system is short of something it stays in line.
        try? send(connection, &nothing)
    }
}
