// Context+Frames.swift - frames in both directions: queueing, sending, reporting, reading; and how a peer goes.

extension Context where Entries: ~Copyable {
    // MARK: Sending

    /// Queues a deep copy of the message for one entry.
    mutating func queue(_ header: FrameHeader, _ payload: UnsafeRawPointer?, for descriptor: Int32) throws(IPCError) {
        let connection = try live(descriptor).orThrow(IPC_ERROR_WRITE__FD_NOT_FOUND, "descriptor \(descriptor) is not in this context")
        let hasRoom = connection.pointee.channel.outbox.hasRoom(for: header, queueLimit ?? Self.defaultQueueLimit)
        try check(hasRoom, IPC_ERROR_WRITE__QUEUE_FULL, "the queue of descriptor \(descriptor) is full")
        let frame = try outOfMemory(is: IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC) { () throws(IPCError) in
            try view.reserveListing()
            return try OutboundFrame.make(header, copying: payload, &pool)
        }
        enlist(frame, for: connection)
        sendAtOnce(connection)
    }

    /// Puts the frame into the outbox and onto the view's list, which has room for it.
    @inline(__always)
    mutating func enlist(_ frame: FrameReference, for connection: ConnectionReference) {
        view.list(frame, for: connection.pointee.number)
        connection.pointee.channel.outbox.append(frame)
        connection.pointee.channel.identify()
        queueForSending(connection)
    }

    /// Puts it in the line of senders, unless it waits for room, or for a pause after a shortage.
    @inline(__always)
    mutating func queueForSending(_ connection: ConnectionReference) {
        if !connection.pointee.isBlocked, !connection.pointee.isStarved { unsent.append(connection) }
    }

    /// Frees a frame that is in no outbox any more.
    private mutating func discard(_ frame: FrameReference) {
        view.unlist(frame)
        if keepsMemory { OutboundFrame.drop(frame, keeping: &dropped) } else { OutboundFrame.destroy(frame, &pool) }
    }

    /// Drops what is queued for the entry, but for the rest of a frame that is begun, and what is to be reported of it.
    mutating func dropFrames(_ connection: ConnectionReference) {
        while let frame = connection.pointee.channel.outbox.takeUnbegun() { discard(frame) }
        if let begun = connection.pointee.channel.outbox.begun {
            view.unlist(begun)
            begun.pointee.listing = nil
        }
        reports.remove(connection)
    }

    /// Sends what is queued, for all connections that are not blocked.
    mutating func sendUnsent(_ event: inout Event) throws(IPCError) {
        if !unsent.isEmpty, heldBack >= burst { burst = burst * 2 + 1 }
        heldBack = 0
        while event.kind == .none, let connection = unsent.takeFirst() { try send(connection, &event) }
    }

    /// Sends what is queued for one connection, as much as the kernel takes.
    mutating func send(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        let descriptor = connection.pointee.channel.descriptor
        let hasWriter = kind(of: connection) == .switched && view.hasWriter(descriptor.number)
        if hasWriter, !connection.pointee.channel.outbox.isHalfSent {
            return isTaken(connection, from: event.lease) ? deferTurn(connection) : offerToCallback(connection, &event)
        }
        do throws(IPCError) {
            defer { settle(connection) }
            connection.pointee.isBlocked = try !connection.pointee.channel.outbox.send(to: descriptor, finishing: hasWriter)
            if hasWriter, !connection.pointee.isBlocked { unsent.append(connection) }
            if !connection.pointee.isBlocked { connection.pointee.hasInheritedFrames = false }
        } catch { try failSending(connection, error, event) }
        updateInterest(connection)
        if connection.pointee.drainsUntil != nil, !connection.pointee.channel.outbox.hasPending { resumeDrained(connection) }
    }

    /// Nothing more can be sent. What is queued goes; what the peer sent before is read to its end, which tells whether it has
    /// left or failed. A shortage affects this connection only: it is retried after a pause, and others are served meanwhile.
    private mutating func failSending(
        _ connection: ConnectionReference, _ reason: IPCError, _ event: borrowing Event
    ) throws(IPCError) {
        if reason.isShortage {
            connection.pointee.isStarved = true
            starve(connection)
            // A single step serves no other connection.
            if event.lease == nil { throw reason }
            return
        }
        while let frame = connection.pointee.channel.outbox.takePending() { discard(frame) }
        connection.pointee.sendFailure = reason.systemError
        connection.pointee.isBlocked = false
        resumeCounterpart(of: connection)
        readAgain(connection)
    }

    /// Takes notice of what was sent and received: frames are to be reported, others have room now, messages wait.
    mutating func settle(_ connection: ConnectionReference) {
        if connection.pointee.channel.outbox.hasSent { reports.append(connection) }
        if connection.pointee.channel.inbox.mayHoldMessage { ready.append(connection) }
        connection.pointee.channel.identify()
        resumeCounterpart(of: connection)
    }

    /// Reports a frame that was sent, connections in turn. False: there is none.
    mutating func report(_ event: inout Event) -> Bool {
        while event.kind == .none, let connection = reports.takeFirst() {
            if isHeld(connection, from: event.lease) {
                deferTurn(connection)
            } else {
                report(connection, &event)
                if connection.pointee.channel.outbox.hasSent { reports.append(connection) }
            }
        }
        return event.kind != .none
    }

    /// The same for one connection.
    mutating func report(_ connection: ConnectionReference, _ event: inout Event) {
        guard let frame = connection.pointee.channel.outbox.takeSent() else { return }
        discard(frame)
        event.set(.sent, connection)
    }

    // MARK: Reading

    /// One turn: a message that is here, or one receive. What the system is short of may be there next time.
    mutating func read(_ connection: ConnectionReference) throws(IPCError) -> Inbox.Arrival {
        var arrival = Inbox.Arrival.nothing
        do throws(IPCError) {
            if !connection.pointee.channel.inbox.awaitsByte, try connection.pointee.channel.inbox.settle(&pool) { return .message }
            if connection.pointee.isReadable {
                (connection.pointee.isReadable, fluentSince) = (false, 0)
                if !connection.pointee.channel.isStream { try connection.pointee.channel.requireStream(IPC_ERROR_USOCK_RECV) }
                arrival = try connection.pointee.channel.inbox.receive(from: connection.pointee.channel.descriptor, into: &pool)
                if arrival == .bytes { connection.pointee.channel.identify() }
                if arrival != .nothing { guess.heard(connection.pointee.registration) }
            }
        } catch {
            if error.isShortage { readAgain(connection) }
            throw error
        }
        guard connection.pointee.sendFailure != 0, arrival == .bytes || arrival == .nothing else { return arrival }
        // Sending has failed. What the peer had sent before is read until there is no more: then that was no end.
        guard arrival == .bytes else {
            let (descriptor, failure) = (connection.pointee.number, connection.pointee.sendFailure)
            throw IPCError(IPC_ERROR_USOCK_SEND, "send to descriptor \(descriptor)", systemError: failure)
        }
        readAgain(connection)
        return arrival
    }

    private mutating func readAgain(_ connection: ConnectionReference) {
        connection.pointee.isReadable = true
        ready.append(connection)
    }

    /// Takes the whole message out; if more may be here already, or an end is to be found, the connection lines up again.
    mutating func take(_ connection: ConnectionReference) -> Message? {
        let message = connection.pointee.channel.inbox.take()
        connection.pointee.channel.identify()
        if connection.pointee.sendFailure != 0 { connection.pointee.isReadable = true }
        if connection.pointee.channel.inbox.mayHoldMessage {
            if fluentSince == 0 { fluentSince = Clock.now() }
            ready.append(connection)
        } else if connection.pointee.isReadable {
            ready.append(connection)
        }
        return message
    }

    mutating func serveFrames(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        do throws(IPCError) {
            switch try read(connection) {
            case .message:
                event.set(.message, connection)
                event.message = take(connection)
            case .end: if !drain(connection) { try dismiss(connection, .disconnection, &event) }
            case .bytes, .nothing: break
            }
        } catch {
            if error.isShortage { throw error }
            try dismiss(connection, .error, &event, error)
        }
    }

    // MARK: Peers that only stopped writing

    /// Time that a peer which has stopped writing has to read its queue, in milliseconds.
    private static var drainingTime: Int32 { 5_000 }

    /// The peer has stopped writing, and may still read. True: its queue is not empty, and the time for sending it has begun.
    @inline(never)
    mutating func drain(_ connection: ConnectionReference) -> Bool {
        guard connection.pointee.channel.outbox.hasPending, connection.pointee.sendFailure == 0 else { return false }
        let due = connection.pointee.drainsUntil ?? Deadline(milliseconds: Self.drainingTime)
        if due.hasPassed { return false }
        connection.pointee.drainsUntil = due
        aside.append(connection)
        retry(at: due)
        pause(connection)
        return true
    }

    /// The queue was sent, or cannot be sent, or the time is up: the end of the peer's stream is handled now.
    @inline(never)
    mutating func resumeDrained(_ connection: ConnectionReference) {
        connection.pointee.isReadable = true
        resume(connection)
    }

    /// The pause after a shortage is over: retries.
    @inline(never)
    mutating func endStarvation(_ connection: ConnectionReference) {
        connection.pointee.isStarved = false
        if !connection.pointee.isPaused { aside.remove(connection) }
        if connection.pointee.channel.outbox.hasPending { queueForSending(connection) }
    }

    /// Offers the queue to the kernel once before it is dropped: without waiting, callbacks or reports.
    @inline(never)
    mutating func offer(_ connection: ConnectionReference) {
        guard connection.pointee.isLive, connection.pointee.channel.outbox.hasPending, !connection.pointee.hasInheritedFrames else {
            return
        }
        // This is a child process, and the context has not noticed that yet.
        if changes >> LIBIPC_FORK_SHIFT != libipc_noted_changes() >> LIBIPC_FORK_SHIFT { return }
        // Messages for a callback are no frames; once the pair is undone nobody knows what they were for.
        if kind(of: connection) == .switched {
            let number = connection.pointee.number
            if view.counterpart(of: number) == nil || view.hasWriter(number) { return }
        }
        if keepsMemory, connection.pointee.channel.outbox.hasUnlisted { return }
        _ = try? connection.pointee.channel.outbox.send(to: connection.pointee.channel.descriptor)
    }

    /// The peer goes, its descriptor with it; but first what it was sent is reported. One bad peer is no error of the call: a reason
    /// goes without its code.
    private mutating func dismiss(
        _ connection: ConnectionReference, _ kind: Event.Kind, _ event: inout Event, _ reason: IPCError? = nil
    ) throws(IPCError) {
        if connection.pointee.channel.outbox.hasSent {
            readAgain(connection)
            return report(connection, &event)
        }
        event.set(kind, connection)
        remove(connection, closing: true, for: event.lease)
        if let reason { throw reason.with(code: IPC_ERROR_NONE) }
    }
}
