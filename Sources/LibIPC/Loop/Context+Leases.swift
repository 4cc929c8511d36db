// Context+Leases.swift - many threads in one context: which thread gets a connection's next event, and which thread is woken.
//
// One of the threads that wait leads: it asks the poller. The others sleep until they are woken, one at a time, because there is an event
// for one or nobody leads. While a thread has leased a connection, or a call that waits for one message has claimed its inbox, the
// connection's turn is delayed.

extension Context where View: ~Copyable {
    // MARK: Leases

    /// Ends the lease: the thread is done with its last event, or events.
    @inline(__always)
    mutating func end(_ lease: LeaseReference) {
        if lease.pointee.hasBatch || lease.pointee.hasReceived { return endBatch(lease) }
        lease.pointee.closeDescriptors()
        guard let connection = lease.pointee.connection else { return }
        (lease.pointee.connection, connection.pointee.lease) = (nil, nil)
        if leasedTurns > 0 || leases.areShared { resumeLeased(connection) }
    }

    @inline(never)
    private mutating func endBatch(_ lease: LeaseReference) {
        if lease.pointee.hasReceived { libipc_close_received(lease) }
        (lease.pointee.hasBatch, lease.pointee.hasReceived) = (false, false)
        lease.pointee.closeDescriptors()
        lease.pointee.closeBatch()
        while let connection = lease.pointee.takeConnection() {
            connection.pointee.lease = nil
            if leasedTurns > 0 || leases.areShared { resumeLeased(connection) }
        }
    }

    /// The connection is about to be removed: its lease ends.
    mutating func endLease(of connection: ConnectionReference) {
        guard let lease = connection.pointee.lease else { return }
        lease.pointee.release(connection)
        connection.pointee.lease = nil
        if leasedTurns > 0 || leases.areShared, let other = counterpart(of: connection) { resumeLeased(other) }
    }

    /// Gives back turns that were delayed: to the connection, and to the other end of its pair.
    @inline(never)
    private mutating func resumeLeased(_ connection: ConnectionReference) {
        restoreTurn(connection)
        if kind(of: connection) == .switched, let other = counterpart(of: connection) { restoreTurn(other) }
    }

    /// The lease or claim that delayed the connection's turn has ended: the turn comes now.
    mutating func restoreTurn(_ connection: ConnectionReference) {
        requeue(connection)
        guard case .leased = connection.pointee.state else { return }
        // The poller's last report may be outdated.
        connection.pointee.reportedIn = call &- 1
        resume(connection)
    }

    /// A turn waits for the end of the lease: that of a connection which it holds, or of the other end of its pair.
    mutating func delaysTurn(_ lease: LeaseReference) -> Bool {
        guard leasedTurns > 0 else { return false }
        return lease.pointee.holds { connection in
            if case .leased = connection.pointee.state { return true }
            guard kind(of: connection) == .switched, let other = counterpart(of: connection) else { return false }
            if case .leased = other.pointee.state { return true }
            return false
        }
    }

    /// Whether another thread than that of `lease` has leased the connection, or the other end of its pair.
    @inline(__always)
    mutating func isLeased(_ connection: ConnectionReference, from lease: LeaseReference?) -> Bool {
        leases.areShared && isLeasedByOther(connection, from: lease)
    }

    @inline(never)
    private mutating func isLeasedByOther(_ connection: ConnectionReference, from lease: LeaseReference?) -> Bool {
        guard let lease else { return false }
        if let holder = connection.pointee.lease, holder != lease { return true }
        guard kind(of: connection) == .switched, let holder = counterpart(of: connection)?.pointee.lease else { return false }
        return holder != lease
    }

    /// Whether another thread has leased the connection, or a call of another thread has claimed its inbox.
    mutating func isTaken(_ connection: ConnectionReference, from lease: LeaseReference?) -> Bool {
        connection.pointee.stream?.pointee.readClaim.isHeldByOther == true || isLeased(connection, from: lease)
    }

    /// The thread has ended.
    @inline(never)
    mutating func leave(_ thread: UInt) {
        guard let lease = leases.find(thread) else { return }
        end(lease)
        leases.drop(lease)
        resumeAll()
    }

    /// A thread has gone: the turns that it delayed come now.
    private mutating func resumeAll() {
        hasUnsent = hasUnsent || !outgoing.isEmpty
        for index in 0..<connections.count where leasedTurns > 0 { restoreTurn(connections[index]) }
    }

    /// After a fork this thread is the only one.
    mutating func forgetThreads() {
        (waiting, isLed) = (0, false)
        while let lease = leases.other(than: libipc_this_thread()) {
            end(lease)
            leases.drop(lease)
        }
        resumeAll()
    }

    // MARK: Waiting and waking

    /// Asks the poller, in a process with one thread. A signal handler that runs meanwhile finds consistent data. If it frees the
    /// context, this call continues with an empty one.
    @inline(__always)
    mutating func sleep(_ watch: Poller.Watch, _ timeout: Int32) throws(IPCError) -> Finding {
        let monitor = monitor
        let busy = libipc_begin_sleep(monitor)
        defer { libipc_end_sleep(monitor, busy) }
        return try watch.wait(timeout: timeout)
    }

    /// A thread releases the lock: wakes a waiting thread if there is work for it.
    /// - Parameter lease: the thread's. Work of the connection that it has leased is not for others.
    @inline(__always)
    mutating func alert(_ lease: LeaseReference?) {
        if waiting > 0 { wake(lease) }
    }

    @inline(never)
    private mutating func wake(_ lease: LeaseReference?) {
        let hasWork = hasUnsent || retryAt != nil || hasWork(runnable, lease) || untold > 0 && hasWork(outgoing, lease)
        let isFollowed = waiting > (isLed ? 1 : 0)
        if isFollowed, !isLed || hasWork { monitor.wakeOne() }
        if isLed, hasWork && !isFollowed || poller.isStale || poller.needsRebuild { poller.wake() }
    }

    /// Whether the queue has a connection that this thread has not leased.
    private func hasWork(_ queue: ConnectionQueue, _ lease: LeaseReference?) -> Bool {
        guard let first = queue.first else { return false }
        return lease == nil || first.pointee.lease != lease || queue.following(first) != nil
    }
}
