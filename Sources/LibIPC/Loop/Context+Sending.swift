// Context+Sending.swift - sends queued frames, and tells the program of sent frames.

extension Context where View: ~Copyable {
    /// Pause before a write that lacked space or memory is tried again, in milliseconds.
    private static var pause: Int32 { 10 }

    // MARK: Sending

    /// Sends what is queued, for all connections that are not blocked.
    @inline(__always)
    mutating func sendAll(_ event: inout Event) throws(IPCError) { if hasUnsent { try sendQueued(&event) } }

    /// The usual wait after ipc_write: one small frame waits. The kernel takes it, and the program is told at once.
    /// - Returns: false: it is another wait, and nothing was done.
    @inline(never)
    mutating func sendOnly(_ event: inout Event) throws(IPCError) -> Bool {
        guard untold == 0, outgoing.count == 1, let connection = outgoing.first, connection.pointee.isReady,
            connection.pointee.isIdle, connection.pointee.interest == .read, kind(of: connection) == .ipc,
            let stream = connection.pointee.stream, let frame = stream.pointee.outbox.onlySmall, !stream.pointee.writeClaim.isHeld,
            !isLeased(connection, from: event.lease)
        else { return false }
        var (count, isFull) = (0, true)
        hasUnsent = false
        let size = frame.pointee.header.frameSize
        do throws(IPCError) {
            (count, isFull) = try stream.pointee.descriptor.send(frame.encoded, size)
        } catch {
            try failSending(connection, error, event)
            return true
        }
        if count == size {
            let isTold = frame.pointee.isListed && settings.tells(.sent)
            stream.pointee.outbox.removeOnly()
            outgoing.remove(connection)
            discard(frame)
            if isTold { event.give(.sent, connection) }
        } else {
            stream.pointee.outbox.advance(count)
            finishSending(connection, stream, isFull: isFull)
        }
        return true
    }

    @inline(never)
    mutating func sendQueued(_ event: inout Event) throws(IPCError) {
        hasUnsent = false
        var next = outgoing.first
        while event.kind == .none, let connection = next {
            next = outgoing.following(connection)
            if connection.pointee.isReady, connection.pointee.stream?.pointee.outbox.hasPending == true { try send(connection, &event) }
        }
        if next != nil { hasUnsent = true }
    }

    /// Sends what is queued for one connection, as much as the kernel takes.
    @inline(never)
    mutating func send(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        guard let stream = connection.pointee.stream, !stream.pointee.writeClaim.isHeld else { return requeue(connection) }
        let hasWriter = kind(of: connection) == .switched && view.hasWriter(connection.pointee.number)
        if hasWriter, !stream.pointee.outbox.isBegun { return offerToCallback(connection, stream, &event) }
        var isFull = false
        do throws(IPCError) { isFull = try !stream.pointee.outbox.send(to: stream.pointee.descriptor, finishing: hasWriter) } catch {
            noticeSent(connection, stream)
            return try failSending(connection, error, event)
        }
        finishSending(connection, stream, isFull: isFull)
    }

    /// After a send: notes whether the kernel's buffer is full, and which frames were sent.
    private mutating func finishSending(_ connection: ConnectionReference, _ stream: StreamReference, isFull: Bool) {
        connection.pointee.sending = isFull ? .blocked : .ready
        if isFull != connection.pointee.interest.contains(.write) { updateInterest(connection) }
        noticeSent(connection, stream)
    }

    /// Sending has failed for good: drops the queue. The bytes that the peer sent before are read to their end, which tells whether the
    /// peer has left or failed. A shortage affects this connection only: it is retried after a pause, and others are served meanwhile.
    @inline(never)
    private mutating func failSending(
        _ connection: ConnectionReference, _ reason: IPCError, _ event: borrowing Event
    ) throws(IPCError) {
        if reason.isShortage {
            starveSending(connection)
            // A single step serves no other connection.
            if event.lease == nil { throw reason }
            return
        }
        let untold = connection.pointee.untold
        connection.pointee.untold = 0
        dropFrames(connection, keepingBegun: false)
        connection.pointee.untold = untold
        connection.pointee.sending = .failed(reason.systemError)
        requeue(connection)
        updateInterest(connection)
        resumeCounterpart(of: connection)
        readAgain(connection)
    }

    /// There is no memory, or space, for a frame: it is tried again after a pause.
    mutating func starveSending(_ connection: ConnectionReference) {
        connection.pointee.sending = .starved
        retry(at: Deadline(milliseconds: Self.pause))
        updateInterest(connection)
    }

    /// After a direct call, which has sent or received without the context: there may be frames to tell of, room for the other end of the
    /// pair, and messages in the inbox.
    mutating func noticeDirectCall(_ connection: ConnectionReference) {
        guard let stream = connection.pointee.stream else { return }
        if stream.pointee.inbox.mayHoldMessage { markRunnable(connection) }
        stream.pointee.identify()
        noticeSent(connection, stream)
    }

    /// Takes frames that were sent out of the outbox, and puts the connection into the queue that it belongs to now.
    @inline(never)
    private mutating func noticeSent(_ connection: ConnectionReference, _ stream: StreamReference) {
        while let frame = stream.pointee.outbox.takeSent() {
            if frame.pointee.isListed, settings.tells(.sent) {
                (connection.pointee.untold, untold) = (connection.pointee.untold + 1, untold + 1)
            }
            discard(frame)
        }
        if stream.pointee.outbox.hasPending {
            requeue(connection)
        } else {
            if connection.pointee.untold == 0 || !outgoing.contains(connection) { requeue(connection) }
            noticeEmpty(connection, stream)
        }
        resumeCounterpart(of: connection)
    }

    /// All frames of the outbox were sent.
    @inline(__always)
    private mutating func noticeEmpty(_ connection: ConnectionReference, _ stream: StreamReference) {
        stream.pointee.outbox.isInherited = false
        // A direct call has sent the frames that were to be retried.
        if case .starved = connection.pointee.sending { connection.pointee.sending = .ready }
        if case .draining = connection.pointee.state, !stream.pointee.writeClaim.isHeld { resumeDrained(connection) }
    }

    /// Sends a frame that was just queued, if no wait is going to: other threads sleep in a wait, another loop waits for the context, or a
    /// call waits for a message of this connection.
    /// - Parameter others: whether `hasUnsent` was set before the frame was queued.
    @inline(__always)
    mutating func sendAtOnce(_ connection: ConnectionReference, _ others: Bool) {
        if isObserved || connection.pointee.stream?.pointee.readClaim.isHeld == true { sendForOthers(connection, others) }
    }

    @inline(never)
    private mutating func sendForOthers(_ connection: ConnectionReference, _ others: Bool) {
        guard connection.pointee.isReady else { return }
        // Only a wait calls the program's callbacks.
        if kind(of: connection) == .switched, view.hasWriter(connection.pointee.number) { return }
        var nothing = Event()
        hasUnsent = others
        // On a shortage `failSending` has arranged a retry.
        try? send(connection, &nothing)
    }

    /// Sends a frame that is in one piece, and that the program is not told of, in a context that sends at once. No other frame waits.
    /// - Returns: false: the frame has to be queued.
    @inline(__always)
    mutating func sendsDirectly(_ frame: FrameReference, _ connection: ConnectionReference, _ stream: StreamReference) -> Bool {
        guard isObserved, connection.pointee.isReady, !stream.pointee.outbox.hasPending, !stream.pointee.writeClaim.isHeld,
            kind(of: connection) == .ipc, let (count, isFull) = try? stream.pointee.descriptor.send(frame.encoded, frame.pointee.size)
        else { return false }
        if count == frame.pointee.size {
            OutboundFrame.destroy(frame, &pool)
        } else {
            stream.pointee.outbox.append(frame)
            stream.pointee.outbox.advance(count)
            stream.pointee.identify()
            finishSending(connection, stream, isFull: isFull)
        }
        return true
    }

    /// Offers the queue to the kernel once before it is dropped: without waiting, callbacks or events.
    @inline(never)
    mutating func sendBeforeDrop(_ connection: ConnectionReference) {
        guard let stream = connection.pointee.stream, stream.pointee.outbox.hasPending, !stream.pointee.outbox.isInherited,
            !stream.pointee.writeClaim.isHeld
        else { return }
        // This is a child process, and the context has not noticed that yet.
        if changes >> LIBIPC_FORK_SHIFT != libipc_fork_generation() { return }
        // Messages for a callback are no frames; once the pair is undone nobody knows what they were for.
        if kind(of: connection) == .switched {
            let number = connection.pointee.number
            if view.counterpart(of: number) == nil || view.hasWriter(number) { return }
        }
        _ = try? stream.pointee.outbox.send(to: stream.pointee.descriptor)
        while let frame = stream.pointee.outbox.takeSent() { discard(frame) }
    }

    // MARK: Reporting

    /// Tells of one sent frame, taking connections in turn. False: there is none for this thread.
    mutating func tell(_ event: inout Event) -> Bool {
        guard let connection = firstUntold(event.lease) else { return false }
        tell(connection, &event)
        // The next TX event is another connection's.
        if connection.pointee.untold > 0, outgoing.count > 1 {
            outgoing.remove(connection)
            outgoing.append(connection)
        }
        return true
    }

    /// The first connection with a sent frame that this thread may be told of.
    @inline(__always)
    mutating func firstUntold(_ lease: LeaseReference?) -> ConnectionReference? {
        if let first = outgoing.first, first.pointee.untold > 0, !leases.areShared { return first }
        return nextUntold(lease)
    }

    @inline(never)
    private mutating func nextUntold(_ lease: LeaseReference?) -> ConnectionReference? {
        var next = outgoing.first
        while let connection = next {
            if connection.pointee.untold > 0, !isLeased(connection, from: lease) { return connection }
            next = outgoing.following(connection)
        }
        return nil
    }

    /// Tells of one sent frame of this connection, if there is one.
    @inline(__always)
    mutating func tell(_ connection: ConnectionReference, _ event: inout Event) {
        guard connection.pointee.untold > 0 else { return }
        (connection.pointee.untold, untold) = (connection.pointee.untold - 1, untold - 1)
        event.give(.sent, connection)
        if connection.pointee.untold == 0 { requeue(connection) }
    }
}
