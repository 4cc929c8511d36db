// DirectWrite.swift - a call that sends one frame, or one descriptor, and waits for room.
//
// As long as the kernel has room, no system call waits. When it has none, the call claims the outbox and moves it here, so that it needs
// no lock while it waits. It sends the frames that were queued before, then its own. It waits in a blocking send of a small piece
// (Outbox.sendPiece); or, when the descriptor has a time limit, in poll(2) (TimeLimit).
//
// When the call fails in the middle of a frame, the rest of the frame stays in the outbox. The next call or wait sends it first.

struct DirectWrite<View: PublicView & ~Copyable>: ~Copyable {
    private let claimed: ClaimedStream
    private let code: ErrorCode
    private var outbox = Outbox()
    private var limit: TimeLimit
    private let cancellation = CancellationGuard()

    // MARK: The three calls

    /// Sends one frame, after what is queued.
    static func send(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, to number: Int32) throws(IPCError) {
        let code = IPC_ERROR_USOCK_SEND
        let limit = TimeLimit.sending
        let lock = try DescriptorLock<View>(number, code, .sending)
        try lock.requireStream(code)
        // Memory first: no allocation may fail once a part of the frame is sent.
        var own = try lock.withPool { pool throws(IPCError) in try failing(with: code, try OwnFrame(header, payload, &pool)) }
        if try flush(lock, code), try own.outbox.send(to: lock.stream.pointee.descriptor) { return lock.withPool { own.recycle(&$0) } }
        try sendWaiting(&own, lock, limit)
    }

    /// The rest of `send` where the kernel has no room, or another call has claimed the outbox.
    @inline(never)
    private static func sendWaiting(_ own: inout OwnFrame, _ lock: consuming DescriptorLock<View>, _ limit: TimeLimit) throws(IPCError) {
        let number = lock.stream.pointee.descriptor.number
        var write: DirectWrite
        do throws(IPCError) { write = try DirectWrite(lock, IPC_ERROR_USOCK_SEND, limit) } catch {
            throw own.outbox.isBegun ? DirectWrite.breakStream(number, error) : error
        }
        var failure = write.sendAll()
        if failure == 0 { failure = write.sendAll(of: &own.outbox) }
        var error = write.error(for: failure)
        if let reason = error, own.outbox.isBegun { error = write.keepRest(of: &own, reason) }
        try write.endClaim(error)
    }

    /// Passes a descriptor with one byte, after what is queued.
    static func pass(_ passed: Int32, over socket: Int32) throws(IPCError) {
        let code = IPC_ERROR_PROVIDE_FD__SENDMSG
        let limit = TimeLimit.sending
        let lock = try DescriptorLock<View>(socket, code, .sending)
        if try flush(lock, code) {
            if libipc_send_descriptor(socket, passed) == 1 { return }
            if libipc_errno() != EAGAIN { throw .system(code, "pass a descriptor over descriptor \(socket)") }
        }
        var write = try DirectWrite(lock, code, limit)
        var failure = write.sendAll()
        while failure == 0 {
            if libipc_send_descriptor_once(socket, passed, write.limit.isLimited ? 0 : 1) == 1 { break }
            failure = libipc_errno()
            if failure == EAGAIN, write.limit.isLimited { failure = write.waitForRoom() }
        }
        try write.endClaim(write.error(for: failure))
    }

    /// Sends the rest of a frame that was sent in part, if there is one.
    static func finishFrame(to number: Int32) throws(IPCError) {
        let code = IPC_ERROR_USOCK_SEND
        let limit = TimeLimit.sending
        let lock = try DescriptorLock<View>(number, code, .sending)
        if try flush(lock, code, finishing: true) { return }
        var write = try DirectWrite(lock, code, limit)
        let failure = write.sendAll(finishing: true)
        try write.endClaim(write.error(for: failure))
    }

    /// Sends the queue as far as possible without waiting.
    /// - Parameter finishing: sends only the rest of a frame that was sent in part.
    /// - Returns: whether the outbox is empty (`finishing`: has no such rest), and no other call has claimed it.
    private static func flush(
        _ lock: borrowing DescriptorLock<View>, _ code: ErrorCode, finishing: Bool = false
    ) throws(IPCError) -> Bool {
        let stream = lock.stream
        if stream.pointee.writeClaim.isHeld { return false }
        return try failing(with: code, try stream.pointee.outbox.send(to: stream.pointee.descriptor, finishing: finishing))
    }

    // MARK: The claim

    /// Claims the outbox; waits while another call has it.
    private init(_ lock: consuming DescriptorLock<View>, _ code: ErrorCode, _ limit: TimeLimit) throws(IPCError) {
        (self.code, self.limit) = (code, limit)
        let number = lock.stream.pointee.descriptor.number
        self.limit.readLimit(of: lock.stream.pointee.descriptor)
        if !lock.stream.pointee.isCurrent {
            // The frames in the outbox are for another file, which the number meant before. The look-up discards them.
            lock.end()
            lock = try DescriptorLock(number, code, .always)
        }
        while lock.stream.pointee.writeClaim.isHeld {
            // This thread's own claim never ends while it waits: this is a signal handler, or longjmp(3) has left the other call.
            let failure = lock.stream.pointee.writeClaim.isHeldByThisThread ? EDEADLK : 0
            try lock.waitForClaimEnd(sending: true, self.limit, code, failure: failure)
            lock = try DescriptorLock(number, code, .always)
        }
        claimed = ClaimedStream(lock.stream)
        lock.stream.pointee.beginWriteClaim(&outbox)
        lock.noticeClaim()
    }

    /// Sends the outbox without the lock, and waits for room. Returns 0, or errno for the result of the call.
    @inline(never) private mutating func sendAll(finishing: Bool = false) -> Int32 {
        let descriptor = claimed.descriptor
        while true {
            do throws(IPCError) { if try outbox.send(to: descriptor, finishing: finishing) { return 0 } } catch { return error.systemError }
            let failure = limit.isLimited ? waitForRoom() : outbox.sendPiece(to: descriptor)
            if failure != 0 { return failure }
        }
    }

    /// Sends another outbox in the same way.
    private mutating func sendAll(of other: inout Outbox) -> Int32 {
        swap(&outbox, &other)
        defer { swap(&outbox, &other) }
        return sendAll()
    }

    private mutating func waitForRoom() -> Int32 {
        do throws(IPCError) { try limit.wait(for: POLLOUT, at: claimed.descriptor, code) } catch { return error.systemError }
        return 0
    }

    private func error(for failure: Int32) -> IPCError? {
        failure == 0 ? nil : IPCError(code, "send to descriptor \(claimed.descriptor.number)", systemError: failure)
    }

    /// The call fails in the middle of its frame. If the reason is temporary, the outbox gets the frame, and the next call sends the rest.
    private mutating func keepRest(of own: inout OwnFrame, _ reason: IPCError) -> IPCError {
        if reason.isTemporary {
            let missing = own.outbox.pendingBytes
            guard let frame = own.takeFrame() else { return DirectWrite.breakStream(claimed.descriptor.number, reason) }
            outbox.append(frame, sent: frame.pointee.header.frameSize - missing)
        }
        return reason.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
    }

    /// The rest of a frame is lost, and no frame can follow: shuts the direction down.
    private static func breakStream(_ number: Int32, _ reason: IPCError) -> IPCError {
        libipc_stop_writing(number)
        return reason.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
    }

    /// Gives the outbox back to the stream, whose owner may be another one by now. Throws the error of the call, if there is one.
    @inline(never) private consuming func endClaim(_ error: IPCError?) throws(IPCError) {
        let stream = claimed.stream
        let lock = DescriptorLock<View>(claimed)
        if stream.pointee.writeClaim.wasBegunByThisThread {
            stream.pointee.writeClaim.end()
            // No context has the stream any more. Its former one has taken the frames out of the program's list.
            if lock.context == nil { outbox.unlist() }
            // Frames that were queued meanwhile follow.
            outbox.append(contentsOf: &stream.pointee.outbox)
            swap(&outbox, &stream.pointee.outbox)
            lock.noticeClaimEnd()
        }
        if let error { throw error }
    }
}

/// The frame of one call. It has a copy of a small payload; a large one stays the caller's, and there is memory for a copy: it is needed
/// when the call fails in the middle of the frame, where no allocation may fail any more.
private struct OwnFrame: ~Copyable {
    private var frame: FrameReference?
    private var copy: FrameReference?
    /// Has this frame alone.
    var outbox: Outbox

    init(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, _ pool: inout BufferPool) throws(IPCError) {
        outbox = Outbox()
        if header.frameSize <= BufferPool.mediumSize {
            frame = try OutboundFrame.make(header, copying: payload, &pool)
        } else {
            copy = try OutboundFrame.make(header, copying: nil, &pool)
            frame = try OutboundFrame.make(header, adopting: payload, &pool)
        }
        if let frame { outbox.append(frame) }
    }

    @inline(never) deinit {
        if let copy { OutboundFrame.destroy(copy) }
        // Frees the block, and not the caller's payload.
        if let frame, !frame.isInline {
            let empty = FrameHeader(type: 0, userType: 0, length: 0)
            frame.initialize(to: OutboundFrame(header: empty, payload: frame.inlinePayload))
        }
    }

    /// The frame was sent: gives the memory to the pool, but not the caller's payload.
    mutating func recycle(_ pool: inout BufferPool) {
        if let copy = copy.take() { OutboundFrame.destroy(copy, &pool) }
        guard let frame, frame.isInline, let sent = outbox.takeSent() else { return }
        self.frame = nil
        OutboundFrame.destroy(sent, &pool)
    }

    /// The frame, for a later call that sends its rest. A payload of the caller's is copied.
    mutating func takeFrame() -> FrameReference? {
        guard let frame, !frame.isInline else {
            frame = nil
            return outbox.takePending()
        }
        guard let copy = copy.take() else { return nil }
        memcpy(copy.inlinePayload, frame.pointee.payload, frame.pointee.header.payloadSize)
        return copy
    }
}
