// Context+Queueing.swift - puts frames into the outbox of a connection, and drops them.

extension Context where View: ~Copyable {
    /// The entry of this number, if its queue has room for the frame.
    @inline(__always)
    private mutating func receiver(of header: FrameHeader, _ number: Int32) throws(IPCError) -> (ConnectionReference, StreamReference) {
        guard let connection = numbers[number], let stream = connection.pointee.stream else {
            throw IPCError(IPC_ERROR_WRITE__FD_NOT_FOUND, "descriptor \(number) is not in this context")
        }
        let limit = queueLimit ?? settings.queueBytes ?? Self.defaultQueueLimit
        let hasRoom = stream.pointee.outbox.hasRoom(for: header, limit, frames: settings.queueMessages)
        try check(hasRoom, IPC_ERROR_WRITE__QUEUE_FULL, "the queue of descriptor \(number) is full")
        return (connection, stream)
    }

    /// Queues a message, and copies its payload.
    @inline(__always)
    mutating func queue(_ header: FrameHeader, copying payload: UnsafeMutableRawPointer?, for number: Int32) throws(IPCError) {
        let (connection, stream) = try receiver(of: header, number)
        if !settings.tells(.sent) { return try queueOther(header, payload, connection, stream) }
        let others = hasUnsent
        do throws(IPCError) {
            try reserveListing()
            enlist(try OutboundFrame.make(header, copying: payload, &pool), for: connection, stream)
        } catch { throw error.systemError == ENOMEM ? error.with(code: IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC) : error }
        sendAtOnce(connection, others)
    }

    /// Queues a message, and takes its payload over, which was malloc'ed, unless this fails.
    @inline(__always)
    mutating func queue(_ header: FrameHeader, adopting payload: UnsafeMutableRawPointer?, for number: Int32) throws(IPCError) {
        let (connection, stream) = try receiver(of: header, number)
        guard !settings.tells(.sent), stream.pointee.outbox.pack(header, payload) else {
            return try queueOther(header, payload, connection, stream, adopting: true)
        }
        pool.returnBatchPayload(payload, header.payloadSize)
        finishPacking(connection)
    }

    /// Queues a message with a descriptor, which is the frame's unless this fails.
    mutating func queue(
        _ header: FrameHeader, copying payload: UnsafeMutableRawPointer?, passing descriptor: Int32, for number: Int32
    ) throws(IPCError) {
        let (connection, stream) = try receiver(of: header, number)
        try queueOther(header, payload, connection, stream, passing: descriptor)
    }

    @inline(__always)
    private mutating func finishPacking(_ connection: ConnectionReference) {
        let others = hasUnsent
        noticeQueued(connection)
        sendAtOnce(connection, others)
    }

    /// Queues a frame of any kind.
    @inline(never)
    private mutating func queueOther(
        _ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, _ connection: ConnectionReference, _ stream: StreamReference,
        adopting: Bool = false, passing: Int32 = -1
    ) throws(IPCError) {
        let isTold = settings.tells(.sent)
        if !isTold, !adopting, passing < 0, stream.pointee.outbox.pack(header, payload) { return finishPacking(connection) }
        let others = hasUnsent
        do throws(IPCError) {
            try reserveListing()
            // One piece of memory is sent faster than two: small payloads are copied.
            let isAdopted = adopting && header.payloadSize > BufferPool.mediumSize
            let beginsBlock = !isTold && passing < 0 && header.frameSize <= OutboundFrame.largestFirst && stream.pointee.outbox.endsSmall
            let frame =
                if isAdopted { try OutboundFrame.make(header, adopting: payload, &pool) } else if beginsBlock {
                    try OutboundFrame.makeRoomy(header, copying: payload, &pool)
                } else { try OutboundFrame.make(header, copying: payload, &pool) }
            if adopting, !isAdopted { pool.returnBatchPayload(payload, header.payloadSize) }
            if passing >= 0 { frame.pointee.descriptor = passing }
            if !isTold, passing < 0, !isAdopted, sendsDirectly(frame, connection, stream) { return }
            enlist(frame, for: connection, stream)
        } catch { throw error.systemError == ENOMEM ? error.with(code: IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC) : error }
        sendAtOnce(connection, others)
    }

    /// Makes room for one more frame in the program's list, if the program wants it.
    @inline(__always)
    mutating func reserveListing() throws(IPCError) { if settings.tells(.sent) { try view.reserveListing() } }

    /// Puts the frame into the outbox, and into the program's list if the program is told of it; that has room.
    @inline(__always)
    mutating func enlist(_ frame: FrameReference, for connection: ConnectionReference, _ stream: StreamReference) {
        if settings.tells(.sent) { view.list(frame, for: connection.pointee.number) }
        stream.pointee.outbox.append(frame)
        stream.pointee.identify()
        noticeQueued(connection)
    }

    /// There is a frame more in the outbox.
    @inline(__always)
    private mutating func noticeQueued(_ connection: ConnectionReference) {
        // Another attempt: a file that has failed may take bytes again.
        if case .failed = connection.pointee.sending { connection.pointee.sending = .ready }
        guard connection.pointee.isReady else { return }
        hasUnsent = true
        if !outgoing.contains(connection) { outgoing.append(connection) }
    }

    /// Puts the connection into the queue `outgoing` if it has frames to send or to tell of, or else takes it out.
    @inline(never)
    mutating func requeue(_ connection: ConnectionReference) {
        guard let stream = connection.pointee.stream else { return }
        var isNeeded = connection.pointee.untold > 0
        if stream.pointee.outbox.hasPending, !stream.pointee.writeClaim.isHeld {
            switch connection.pointee.sending {
            case .ready: (isNeeded, hasUnsent) = (true, true)
            // `retryStarved` finds it there after the pause.
            case .starved: isNeeded = true
            case .blocked, .failed: break
            }
        }
        guard isNeeded != outgoing.contains(connection) else { return }
        if isNeeded { outgoing.append(connection) } else { outgoing.remove(connection) }
    }

    /// Frees a frame that was taken out of its outbox.
    @inline(__always)
    mutating func discard(_ frame: FrameReference) {
        if frame.pointee.isListed { view.unlist(frame) }
        if keepsMemory, frame.pointee.descriptor >= 0 { frame.closeDescriptor() }
        if keepsMemory { dropped.append(frame) } else { OutboundFrame.destroy(frame, &pool) }
    }

    /// Drops the entry's queued frames, and forgets the sent ones that the program was not told of.
    /// - Parameter keepingBegun: keeps the rest of a frame that is begun.
    mutating func dropFrames(_ connection: ConnectionReference, keepingBegun: Bool) {
        guard let stream = connection.pointee.stream else { return }
        (untold, connection.pointee.untold) = (untold - connection.pointee.untold, 0)
        while let frame = keepingBegun ? stream.pointee.outbox.takeUnbegun() : stream.pointee.outbox.takePending() { discard(frame) }
        if let begun = stream.pointee.outbox.begun {
            view.unlist(begun)
            begun.pointee.listing = OutboundFrame.unlisted
        }
        // The frames are in the outbox of the call that has claimed it, and cannot be touched.
        if stream.pointee.writeClaim.isHeld { view.unlistAll(for: connection.pointee.number) }
        requeue(connection)
    }
}
