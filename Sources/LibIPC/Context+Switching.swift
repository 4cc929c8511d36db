// Context+Switching.swift - two descriptors whose messages go from one to the other.
//
// Either end speaks libipc frames, or the program's callbacks read and write it. The end that speaks is not read while too
// much waits for the other one, and an end that has left is reported only when its last messages have gone through. Callbacks
// run outside: the engine says what it needs (Event.callReader, callWriter) and is told the answer, so that a callback may use
// the library.

import CLibIPC

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
        if connection.pointee.hasLeft { return try untie(connection, .disconnection, &event) }
        if roster.hasReader(descriptor) {
            let isReadable = roster.holdsMore(at: connection.pointee.index) || isStillReadable(connection)
            return isReadable ? event.set(.callReader, connection) : ()
        }
        do throws(IPCError) {
            let arrival = try read(connection)
            if arrival == .end {
                connection.pointee.hasLeft = true
            } else if connection.pointee.channel.inbox.isWhole {
                return try pass(connection, to: target, &event)
            } else {
                return try checkSending(connection, arrival)
            }
        } catch {
            if error.isShortage { throw error }
            guard target.pointee.channel.outbox.hasPending else {
                return try untie(connection, .error, closing: error.code == IPC_ERROR_USOCK_SEND, &event, error)
            }
            // It will fail again.
            (connection.pointee.hasFailed, connection.pointee.isReadable) = (true, true)
        }
        try serveSwitched(connection, &event)
    }

    /// The other end, as long as it lives.
    func counterpart(of connection: ConnectionReference) -> ConnectionReference? {
        roster.counterpart(of: connection.pointee.number).flatMap { live($0) }
    }

    private func hasRoom(_ target: ConnectionReference, for source: ConnectionReference) -> Bool {
        let pending = target.pointee.channel.outbox.pendingBytes
        return source.pointee.hasLeft || source.pointee.hasFailed ? pending == 0 : pending < switchingWindow
    }

    /// This end has room again, or is gone: the other one, if it was waiting for that, is looked at again.
    mutating func resumeCounterpart(of connection: ConnectionReference) {
        guard kind(of: connection) == .switched, let source = counterpart(of: connection), source.pointee.isPaused else { return }
        if hasRoom(connection, for: source) { resume(source) }
    }

    /// Moves a whole message on.
    private mutating func pass(_ source: ConnectionReference, to target: ConnectionReference, _ event: inout Event) throws(IPCError) {
        guard let header = source.pointee.channel.inbox.header else { return }
        do throws(IPCError) { try forward(header, source.pointee.channel.inbox.payload, to: target) } catch {
            // The message stays where it is.
            ready.append(source)
            throw error
        }
        _ = take(source)?.releasePayload()
        event.set(.switched, source)
    }

    /// - Parameter payload: the frame's from now on, unless this fails.
    private mutating func forward(
        _ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, to target: ConnectionReference
    ) throws(IPCError) {
        try roster.reserveListing()
        enlist(try OutboundFrame.make(header, elsewhere: payload, &scratch), for: target)
    }

    /// The pair is over: both entries go.
    private mutating func untie(
        _ connection: ConnectionReference, _ kind: Event.Kind, closing: Bool = false, _ event: inout Event, _ reason: IPCError? = nil
    ) throws(IPCError) {
        let descriptor = connection.pointee.number
        let twin = roster.counterpart(of: descriptor).flatMap { self.connection(of: $0) }
        event.set(kind, connection)
        roster.unpair(descriptor)
        remove(connection, closing: closing)
        if let twin, twin != connection { remove(twin, closing: closing) }
        throw (reason ?? IPCError(IPC_ERROR_NONE, "descriptor \(descriptor) of a switched pair has left")).with(
            code: IPC_ERROR_CLOSED_RECIPIENT)
    }

    // MARK: The program's callbacks

    /// A frame for the program's callback, if the end can take one without waiting.
    mutating func offerToCallback(_ connection: ConnectionReference, _ event: inout Event) {
        guard connection.pointee.channel.outbox.hasPending else { return }
        connection.pointee.isBlocked = connection.pointee.channel.descriptor.poll(POLLOUT, timeout: 0) == 0
        updateInterest(connection)
        guard !connection.pointee.isBlocked, let frame = connection.pointee.channel.outbox.takePending() else { return }
        roster.unlist(frame)
        event.set(.callWriter, connection)
        event.frame = frame
    }

    /// What the callback made of `Event.callReader`. The entry may be gone by now.
    mutating func didRead(
        _ descriptor: Int32, _ answer: CallbackAnswer, _ message: consuming Message?, holdsMore: Bool, _ event: inout Event
    ) throws(IPCError) {
        guard let connection = live(descriptor) else { return }
        roster.setHoldsMore(holdsMore, at: connection.pointee.index)
        if holdsMore { ready.append(connection) }
        switch answer {
        case .ignore: event.set(.switched, connection)
        case .closing:
            connection.pointee.hasLeft = true
            roster.setHoldsMore(false, at: connection.pointee.index)
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
            try untie(
                connection, .error, &event, IPCError(IPC_ERROR_NONE, "the callback failed to read \(connection.pointee.channel.descriptor)")
            )
        }
    }

    /// What the callback made of `Event.callWriter`. The entry may be gone by now.
    mutating func didWrite(_ descriptor: Int32, _ answer: CallbackAnswer, _ event: inout Event) throws(IPCError) {
        guard let connection = live(descriptor) else { return }
        resumeCounterpart(of: connection)
        if connection.pointee.channel.outbox.hasPending { unsent.append(connection) }
        switch answer {
        case .done: event.set(.sent, connection)
        case .ignore: event.set(.switched, counterpart(of: connection) ?? connection)
        case .closing: try untie(connection, .disconnection, &event)
        case .failed, .unparsable:
            let reason = IPCError(IPC_ERROR_NONE, "the callback failed to write to \(connection.pointee.channel.descriptor)")
            try untie(connection, .error, closing: true, &event, reason)
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
    mutating func stepWriting(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        unsent.remove(connection)
        try send(connection, &event)
        if event.kind == .none { report(connection, &event) }
    }
}
