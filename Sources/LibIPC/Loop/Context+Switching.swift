// Context+Switching.swift - two descriptors whose messages go from one to the other.
//
// Either end speaks libipc frames, or the program's callbacks read and write it. The end that speaks is not read while too
// much waits for the other one, and an end that has left is reported only when its last messages have gone through. Callbacks
// run outside: the engine says what it needs (Event.callback) and is told the answer, so that a callback may use
// the library.

/// Bytes that may wait for one switched end before the other is not read any more.
let switchingWindow = 256 * 1024

extension Context where Entries: ~Copyable {
    mutating func serveSwitched(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        let descriptor = connection.pointee.number
        guard let target = counterpart(of: connection) else {
            guard connection.pointee.isReadable || connection.pointee.channel.inbox.mayHoldMessage else { return }
            // Told once for each change, not for ever.
            aside.append(connection)
            pause(connection)
            event.set(.error, connection)
            throw IPCError(IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "descriptor \(descriptor) is in no pair")
        }
        guard hasRoom(target, for: connection) else {
            held.append(connection)
            return pause(connection)
        }
        // What was sent to either end is told before they go.
        let sentTo = target.pointee.channel.outbox.hasSent ? target : connection
        if connection.pointee.hasLeft, sentTo.pointee.channel.outbox.hasSent {
            ready.append(connection)
            return report(sentTo, &event)
        }
        if connection.pointee.hasLeft {
            // The end may still read: its queue is sent first.
            if connection.pointee.failure == nil, !view.hasWriter(descriptor), drain(connection) { return }
            let failure = connection.pointee.failure
            let kind: Event.Kind = failure == nil ? .disconnection : .error
            return try untie(connection, kind, closing: failure?.code == IPC_ERROR_USOCK_SEND, &event, failure)
        }
        if view.hasReader(descriptor) {
            let isReadable = connection.pointee.holdsMore || isStillReadable(connection)
            return isReadable ? event.set(.callback, connection) : ()
        }
        do throws(IPCError) {
            switch try read(connection) {
            case .message: return try pass(connection, to: target, &event)
            case .bytes, .nothing: return
            case .end: break
            }
        } catch {
            if error.isShortage { throw error }
            connection.pointee.failure = error
        }
        connection.pointee.hasLeft = true
        try serveSwitched(connection, &event)
    }

    /// The other end, as long as it lives.
    mutating func counterpart(of connection: ConnectionReference) -> ConnectionReference? {
        guard let descriptor = view.counterpart(of: connection.pointee.number) else { return nil }
        return live(descriptor)
    }

    private mutating func hasRoom(_ target: ConnectionReference, for source: ConnectionReference) -> Bool {
        let pending = target.pointee.channel.outbox.pendingBytes
        return source.pointee.hasLeft ? pending == 0 : pending < switchingWindow
    }

    /// This end has room again, or is gone: the other one, if it was waiting for that, is looked at again.
    mutating func resumeCounterpart(of connection: ConnectionReference) {
        guard kind(of: connection) == .switched, let source = counterpart(of: connection), source.pointee.isPaused else { return }
        if hasRoom(connection, for: source) { resume(source) }
    }

    /// Moves a whole message on.
    private mutating func pass(_ source: ConnectionReference, to target: ConnectionReference, _ event: inout Event) throws(IPCError) {
        guard let header = source.pointee.channel.inbox.header else { return }
        // Without memory the message stays where it is, and its turn comes again.
        ready.append(source)
        try forward(header, source.pointee.channel.inbox.payload, to: target)
        _ = take(source)?.releasePayload()
        event.set(.switched, source)
    }

    /// - Parameter payload: the frame's from now on, unless this fails.
    private mutating func forward(
        _ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, to target: ConnectionReference
    ) throws(IPCError) {
        try view.reserveListing()
        enlist(try OutboundFrame.make(header, elsewhere: payload, &pool), for: target)
        sendAtOnce(target)
    }

    /// The pair is over: both entries go.
    private mutating func untie(
        _ connection: ConnectionReference, _ kind: Event.Kind, closing: Bool = false, _ event: inout Event, _ reason: IPCError? = nil
    ) throws(IPCError) {
        let descriptor = connection.pointee.number
        let opposite = view.counterpart(of: descriptor)
        let twin = if let opposite { self.connection(of: opposite) } else { nil as ConnectionReference? }
        event.set(kind, connection)
        view.unpair(descriptor)
        remove(connection, closing: closing, for: event.lease)
        if let twin, twin != connection { remove(twin, closing: closing, for: event.lease) }
        let code = IPC_ERROR_CLOSED_RECIPIENT
        let end: StaticString = kind == .error ? "failed" : "left"
        throw reason?.with(code: code) ?? IPCError(code, "descriptor \(descriptor) of a switched pair has \(end)")
    }

    // MARK: Pairs

    /// Makes a pair of a service's end, which has been added last, and a client's, which is added if it is not there yet. When this
    /// fails the service's is there no more.
    mutating func tie(_ client: Int32, to service: Int32) throws(IPCError) {
        let isNew = connection(of: client) == nil
        do throws(IPCError) {
            if isNew { try add(client, .switched) }
            try view.pair(client, service)
        } catch {
            if let added = live(service) { remove(added) }
            if isNew, let added = connection(of: client) { remove(added) }
            throw error
        }
        if let client = connection(of: client) { view.setKind(.switched, at: client.pointee.index) }
        lookAgain(at: client, service)
    }

    /// The pair of these two has changed.
    mutating func lookAgain(at first: Int32, _ second: Int32) {
        if let connection = live(first) { resume(connection) }
        if let connection = live(second) { resume(connection) }
    }

    // MARK: The program's callbacks

    /// A frame for the program's callback, if the end can take one without waiting.
    mutating func offerToCallback(_ connection: ConnectionReference, _ event: inout Event) {
        guard connection.pointee.channel.outbox.hasPending else { return }
        connection.pointee.isBlocked = connection.pointee.channel.descriptor.poll(POLLOUT, timeout: 0) == 0
        updateInterest(connection)
        guard !connection.pointee.isBlocked, let frame = connection.pointee.channel.outbox.takePending() else { return }
        view.unlist(frame)
        event.set(.callback, connection)
        event.frame = frame
    }

    /// What the callback that reads made of it. The entry may be gone by now.
    mutating func didRead(
        _ descriptor: Int32, _ answer: CallbackAnswer, _ message: consuming Message?, holdsMore: Bool, _ event: inout Event
    ) throws(IPCError) {
        if let lease = event.lease { release(lease) }
        guard let connection = live(descriptor) else { return }
        connection.pointee.holdsMore = holdsMore
        if holdsMore { ready.append(connection) }
        switch answer {
        case .ignore: event.set(.switched, connection)
        case .closing:
            (connection.pointee.hasLeft, connection.pointee.holdsMore) = (true, false)
            try serveSwitched(connection, &event)
        case .done:
            if let target = counterpart(of: connection), let message, !message.header.isTooLong {
                try forward(message.header, message.payload, to: target)
                _ = message.releasePayload()
                event.set(.switched, connection)
            } else {
                fallthrough
            }
        case .failed, .unparsable:
            try untie(connection, .error, &event)
        }
    }

    /// What the callback that writes made of it. The entry may be gone by now.
    mutating func didWrite(_ descriptor: Int32, _ answer: CallbackAnswer, _ event: inout Event) throws(IPCError) {
        if let lease = event.lease { release(lease) }
        guard let connection = live(descriptor) else { return }
        resumeCounterpart(of: connection)
        if connection.pointee.channel.outbox.hasPending { unsent.append(connection) }
        switch answer {
        case .done: event.set(.sent, connection)
        case .ignore: event.set(.switched, counterpart(of: connection) ?? connection)
        case .closing: try untie(connection, .disconnection, &event)
        case .failed, .unparsable:
            try untie(connection, .error, closing: true, &event)
        }
    }

    // MARK: One step by hand

    /// Reads from a switched end, as if it were its turn.
    mutating func stepReading(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        connection.pointee.isReadable = true
        connection.pointee.reportedIn = call
        ready.remove(connection)
        try serveSwitched(connection, &event)
    }

    /// Sends what is queued for one entry, and reports the oldest frame that was sent.
    /// - Parameter needsPair: of a switched end alone.
    mutating func stepWriting(_ connection: ConnectionReference, needsPair: Bool = false, _ event: inout Event) throws(IPCError) {
        let isTied = !needsPair || view.counterpart(of: connection.pointee.number) != nil
        try check(isTied, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "descriptor \(connection.pointee.number) is in no pair")
        unsent.remove(connection)
        try send(connection, &event)
        if event.kind == .none { report(connection, &event) }
    }
}
