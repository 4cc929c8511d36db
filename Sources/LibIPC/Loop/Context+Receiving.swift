// Context+Receiving.swift - a turn of a connection that carries frames; and what happens when its peer leaves.

extension Context where View: ~Copyable {
    /// Time that a peer which has stopped writing has to read its queue, in milliseconds.
    private static var drainingTime: Int32 { 5_000 }

    @inline(never)
    mutating func serveFrames(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        do throws(IPCError) {
            var arrival = Inbox.Arrival.nothing
            if let stream = connection.pointee.stream, takesAtOnce(connection, stream) {
                if let message = try receive(connection, stream, &arrival) {
                    event.give(.message, connection)
                    return event.message = consume message
                }
            } else {
                arrival = try read(connection)
            }
            switch arrival {
            case .message:
                event.give(.message, connection)
                event.message = takeMessage(connection)
            case .end: if !beginDraining(connection) { try dismiss(connection, .disconnection, &event) }
            case .bytes, .nothing: break
            }
        } catch {
            if error.isShortage { throw error }
            try dismiss(connection, .error, &event, error)
        }
    }

    /// The usual case: the inbox is empty, and a small message probably comes. It goes to the program without a stop in the inbox.
    @inline(__always)
    private mutating func takesAtOnce(_ connection: ConnectionReference, _ stream: StreamReference) -> Bool {
        connection.pointee.reported != 0 && stream.pointee.isStream && connection.pointee.sendFailure == 0
            && stream.pointee.inbox.hasNoBytes && !stream.pointee.inbox.expectsLarge
    }

    @inline(__always)
    private mutating func receive(
        _ connection: ConnectionReference, _ stream: StreamReference, _ arrival: inout Inbox.Arrival
    ) throws(IPCError) -> Message? {
        connection.pointee.reported = 0
        do throws(IPCError) {
            let message = try stream.pointee.inbox.receiveMessage(from: stream.pointee.descriptor, &pool, &arrival)
            if arrival == .bytes { stream.pointee.identify() }
            if message != nil || arrival != .nothing { guess.heard(connection.pointee.registration) }
            return message
        } catch {
            if error.isShortage { readAgain(connection) }
            throw error
        }
    }

    /// One turn: takes a message from the inbox, or receives once. After a shortage the connection is tried again.
    mutating func read(_ connection: ConnectionReference) throws(IPCError) -> Inbox.Arrival {
        guard let stream = connection.pointee.stream else { return .nothing }
        var arrival = Inbox.Arrival.nothing
        do throws(IPCError) {
            if !stream.pointee.inbox.hasNoBytes, try stream.pointee.inbox.parse(&pool) { return .message }
            if connection.pointee.reported != 0 {
                connection.pointee.reported = 0
                if !stream.pointee.isStream { try stream.pointee.requireStream(IPC_ERROR_USOCK_RECV) }
                arrival = try stream.pointee.inbox.receive(from: stream.pointee.descriptor, into: &pool)
                if arrival == .bytes { stream.pointee.identify() }
                if arrival != .nothing { guess.heard(connection.pointee.registration) }
            }
        } catch {
            if error.isShortage { readAgain(connection) }
            throw error
        }
        return connection.pointee.sendFailure == 0 ? arrival : try readAfterFailure(connection, arrival)
    }

    /// Sending has failed. The context reads the bytes that the peer sent before. If they end without an end of the stream, the failure
    /// of the send is thrown.
    @inline(never)
    private mutating func readAfterFailure(
        _ connection: ConnectionReference, _ arrival: Inbox.Arrival
    ) throws(IPCError) -> Inbox.Arrival {
        if arrival == .nothing {
            let (number, failure) = (connection.pointee.number, connection.pointee.sendFailure)
            throw IPCError(IPC_ERROR_USOCK_SEND, "send to descriptor \(number)", systemError: failure)
        }
        if arrival == .bytes { readAgain(connection) }
        return arrival
    }

    /// Gives the connection another turn: there may be something to read that the poller does not report again.
    @inline(never)
    mutating func readAgain(_ connection: ConnectionReference) {
        connection.pointee.reported |= Connection.mayBeReadable
        if case .draining = connection.pointee.state { resume(connection) } else { markRunnable(connection) }
    }

    /// Takes the whole message out. If the inbox may hold another one, or the end of the stream may follow, the connection stays runnable.
    @inline(__always)
    mutating func takeMessage(_ connection: ConnectionReference) -> Message? {
        guard let stream = connection.pointee.stream else { return nil }
        let message = stream.pointee.inbox.takeMessage()
        stream.pointee.identify()
        if connection.pointee.sendFailure != 0 { connection.pointee.reported |= Connection.mayBeReadable }
        if connection.pointee.reported != 0 || stream.pointee.inbox.mayHoldMessage { markRunnable(connection) }
        return message
    }

    // MARK: Peers that only stopped writing

    /// The peer has stopped writing, and may still read. True: its queue is not empty, and has time to be sent.
    @inline(never)
    mutating func beginDraining(_ connection: ConnectionReference) -> Bool {
        guard let stream = connection.pointee.stream, stream.pointee.outbox.hasPending, connection.pointee.sendFailure == 0 else {
            return false
        }
        let due = Deadline(milliseconds: Self.drainingTime)
        park(connection, .draining(until: due))
        retry(at: due)
        return true
    }

    /// The queue was sent, or its time is up: now the end of the peer's stream is handled.
    @inline(never)
    mutating func resumeDrained(_ connection: ConnectionReference) {
        connection.pointee.reported |= Connection.mayBeReadable
        resume(connection)
    }

    /// Removes the connection and closes its descriptor; but first tells of the frames that were sent to it. One bad peer is no error of
    /// the call: the reason is thrown with code 0, and only its text goes into the result.
    @inline(never)
    private mutating func dismiss(
        _ connection: ConnectionReference, _ kind: Event.Kind, _ event: inout Event, _ reason: IPCError? = nil
    ) throws(IPCError) {
        if connection.pointee.untold > 0 {
            readAgain(connection)
            return tell(connection, &event)
        }
        event.give(kind, connection)
        remove(connection, .closed, for: event)
        if let reason { throw reason.with(code: IPC_ERROR_NONE) }
    }
}
