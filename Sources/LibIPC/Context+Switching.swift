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
            // Told once for each change, not for ever.
            aside.append(connection)
            pause(connection)
            event.set(.error, connection)
            throw IPCError(IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "no pair has", .descriptor(descriptor))
        }
        guard hasRoom(target, for: connection) else { return pause(connection) }
        if connection.pointee.hasLeft { return try untie(connection, .disconnection, &event) }
        if roster.hasReader(descriptor) {
            guard roster.holdsMore(at: connection.pointee.index) || isStillReadable(connection) else { return }
            return event.set(.callReader, connection)
        }
        let turn: Turn
        do throws(IPCError) { turn = try read(connection) } catch {
            if error.isShortage { throw error }
            return try untie(connection, .error, &event, error)
        }
        switch turn {
        case .message: try pass(connection, to: target, &event)
        case .end: try leave(connection, &event)
        case .nothing(let arrived):
            guard hasFailed(connection, arrived) else { return }
            let reason = connection.pointee.channel.descriptor.sendError(connection.pointee.sendFailure)
            try untie(connection, .error, closing: true, &event, reason)
        }
    }

    /// The other end, as long as it lives.
    func counterpart(of connection: ConnectionReference) -> ConnectionReference? {
        roster.counterpart(of: connection.pointee.number).flatMap { live($0) }
    }

    private func hasRoom(_ target: ConnectionReference, for source: ConnectionReference) -> Bool {
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
        let frame: FrameReference
        do throws(OutOfMemory) {
            try roster.reserveListing()
            frame = try OutboundFrame.make(header, hasRoom: false)
        } catch {
            // The message stays where it is.
            ready.append(source)
            throw noMemory(source)
        }
        if let payload = take(source)?.releasePayload() { frame.pointee.adopt(payload) }
        enlist(frame, for: target)
        event.set(.switched, source)
    }

    private func noMemory(_ source: ConnectionReference) -> IPCError {
        IPCError(IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY, "no memory to switch from", .descriptor(source.pointee.number))
    }

    private mutating func leave(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        connection.pointee.hasLeft = true
        roster.setHoldsMore(false, at: connection.pointee.index)
        try serveSwitched(connection, &event)
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
        let left = IPCError(IPC_ERROR_CLOSED_RECIPIENT, "a switched end has left:", .descriptor(descriptor))
        throw (reason ?? left).with(code: IPC_ERROR_CLOSED_RECIPIENT)
    }

    // MARK: The program's callbacks

    /// A frame for the program's callback, if the end can take one without waiting.
    mutating func offerToCallback(_ connection: ConnectionReference, _ event: inout Event) {
        guard connection.pointee.channel.outbox.hasPending else { return }
        connection.pointee.isBlocked = connection.pointee.channel.descriptor.poll(Int16(POLLOUT), timeout: 0) == 0
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
        case .done: try pass(message, from: connection, &event)
        case .ignore: event.set(.switched, connection)
        case .closing: try leave(connection, &event)
        case .failed, .unparsable: try untie(connection, .error, &event, callbackFailed("the callback failed to read", connection))
        }
    }

    private func callbackFailed(_ what: StaticString, _ connection: ConnectionReference) -> IPCError {
        IPCError(IPC_ERROR_CLOSED_RECIPIENT, what, .descriptor(connection.pointee.number))
    }

    /// Moves on what a callback read.
    private mutating func pass(_ message: consuming Message?, from source: ConnectionReference, _ event: inout Event) throws(IPCError) {
        guard let target = counterpart(of: source), let message, !message.header.isTooLong
        else { return try untie(source, .error, &event, callbackFailed("the callback gave no valid message for", source)) }
        do throws(OutOfMemory) {
            try roster.reserveListing()
            let frame = try OutboundFrame.make(message.header, hasRoom: false)
            if let payload = message.releasePayload() { frame.pointee.adopt(payload) }
            enlist(frame, for: target)
        } catch {
            return try untie(source, .error, &event, noMemory(source))
        }
        event.set(.switched, source)
    }

    /// What the callback made of `Event.callWriter`. The entry may be gone by now.
    mutating func didWrite(_ descriptor: Int32, _ answer: CallbackAnswer, _ event: inout Event) throws(IPCError) {
        guard let connection = live(descriptor) else { return }
        resumeCounterpart(of: connection)
        if connection.pointee.channel.outbox.hasPending { unsent.append(connection) }
        switch answer {
        case .done: event.set(.sent, connection)
        case .ignore: event.set(.switched, connection)
        case .closing: try untie(connection, .disconnection, &event)
        case .failed, .unparsable:
            try untie(connection, .error, closing: true, &event, callbackFailed("the callback failed to write to", connection))
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
