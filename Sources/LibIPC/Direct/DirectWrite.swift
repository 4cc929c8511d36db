// DirectWrite.swift - a call that sends one frame, or one descriptor, and waits for room.
//
// As long as the kernel has room, no system call waits. When it has none the call claims the outbox and takes it along, so that it
// needs no lock while it waits: first what was queued before goes, then what the call is to send. It waits in a blocking send of a
// small piece (Outbox.sendPiece); or, when the descriptor has a time limit, in poll(2) (TimeLimit).
//
// When it fails, the rest of a frame that was sent in part stays in the outbox. The next call or wait sends it first.

struct DirectWrite<View: PublicView & ~Copyable>: ~Copyable {
    private let claimed: ClaimedStream
    private let code: ErrorCode
    private var outbox = Outbox()
    private var limit: TimeLimit
    private let cancellation = CancellationGuard()

    // MARK: What can be sent

    /// Sends one frame, after what is queued.
    static func send(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, to number: Int32) throws(IPCError) {
        let code = IPC_ERROR_USOCK_SEND
        let limit = TimeLimit(SO_SNDTIMEO)
        let lock = try DescriptorLock<View>(number, code, .sending)
        try lock.requireStream(code)
        // First the memory: nothing may fail once a part is sent.
        var own = try lock.withPool { pool throws(IPCError) in try failing(with: code, try OwnFrame(header, payload, &pool)) }
        if try flush(lock, code), try own.outbox.send(to: lock.stream.pointee.descriptor) { return lock.withPool { own.recycle(&$0) } }
        try finish(&own, lock, limit)
    }

    /// The same where there is no room, or another call has the outbox.
    @inline(never)
    private static func finish(_ own: inout OwnFrame, _ lock: consuming DescriptorLock<View>, _ limit: TimeLimit) throws(IPCError) {
        let number = lock.stream.pointee.descriptor.number
        var write: DirectWrite
        do throws(IPCError) { write = try DirectWrite(lock, IPC_ERROR_USOCK_SEND, limit) } catch {
            throw own.outbox.isBegun ? DirectWrite.cut(number, error) : error
        }
        var failure = write.sendAll()
        if failure == 0 { failure = write.sendAll(of: &own.outbox) }
        var error = write.reason(failure)
        if let reason = error, own.outbox.isBegun { error = write.keepRest(of: &own, reason) }
        try write.release(error)
    }

    /// Passes a descriptor with one byte, after what is queued.
    static func pass(_ passed: Int32, over socket: Int32) throws(IPCError) {
        let code = IPC_ERROR_PROVIDE_FD__SENDMSG
        let limit = TimeLimit(SO_SNDTIMEO)
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
        try write.release(write.reason(failure))
    }

    /// Sends the rest of a frame that was sent in part, if there is one.
    static func finishFrame(to number: Int32) throws(IPCError) {
        let code = IPC_ERROR_USOCK_SEND
        let limit = TimeLimit(SO_SNDTIMEO)
        let lock = try DescriptorLock<View>(number, code, .sending)
        if try flush(lock, code, finishing: true) { return }
        var write = try DirectWrite(lock, code, limit)
        let failure = write.sendAll(finishing: true)
        try write.release(write.reason(failure))
    }

    /// Sends the queue as far as possible without waiting. True: the queue is empty, and no other call has a claim.
    /// - Parameter finishing: only the rest of the frame that is begun.
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
            // What was held was another file's. The frame is this one's.
            lock.end()
            lock = try DescriptorLock(number, code, .always)
        }
        while lock.stream.pointee.writeClaim.isHeld {
            // By this thread: this is a signal handler, or longjmp(3) has left the other call.
            let failure = lock.stream.pointee.writeClaim.isHeldHere ? EDEADLK : 0
            try lock.waitForOther(sending: true, self.limit, code, failure: failure)
            lock = try DescriptorLock(number, code, .always)
        }
        claimed = ClaimedStream(lock.stream)
        lock.stream.pointee.writeClaim.begin()
        swap(&outbox, &lock.stream.pointee.outbox)
        lock.claimBegun()
    }

    /// Sends the outbox without the lock, and waits for room. Returns 0, or the error number with which the call ends.
    @inline(never) private mutating func sendAll(finishing: Bool = false) -> Int32 {
        let descriptor = claimed.descriptor
        while true {
            do throws(IPCError) { if try outbox.send(to: descriptor, finishing: finishing) { return 0 } } catch { return error.systemError }
            let failure = limit.isLimited ? waitForRoom() : outbox.sendPiece(to: descriptor)
            if failure != 0 { return failure }
        }
    }

    /// The same of another outbox.
    private mutating func sendAll(of other: inout Outbox) -> Int32 {
        swap(&outbox, &other)
        defer { swap(&outbox, &other) }
        return sendAll()
    }

    private mutating func waitForRoom() -> Int32 {
        do throws(IPCError) { try limit.wait(for: POLLOUT, at: claimed.descriptor, code) } catch { return error.systemError }
        return 0
    }

    private func reason(_ failure: Int32) -> IPCError? {
        failure == 0 ? nil : IPCError(code, "send to descriptor \(claimed.descriptor.number)", systemError: failure)
    }

    /// The call fails in the middle of its frame. If it may go on later the outbox gets the frame, of which the rest is sent first.
    private mutating func keepRest(of own: inout OwnFrame, _ reason: IPCError) -> IPCError {
        if reason.isPassing {
            let missing = own.outbox.pendingBytes
            guard let frame = own.take() else { return DirectWrite.cut(claimed.descriptor.number, reason) }
            outbox.append(frame, sent: frame.pointee.header.frameSize - missing)
        }
        return reason.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
    }

    /// The rest is lost. The stream is broken without it: no more frames can be sent.
    private static func cut(_ number: Int32, _ reason: IPCError) -> IPCError {
        shutdown(number, Int32(SHUT_WR))
        return reason.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
    }

    /// Ends the call, and gives the outbox back. The descriptor may have changed hands meanwhile.
    @inline(never) private consuming func release(_ error: IPCError?) throws(IPCError) {
        let stream = claimed.stream
        let lock = DescriptorLock<View>(claimed)
        if stream.pointee.writeClaim.isThisThreads {
            stream.pointee.writeClaim.end()
            // Its context has taken the frames out of the program's list.
            if lock.context == nil { outbox.unlist() }
            // Frames that were queued meanwhile follow.
            outbox.append(contentsOf: &stream.pointee.outbox)
            swap(&outbox, &stream.pointee.outbox)
            lock.claimEnded()
        }
        if let error { throw error }
    }
}

/// The frame of one call. A small one is a copy. Of a large one the payload stays the caller's.
private struct OwnFrame: ~Copyable {
    private var frame: FrameReference?
    /// With this frame alone.
    var outbox: Outbox

    init(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, _ pool: inout BufferPool) throws(IPCError) {
        let isSmall = header.frameSize <= BufferPool.mediumSize
        let made = try isSmall ? OutboundFrame.make(header, copying: payload, &pool) : OutboundFrame.make(header, adopting: payload, &pool)
        frame = made
        outbox = Outbox()
        outbox.append(made)
    }

    @inline(never) deinit {
        // Frees the block, and not the caller's payload.
        if let frame, !frame.isInline {
            let empty = FrameHeader(type: 0, userType: 0, length: 0)
            frame.initialize(to: OutboundFrame(header: empty, payload: frame.inlinePayload))
        }
    }

    /// The frame is sent: the pool gets the memory of a copy.
    mutating func recycle(_ pool: inout BufferPool) {
        guard let frame, frame.isInline, let sent = outbox.takeSent() else { return }
        self.frame = nil
        OutboundFrame.destroy(sent, &pool)
    }

    /// The pending frame, or a copy of it, for a later call that sends it; nil: no memory.
    mutating func take() -> FrameReference? {
        guard let frame, !frame.isInline else {
            frame = nil
            return outbox.takePending()
        }
        var none = BufferPool(size: 0)
        return try? OutboundFrame.make(frame.pointee.header, copying: frame.pointee.payload, &none)
    }
}
