// DescriptorLock.swift - lock guard for calls that get a descriptor and no context: finds the descriptor's stream, and takes the lock of
// the stream's owner.
//
// Folder: Direct. Uses: Base, Wire, IO, Sharing, Stream, Loop.

extension UnsafeMutablePointer where Pointee == libipc_monitor {
    /// The context that lies behind the monitor in memory. The caller has the lock, or a reference.
    func guardedContext<View: PublicView & ~Copyable>() -> UnsafeMutablePointer<Context<View>> {
        UnsafeMutableRawPointer(self + 1).assumingMemoryBound(to: Context<View>.self)
    }
}

/// Has the lock of the context that has the descriptor; or, if no context has it, of the stripe of its number.
struct DescriptorLock<View: PublicView & ~Copyable>: ~Copyable {
    let stream: StreamReference
    private let owner: MonitorReference

    var connection: ConnectionReference? { stream.pointee.connection?.assumingMemoryBound(to: Connection.self) }
    /// The context that has the descriptor.
    var context: UnsafeMutablePointer<Context<View>>? { stream.pointee.connection == nil ? nil : owner.guardedContext() }

    /// When to check (fstat(2)) that the bytes of the stream belong to the file that the number means now. The program may have closed
    /// the number and opened another file with it.
    enum Check {
        /// If frames wait to be sent.
        case sending
        /// Unless the inbox holds a whole message. A wait would hand that out without a check, too.
        case receiving
        case always
    }

    init(_ number: Int32, _ code: ErrorCode, _ check: Check) throws(IPCError) {
        while true {
            let owner = DescriptorTable.owner(of: number)
            let isEntered = libipc_is_alone() != 0 && libipc_enter_fast(owner) != 0
            if !isEntered, libipc_enter(owner, libipc_stack_address()) == 0 { throw .calledInHandler }
            let found = try undoing(libipc_leave(owner), try DescriptorLock.find(number, owner, check, code))
            if let found {
                (stream, self.owner) = (found, owner)
                return
            }
            // The descriptor has another owner by now.
            libipc_leave(owner)
        }
    }

    /// For a stream that this call has claimed. Its owner may be another one than when the claim began.
    init(_ claimed: ClaimedStream) {
        let stream = claimed.stream
        while true {
            let owner = libipc_load_owner(claimed.owner)
            libipc_enter_from_inside(owner, libipc_stack_address())
            if libipc_load_owner(claimed.owner) == owner {
                (self.stream, self.owner) = (stream, owner)
                return
            }
            libipc_leave(owner)
        }
    }

    /// The stream of the number, with the owner's lock; nil: the descriptor has another owner by now.
    private static func find(_ number: Int32, _ owner: MonitorReference, _ check: Check, _ code: ErrorCode) throws(IPCError)
        -> StreamReference?
    {
        guard DescriptorTable.owner(of: number) == owner else { return nil }
        if owner.pointee.is_inconsistent != 0 {
            // The stream may be half changed: it is abandoned, and its memory leaks.
            libipc_set_table_entry(number, nil, nil)
            return nil
        }
        if owner == DescriptorTable.stripe(of: number) {
            let stray = try DescriptorTable.stray(number)
            if stray.pointee.isClosedAtEnd { throw IPCError(code, "descriptor \(number) is closed", systemError: EBADF) }
            return stray
        }
        guard let stream = DescriptorTable.stream(of: number, owner) else { return nil }
        let context: UnsafeMutablePointer<Context<View>> = owner.guardedContext()
        let isUnchecked =
            switch check {
            case .sending: !stream.pointee.outbox.hasPending
            case .receiving: stream.pointee.inbox.holdsMessage
            case .always: false
            }
        if isUnchecked || stream.pointee.isCurrent {
            context.pointee.call &+= 1
            return stream
        }
        // Its program has closed the descriptor and got the number again for another file.
        if let connection = context.pointee.active(number) { context.pointee.deactivate(connection) }
        return nil
    }

    deinit {
        if let context {
            if let connection { context.pointee.noticeDirectCall(connection) }
            if context.pointee.waiting > 0 { context.pointee.alert(context.pointee.leases.find(libipc_this_thread())) }
        } else {
            DescriptorTable.freeIfUnneeded(stream)
        }
        if libipc_can_leave_fast(owner) != 0 { libipc_leave_fast(owner) } else { libipc_leave(owner) }
        View.carryOutPending()
    }

    /// Releases the lock.
    consuming func end() {}

    /// Frames need a descriptor that carries a stream of bytes. This is checked once for each connection; without a context, once for
    /// each number.
    @inline(__always)
    func requireStream(_ code: ErrorCode) throws(IPCError) {
        if !stream.pointee.isStream { try askKernel(code) }
    }

    @inline(never)
    private func askKernel(_ code: ErrorCode) throws(IPCError) {
        let number = stream.pointee.descriptor.number
        if context == nil, libipc_is_known_stream(number) != 0 { return }
        try stream.pointee.requireStream(code)
        if context == nil { libipc_note_stream(number, 1) }
    }

    /// Runs `body` with the context's pool; without a context, with an empty one.
    func withPool<Result: ~Copyable, Failure: Error>(_ body: (inout BufferPool) throws(Failure) -> Result) throws(Failure) -> Result {
        if let context { return try body(&context.pointee.pool) }
        var none = BufferPool(size: 0)
        return try body(&none)
    }

    /// Another call has claimed a direction: releases the lock, and waits for the end of the claim. Signal handlers, time limits and
    /// O_NONBLOCK act as on read(2) and write(2).
    /// - Parameters:
    ///   - sending: whether it is the outbox; else the inbox.
    ///   - limit: `readLimit` was called.
    ///   - failure: an error number to throw at once, or 0.
    consuming func waitForClaimEnd(sending: Bool, _ limit: TimeLimit, _ code: ErrorCode, failure: Int32 = 0) throws(IPCError) {
        let number = stream.pointee.descriptor.number
        var failure = failure
        if failure == 0, limit.remaining == 0 || libipc_is_nonblocking(number) != 0 { failure = EAGAIN }
        if sending { stream.pointee.writeClaim.isAwaited = true } else { stream.pointee.readClaim.isAwaited = true }
        let monitor = stream.pointee.owner
        let seen = libipc_claim_ends(monitor)
        end()
        if failure == 0 {
            let result = libipc_wait_for_claim_end(monitor, seen, limit.remaining)
            switch result {
            case ETIMEDOUT: failure = limit.isLimited ? EAGAIN : 0
            case EINTR where limit.isLimited: failure = 0
            default: failure = result
            }
        }
        let call: StaticString = sending ? "send to" : "receive from"
        if failure != 0 { throw IPCError(code, "\(call) descriptor \(number)", systemError: failure) }
    }

    /// This call has claimed the outbox: the context does not send it, and takes the connection out of its queue.
    func noticeClaim() {
        if let context, let connection { context.pointee.requeue(connection) }
    }

    /// The claim of this call has ended: wakes the calls that wait for that. A turn that the claim delayed may come now.
    func noticeClaimEnd() {
        stream.pointee.announceEnds()
        guard let context, let connection else { return }
        context.pointee.restoreTurn(connection)
    }
}

/// While it lives the thread is not cancelled (pthread_cancel(3)): cancellation would leak the inbox or outbox of the claim.
struct CancellationGuard: ~Copyable {
    private let before = libipc_forbid_cancelling()
    deinit { libipc_allow_cancelling(before) }
}

/// What a call may use without the lock after it has claimed a direction of a stream.
struct ClaimedStream: BitwiseCopyable {
    let stream: StreamReference
    let descriptor: Descriptor
    fileprivate let owner: UnsafeMutablePointer<MonitorReference>

    /// The caller has the lock.
    init(_ stream: StreamReference) {
        (self.stream, descriptor, owner) = (stream, stream.pointee.descriptor, stream.ownerCell)
    }

    /// Whether it belongs to the context with this monitor; without a lock.
    func belongs(to monitor: MonitorReference) -> Bool { libipc_load_owner(owner) == monitor }
}
