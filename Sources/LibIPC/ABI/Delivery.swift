// Delivery.swift - direct sending: a frame, a descriptor, or the rest of a frame that was sent in part.
//
// As long as the kernel has room, no system call waits. When it has none the thread claims the outbox, so that no other thread sends,
// and waits without the lock: in a blocking send of a small piece, which the kernel takes completely or not at all, and in which it
// decides whether a signal handler ends the wait; or, when the descriptor has a time limit, in poll(2) (TimeLimit).
//
// The frame is lent to the outbox and queued there. When the wait fails the call takes it back. If a part was sent, the outbox
// becomes the owner of the rest, and sends it first in the next call or wait.

struct Delivery: ~Copyable {
    private enum Cargo { case frame(FrameReference), passed(Int32), rest }

    private let descriptor: Descriptor
    private let cargo: Cargo
    private let code: ErrorCode
    private var timeLimit = TimeLimit(SO_SNDTIMEO)
    /// Result of the last wait: bytes that were sent from the outbox, whether the descriptor was passed, and the error that ends
    /// the call.
    private var sent = 0
    /// This call has the claim on the outbox. (If a signal handler makes this call, the interrupted call of the same thread may
    /// have it.)
    private var hasClaim = false
    private var isPassed = false
    private var failure: Int32 = 0

    private init(_ number: Int32, _ cargo: Cargo, _ code: ErrorCode) {
        (descriptor, self.cargo, self.code) = (Descriptor(number), cargo, code)
    }

    // MARK: What can be sent

    /// Sends one frame, after what is queued.
    static func send(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, to number: Int32) throws(IPCError) {
        let access = try Access(number, sending: true)
        try access.requireStream(IPC_ERROR_USOCK_SEND)
        let frame = try access.withPool { pool throws(IPCError) in
            try outOfMemory(is: IPC_ERROR_USOCK_SEND) { () throws(IPCError) in
                try OutboundFrame.lend(header, payload, &pool)
            }
        }
        access.connection.pointee.channel.outbox.append(frame)
        var delivery = Delivery(number, .frame(frame), IPC_ERROR_USOCK_SEND)
        guard try delivery.advance(access) else {
            access.connection.pointee.renew()
            access.end()
            return try delivery.wait()
        }
        try access.withPool { pool throws(IPCError) in OutboundFrame.reclaim(frame, &pool) }
    }

    /// Passes a descriptor with one byte, after what is queued.
    static func pass(_ passed: Int32, over socket: Int32) throws(IPCError) {
        var delivery = Delivery(socket, .passed(passed), IPC_ERROR_PROVIDE_FD__SENDMSG)
        let access = try Access(socket, sending: true)
        if try delivery.advance(access) { return }
        access.end()
        try delivery.wait()
    }

    /// Sends the rest of a frame that was sent in part, if there is one.
    static func finishFrame(to number: Int32) throws(IPCError) {
        var delivery = Delivery(number, .rest, IPC_ERROR_USOCK_SEND)
        let access = try Access(number, sending: true)
        if try delivery.advance(access) { return }
        access.end()
        try delivery.wait()
    }

    // MARK: One attempt, with the lock

    /// Sends what the kernel takes at once. False: the call has to wait.
    @inline(__always)
    private mutating func advance(_ access: borrowing Access) throws(IPCError) -> Bool {
        do throws(IPCError) { return try attempt(access) } catch { throw takeBack(error, access) }
    }

    @inline(__always)
    private mutating func attempt(_ access: borrowing Access) throws(IPCError) -> Bool {
        let connection = access.connection
        switch cargo {
        case .frame(let frame):
            // Another thread may have sent it, or dropped it.
            if frame.pointee.fate == .queued {
                if failure != 0 { throw reason }
                _ = try connection.pointee.channel.outbox.send(to: descriptor)
            }
            if frame.pointee.fate == .dropped {
                throw IPCError(code, "send to descriptor \(descriptor.number): what was queued for it is dropped")
            }
            return frame.pointee.fate == .sent
        case .passed(let passed):
            if isPassed { return true }
            if failure != 0 { throw reason }
            guard try connection.pointee.channel.outbox.send(to: descriptor) else { return false }
            if libipc_send_descriptor(descriptor.number, passed) == 1 { return true }
            if libipc_errno() == EAGAIN { return false }
            throw .system(code, "pass a descriptor over descriptor \(descriptor.number)")
        case .rest:
            guard connection.pointee.channel.outbox.isHalfSent || connection.pointee.channel.outbox.isClaimed else { return true }
            if failure != 0 { throw reason }
            return try connection.pointee.channel.outbox.send(to: descriptor, finishing: true)
        }
    }

    private var reason: IPCError { IPCError(code, "send to descriptor \(descriptor.number)", systemError: failure) }

    /// The call fails for this reason: decides what becomes of the frame. After a permanent error no rest is kept.
    @inline(never)
    private func takeBack(_ error: IPCError, _ access: borrowing Access) -> IPCError {
        guard case .frame(let frame) = cargo else {
            access.letOthersSend()
            return error.with(code: code)
        }
        let connection = access.connection
        let isPassing = error.isShortage || error.systemError == EAGAIN || error.systemError == EINTR || error.systemError == EDEADLK
        var isBegun = false
        switch connection.pointee.channel.outbox.takeBack(frame, keeping: isPassing) {
        case .whole, .notHere: free(frame)
        case .kept: isBegun = true
        case .copied:
            isBegun = true
            free(frame)
        case .cut:
            isBegun = true
            free(frame)
            // Without memory for the rest the stream is broken: no more frames can be sent.
            if isPassing { shutdown(descriptor.number, Int32(SHUT_WR)) }
        }
        access.letOthersSend()
        return isBegun ? error.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA) : error
    }

    // MARK: Waiting, without the lock

    /// What to wait for: that the kernel takes a piece of the outbox, or the descriptor; that it has room; or another thread.
    private enum Obstacle { case piece(Int), passing, room, other(Turn) }

    /// Waits and tries again until all is sent.
    @inline(never)
    private mutating func wait() throws(IPCError) {
        // A cancelled thread would not take the frame back.
        let before = libipc_forbid_cancelling()
        defer { libipc_allow_cancelling(before) }
        /// A copy of the next bytes: another thread may drop the frame meanwhile.
        var piece = InlineArray<128, UInt64>(repeating: 0)
        timeLimit.readLimit(of: descriptor)
        while let obstacle = try withUnsafeMutableBytes(of: &piece, { bytes throws(IPCError) in try find(bytes) }) {
            withUnsafeBytes(of: &piece) { wait(for: obstacle, $0) }
        }
        if case .frame(let frame) = cargo { free(frame) }
    }

    /// Tries again after a wait. Returns what to wait for now; nil: all is sent.
    private mutating func find(_ piece: UnsafeMutableRawBufferPointer) throws(IPCError) -> Obstacle? {
        let access = try access()
        let connection = access.connection
        if hasClaim { connection.pointee.channel.outbox.unclaim(sent: sent) }
        (hasClaim, sent) = (false, 0)
        if try advance(access) {
            access.letOthersSend()
            return nil
        }
        access.wakeOthers()
        if connection.pointee.channel.outbox.isClaimed {
            failure = connection.pointee.channel.outbox.isClaimedByOther ? 0 : EDEADLK
            if failure == 0, timeLimit.remaining == 0 || libipc_is_nonblocking(descriptor.number) != 0 { failure = EAGAIN }
            if failure != 0 { throw takeBack(reason, access) }
            return .other(access.awaitTurn())
        }
        hasClaim = true
        if timeLimit.isLimited {
            connection.pointee.channel.outbox.claim(0)
            return .room
        }
        let count = connection.pointee.channel.outbox.copyNext(into: piece)
        connection.pointee.channel.outbox.claim(count)
        return count > 0 ? .piece(count) : .passing
    }

    /// Takes the lock of the outbox that has the frame. If that fails no outbox has it any more.
    private func access() throws(IPCError) -> Access {
        do throws(IPCError) { return try Access(descriptor.number, sending: true) } catch {
            if case .frame(let frame) = cargo { free(frame) }
            throw error
        }
    }

    private mutating func wait(for obstacle: Obstacle, _ piece: UnsafeRawBufferPointer) {
        switch obstacle {
        case .piece(let count):
            let result = libipc_send_piece(descriptor.number, piece.baseAddress, count)
            (sent, failure) = (max(result, 0), result < 0 ? libipc_errno() : 0)
        case .passing:
            guard case .passed(let passed) = cargo else { return }
            isPassed = libipc_send_descriptor_once(descriptor.number, passed, 1) == 1
            failure = isPassed ? 0 : libipc_errno()
        case .room:
            do throws(IPCError) { try timeLimit.wait(for: POLLOUT, at: descriptor, code) } catch { failure = error.systemError }
        case .other(let turn): failure = turn.wait(timeLimit)
        }
    }
}
