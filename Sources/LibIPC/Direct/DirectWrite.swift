// DirectWrite.swift - a call that sends one frame, or one descriptor, and waits for room.
//
// As long as the kernel has room, no system call waits. When it has none the call claims the outbox and takes it along, so that it
// needs no lock while it waits: first what was queued before goes, then what the call is to send. It waits in a blocking send of a
// small piece (Outbox.sendPiece); or, when the descriptor has a time limit, in poll(2) (TimeLimit).
//
// When it fails, the rest of a frame that is begun stays in the outbox, and goes first with the next call or wait.

struct DirectWrite<View: PublicView & ~Copyable>: ~Copyable {
    private let claimed: ClaimedStream
    private let code: ErrorCode
    private var outbox = Outbox()
    private var limit: TimeLimit
    /// Cancellation would leak the outbox.
    private let cancelling = libipc_forbid_cancelling()

    // MARK: What can be sent

    /// Sends one frame, after what is queued.
    static func send(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, to number: Int32) throws(IPCError) {
        let code = IPC_ERROR_USOCK_SEND
        let limit = TimeLimit(SO_SNDTIMEO)
        var frame = BorrowedFrame(header, payload)
        let lock = try DescriptorLock<View>(number, code, .sending)
        try lock.requireStream(code)
        // First the memory for a copy, if that is small: nothing may fail once a part is sent.
        try lock.withPool { pool throws(IPCError) in try frame.reserve(code, &pool) }
        do throws(IPCError) {
            if try DirectWrite.flush(lock, code), try frame.send(to: lock.stream.pointee.descriptor) {
                return lock.withPool { frame.end(&$0) }
            }
        } catch {
            lock.withPool { frame.end(&$0) }
            throw error
        }
        var none = BufferPool(size: 0)
        var write: DirectWrite
        do throws(IPCError) { write = try DirectWrite(lock, code, limit) } catch {
            frame.end(&none)
            throw frame.isBegun ? frame.cut(number, error) : error
        }
        var failure = write.sendAll()
        while failure == 0 {
            do throws(IPCError) { if try frame.send(to: write.claimed.descriptor) { break } } catch { failure = error.systemError }
            if failure == 0 {
                failure = write.limit.isLimited ? write.waitForRoom() : frame.sendPiece(to: write.claimed.descriptor)
            }
        }
        var error = failure == 0 ? nil : write.reason(failure)
        if let reason = error, frame.isBegun { error = write.keepRest(of: &frame, reason) }
        frame.end(&none)
        try write.release(error)
    }

    /// Passes a descriptor with one byte, after what is queued.
    static func pass(_ passed: Int32, over socket: Int32) throws(IPCError) {
        let code = IPC_ERROR_PROVIDE_FD__SENDMSG
        let limit = TimeLimit(SO_SNDTIMEO)
        let lock = try DescriptorLock<View>(socket, code, .sending)
        if try DirectWrite.flush(lock, code) {
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
        try write.release(failure == 0 ? nil : write.reason(failure))
    }

    /// Sends the rest of a frame that was sent in part, if there is one.
    static func finishFrame(to number: Int32) throws(IPCError) {
        let code = IPC_ERROR_USOCK_SEND
        let limit = TimeLimit(SO_SNDTIMEO)
        let lock = try DescriptorLock<View>(number, code, .sending)
        if try DirectWrite.flush(lock, code, finishing: true) { return }
        var write = try DirectWrite(lock, code, limit)
        let failure = write.sendAll(finishing: true)
        try write.release(failure == 0 ? nil : write.reason(failure))
    }

    /// Sends what is queued, as far as possible without waiting. True: all of it, and no other call has a claim.
    /// - Parameter finishing: only the rest of the frame that is begun.
    private static func flush(
        _ lock: borrowing DescriptorLock<View>, _ code: ErrorCode, finishing: Bool = false
    ) throws(IPCError) -> Bool {
        let stream = lock.stream
        if stream.pointee.writeClaim.isHeld { return false }
        do throws(IPCError) { return try stream.pointee.outbox.send(to: stream.pointee.descriptor, finishing: finishing) } catch {
            throw error.with(code: code)
        }
    }

    // MARK: The claim

    /// Claims the outbox; waits while another call has it.
    private init(_ lock: consuming DescriptorLock<View>, _ code: ErrorCode, _ limit: TimeLimit) throws(IPCError) {
        (self.code, self.limit) = (code, limit)
        let number = lock.stream.pointee.descriptor.number
        self.limit.readLimit(of: lock.stream.pointee.descriptor)
        do throws(IPCError) {
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
        } catch {
            libipc_allow_cancelling(cancelling)
            throw error
        }
        claimed = ClaimedStream(lock.stream)
        lock.stream.pointee.writeClaim.begin()
        swap(&outbox, &lock.stream.pointee.outbox)
        lock.claimBegun()
    }

    /// Sends the outbox without the lock, and waits for room. Returns 0, or the error number with which the call ends.
    private mutating func sendAll(finishing: Bool = false) -> Int32 {
        let descriptor = claimed.descriptor
        while true {
            do throws(IPCError) { if try outbox.send(to: descriptor, finishing: finishing) { return 0 } } catch { return error.systemError }
            let failure = limit.isLimited ? waitForRoom() : outbox.sendPiece(to: descriptor)
            if failure != 0 { return failure }
        }
    }

    private mutating func waitForRoom() -> Int32 {
        do throws(IPCError) { try limit.wait(for: POLLOUT, at: claimed.descriptor, code) } catch { return error.systemError }
        return 0
    }

    private func reason(_ failure: Int32) -> IPCError {
        IPCError(code, "send to descriptor \(claimed.descriptor.number)", systemError: failure)
    }

    /// The call fails in the middle of its frame. If it may go on later the outbox gets a copy, of which the rest is sent first.
    private mutating func keepRest(of frame: inout BorrowedFrame, _ reason: IPCError) -> IPCError {
        if reason.isPassing {
            guard let copy = frame.takeCopy() else { return frame.cut(claimed.descriptor.number, reason) }
            outbox.append(copy, sent: frame.sent)
        }
        return reason.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
    }

    /// Ends the call.
    private consuming func release(_ error: IPCError?) throws(IPCError) {
        libipc_allow_cancelling(cancelling)
        giveBack()
        if let error { throw error }
    }

    /// Gives the outbox back. The descriptor may have changed hands meanwhile.
    private mutating func giveBack() {
        let stream = claimed.stream
        let lock = DescriptorLock<View>(claimed)
        guard stream.pointee.writeClaim.isThisThreads else { return }
        stream.pointee.writeClaim.end()
        // Its context has taken the frames out of the program's list.
        if lock.context == nil { outbox.unlist() }
        // What was queued meanwhile goes behind.
        outbox.append(contentsOf: &stream.pointee.outbox)
        swap(&outbox, &stream.pointee.outbox)
        lock.claimEnded()
    }
}

/// A frame that a call sends from its caller's memory.
private struct BorrowedFrame {
    private let header: FrameHeader
    private var head = InlineArray<6, UInt8>(repeating: 0)
    private let payload: UnsafeMutableRawPointer?
    private var copy: FrameReference?
    /// How many bytes the kernel has.
    private(set) var sent = 0

    init(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?) {
        (self.header, self.payload) = (header, payload)
        withUnsafeMutableBytes(of: &head) { if let bytes = $0.baseAddress { header.encode(into: bytes) } }
    }

    var isBegun: Bool { sent > 0 && sent < header.frameSize }

    /// Sends as much as the kernel takes without waiting. True: all.
    @inline(__always)
    mutating func send(to descriptor: Descriptor) throws(IPCError) -> Bool {
        while sent < header.frameSize {
            let (missing, inPayload) = (max(FrameHeader.size - sent, 0), max(sent - FrameHeader.size, 0))
            let (count, isFull) = try withUnsafeMutableBytes(of: &head) { [payload, header] head throws(IPCError) in
                guard let end = head.baseAddress.map({ $0 + FrameHeader.size }) else { return (0, true) }
                return try descriptor.send(end - missing, missing, payload.map { $0 + inPayload }, header.payloadSize - inPayload)
            }
            sent += count
            if isFull { return false }
        }
        return true
    }

    /// Sends a small piece, and waits until the kernel takes it (Outbox.sendPiece). Returns 0, or the system's error number.
    mutating func sendPiece(to descriptor: Descriptor) -> Int32 {
        let count: Int
        if sent < FrameHeader.size {
            count = withUnsafeBytes(of: &head) { [sent] head in
                libipc_send_piece(descriptor.number, head.baseAddress.map { $0 + sent }, FrameHeader.size - sent)
            }
        } else {
            let start = payload.map { $0 + (sent - FrameHeader.size) }
            count = libipc_send_piece(descriptor.number, start, min(header.frameSize - sent, Outbox.piece))
        }
        if count < 0 { return libipc_errno() }
        sent += count
        return 0
    }

    /// Makes a copy now, if it is small.
    mutating func reserve(_ code: ErrorCode, _ pool: inout BufferPool) throws(IPCError) {
        if header.frameSize > BufferPool.mediumSize { return }
        do throws(IPCError) { copy = try OutboundFrame.make(header, copying: payload, &pool) } catch { throw error.with(code: code) }
    }

    mutating func takeCopy() -> FrameReference? {
        if let copy = copy.take() { return copy }
        var none = BufferPool(size: 0)
        return try? OutboundFrame.make(header, copying: payload, &none)
    }

    /// The copy is needed no more.
    mutating func end(_ pool: inout BufferPool) { if let copy = copy.take() { OutboundFrame.destroy(copy, &pool) } }

    /// The rest is lost. The stream is broken without it: no more frames can be sent.
    func cut(_ number: Int32, _ reason: IPCError) -> IPCError {
        shutdown(number, Int32(SHUT_WR))
        return reason.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
    }
}
