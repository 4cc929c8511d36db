// Context+Switching.swift - two descriptors whose messages go from one to the other.
//
// The library reads and writes frames of an end, or the program's callbacks read and write it. An end is not read while too many bytes
// wait for the other one (back-pressure). An end that has left is told of only when its last messages were sent. Callbacks run outside
// of the engine, so that they may use the library: the engine asks its caller for the call (Event.Kind.callback), and gets the answer.

/// Bytes that may wait for one switched end. When there are more the other end is not read.
let switchingWindow = 256 * 1024

extension Context where View: ~Copyable {
    mutating func serveSwitched(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        guard let stream = connection.pointee.stream else { return }
        let number = connection.pointee.number
        guard let target = counterpart(of: connection) else {
            guard connection.pointee.reported != 0 || stream.pointee.inbox.mayHoldMessage else { return }
            // Parked, so that the program is told once and not for ever.
            park(connection, .awaitingPartner)
            event.give(.error, connection)
            throw IPCError(IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "descriptor \(number) is in no pair")
        }
        guard hasRoom(target, for: connection) else { return park(connection, .awaitingRoom) }
        if case .none = connection.pointee.ending {} else { return try finish(connection, target, &event) }
        if view.hasReader(number) {
            if connection.pointee.holdsMore || isStillReadable(connection) { try askCallback(connection, &event) }
            return
        }
        do throws(IPCError) {
            switch try read(connection) {
            case .message: return try passOn(connection, to: target, &event)
            case .bytes, .nothing: return
            case .end: connection.pointee.ending = .left
            }
        } catch {
            if error.isShortage { throw error }
            connection.pointee.ending = .failed(error)
        }
        try serveSwitched(connection, &event)
    }

    /// Asks for a call of the program's callback. Memory for the frame is reserved first, so that no message is lost.
    private mutating func askCallback(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        do throws(IPCError) {
            try view.reserveListing()
            OutboundFrame.destroy(try OutboundFrame.make(FrameHeader(type: 0, userType: 0, length: 0), copying: nil, &pool), &pool)
        } catch {
            readAgain(connection)
            throw error
        }
        event.give(.callback, connection)
    }

    /// The end has left or failed, and the other end has room for its last messages.
    private mutating func finish(
        _ connection: ConnectionReference, _ target: ConnectionReference, _ event: inout Event
    ) throws(IPCError) {
        // Frames that were sent to either end are told of before the entries go.
        let sentTo = target.pointee.untold > 0 ? target : connection
        if sentTo.pointee.untold > 0 {
            markRunnable(connection)
            return tell(sentTo, &event)
        }
        guard case .failed(let failure) = connection.pointee.ending else {
            // The end may still read: its queue is sent first.
            if !view.hasWriter(connection.pointee.number), beginDraining(connection) { return }
            return try endPair(connection, .disconnection, &event)
        }
        try endPair(connection, .error, closing: failure.code == IPC_ERROR_USOCK_SEND, &event, failure)
    }

    /// The other end of the pair, if its entry is active.
    mutating func counterpart(of connection: ConnectionReference) -> ConnectionReference? {
        guard let number = view.counterpart(of: connection.pointee.number) else { return nil }
        return active(number)
    }

    mutating func hasRoom(_ target: ConnectionReference, for source: ConnectionReference) -> Bool {
        guard let outbox = target.pointee.stream.map({ $0.pointee.outbox.pendingBytes }) else { return true }
        return if case .none = source.pointee.ending { outbox < switchingWindow } else { outbox == 0 }
    }

    /// This end has room again, or was removed: resumes the other end if it waits for that.
    mutating func resumeCounterpart(of connection: ConnectionReference) {
        if kind(of: connection) == .switched { resumeSource(of: connection) }
    }

    @inline(never)
    private mutating func resumeSource(of connection: ConnectionReference) {
        guard let source = counterpart(of: connection) else { return }
        switch source.pointee.state {
        case .awaitingRoom, .awaitingPartner: if hasRoom(connection, for: source) { resume(source) }
        default: break
        }
    }

    /// Queues a whole message of one end for the other.
    private mutating func passOn(
        _ source: ConnectionReference, to target: ConnectionReference, _ event: inout Event
    ) throws(IPCError) {
        guard let stream = source.pointee.stream, let header = stream.pointee.inbox.header else { return }
        // Without memory the message stays where it is, and its turn comes again.
        markRunnable(source)
        let frame = try makeFrame(header, stream.pointee.inbox.payload)
        _ = takeMessage(source)?.releasePayload()
        forward(frame, to: target)
        tellSwitched(source, &event)
    }

    /// - Parameter payload: the frame's from now on, unless this fails.
    private mutating func makeFrame(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?) throws(IPCError) -> FrameReference {
        try reserveListing()
        return try OutboundFrame.make(header, adopting: payload, &pool)
    }

    /// A message went from this end to the other, or the callback took it for itself.
    private mutating func tellSwitched(_ connection: ConnectionReference, _ event: inout Event) {
        if settings.tells(.switched) || event.lease == nil { event.give(.switched, connection) }
    }

    private mutating func forward(_ frame: FrameReference, to target: ConnectionReference) {
        guard let stream = target.pointee.stream else { return OutboundFrame.destroy(frame, &pool) }
        let others = hasUnsent
        enlist(frame, for: target, stream)
        sendAtOnce(target, others)
    }

    /// Ends the pair: removes both entries.
    private mutating func endPair(
        _ connection: ConnectionReference, _ kind: Event.Kind, closing: Bool = false, _ event: inout Event, _ reason: IPCError? = nil
    ) throws(IPCError) {
        let number = connection.pointee.number
        let opposite = view.counterpart(of: number)
        let other = if let opposite { self.connection(of: opposite) } else { nil as ConnectionReference? }
        event.give(kind, connection)
        view.unpair(number)
        // What was read ahead from the end that stays is for whoever reads it next.
        remove(connection, closing ? .closed : .released, for: event)
        if let other, other != connection { remove(other, closing ? .closed : .released, for: event) }
        let code = IPC_ERROR_CLOSED_RECIPIENT
        let end: StaticString = kind == .error ? "failed" : "left"
        throw reason?.with(code: code) ?? IPCError(code, "descriptor \(number) of a switched pair has \(end)")
    }

    // MARK: Pairs

    /// Makes a pair of a service's end, which was added just before, and a client's, which is added if it is no entry yet. When this
    /// fails, the service's entry is removed.
    mutating func makePair(_ client: Int32, to service: Int32) throws(IPCError) {
        let isNew = connection(of: client) == nil
        do throws(IPCError) {
            if isNew { try add(client, .switched) }
            try view.pair(client, service)
        } catch {
            if let added = active(service) { remove(added, .released) }
            if isNew, let added = connection(of: client) { remove(added, .released) }
            throw error
        }
        if let client = connection(of: client) { view.setKind(.switched, at: client.pointee.index) }
        resumePair(client, service)
    }

    /// The program has changed the pair of these two ends: resumes both.
    mutating func resumePair(_ first: Int32, _ second: Int32) {
        if let connection = active(first) { resume(connection) }
        if let connection = active(second) { resume(connection) }
    }

    // MARK: The program's callbacks

    /// A frame for the program's callback, if the end can take one without waiting.
    mutating func offerToCallback(_ connection: ConnectionReference, _ stream: StreamReference, _ event: inout Event) {
        guard stream.pointee.outbox.hasPending, !isTaken(connection, from: event.lease) else { return }
        let hasRoom = stream.pointee.descriptor.poll(POLLOUT, timeout: 0) != 0
        connection.pointee.sending = hasRoom ? .ready : .blocked
        updateInterest(connection)
        guard hasRoom else { return requeue(connection) }
        guard let frame = try? stream.pointee.outbox.takeFrame(&pool) else { return starveSending(connection) }
        // The block of the last one.
        while let empty = stream.pointee.outbox.takeSent() { discard(empty) }
        view.unlist(frame)
        event.give(.callback, connection)
        event.frame = frame
        requeue(connection)
    }

    /// The answer of the callback that reads. The entry may have been removed meanwhile.
    mutating func didRead(
        _ number: Int32, _ answer: CallbackAnswer, _ message: consuming Message?, holdsMore: Bool, _ event: inout Event
    ) throws(IPCError) {
        if let lease = event.lease { end(lease) }
        guard let connection = active(number) else { return }
        connection.pointee.holdsMore = holdsMore
        if holdsMore { markRunnable(connection) }
        switch answer {
        case .ignore: tellSwitched(connection, &event)
        case .closing:
            (connection.pointee.ending, connection.pointee.holdsMore) = (.left, false)
            try serveSwitched(connection, &event)
        case .done:
            if let target = counterpart(of: connection), let message, !message.header.isTooLong {
                let frame = try makeFrame(message.header, message.payload)
                _ = message.releasePayload()
                forward(frame, to: target)
                tellSwitched(connection, &event)
            } else {
                fallthrough
            }
        case .failed, .unparsable:
            try endPair(connection, .error, &event)
        }
    }

    /// The answer of the callback that writes. The entry may have been removed meanwhile.
    mutating func didWrite(_ number: Int32, _ answer: CallbackAnswer, _ event: inout Event) throws(IPCError) {
        if let lease = event.lease { end(lease) }
        guard let connection = active(number) else { return }
        resumeCounterpart(of: connection)
        // The next frame is another connection's.
        if outgoing.contains(connection) { outgoing.remove(connection) }
        requeue(connection)
        switch answer {
        case .done: if settings.tells(.sent) || event.lease == nil { event.give(.sent, connection) }
        case .ignore: tellSwitched(counterpart(of: connection) ?? connection, &event)
        case .closing: try endPair(connection, .disconnection, &event)
        case .failed, .unparsable:
            try endPair(connection, .error, closing: true, &event)
        }
    }

    // MARK: One step by hand

    /// Reads from a switched end, as if it were its turn.
    mutating func stepReading(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        try requireActive(connection, IPC_ERROR_DEL__CANNOT_FIND_CLIENT)
        connection.pointee.reported |= POLLIN
        connection.pointee.reportedIn = call
        setState(.idle, of: connection)
        try serveSwitched(connection, &event)
        // The step has handled at most one message; the inbox may hold more.
        if case .idle = connection.pointee.state, connection.pointee.stream?.pointee.inbox.mayHoldMessage == true {
            markRunnable(connection)
        }
    }

    /// Sends what is queued for one entry, and tells of the oldest frame that was sent.
    /// - Parameter needsPair: throws if the entry is in no pair.
    mutating func stepWriting(_ connection: ConnectionReference, needsPair: Bool = false, _ event: inout Event) throws(IPCError) {
        let isTied = !needsPair || view.counterpart(of: connection.pointee.number) != nil
        try check(isTied, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "descriptor \(connection.pointee.number) is in no pair")
        try send(connection, &event)
        if event.kind == .none { tell(connection, &event) }
    }

    /// The number of an entry that was closed may be another entry's by now.
    mutating func requireActive(_ connection: ConnectionReference, _ code: ErrorCode) throws(IPCError) {
        try check(connection.pointee.isActive, code, "the descriptor \(connection.pointee.number) of this entry is closed")
    }
}
