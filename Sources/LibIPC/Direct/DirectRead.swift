// DirectRead.swift - a call that waits for one message, or one descriptor.
//
// It claims the inbox and moves it here, so that it needs no lock while it waits. From a descriptor that the program also reads itself,
// the call receives no byte beyond the message.

struct DirectRead<View: PublicView & ~Copyable>: ~Copyable {
    private let claimed: ClaimedStream
    var inbox = Inbox()
    /// 16 KiB: these calls receive few bytes at once.
    var pool = BufferPool(size: 16 * 1024)
    private var extent = Inbox.Extent.frame
    /// Whether the outbox has frames that wait.
    private var hasQueued = false
    /// What a wait has to expect while the outbox is empty: `possible` where other threads may queue frames.
    private var whenEmpty = Outgoing.nothing
    /// `pool` is the context's, and goes back when the claim ends.
    private var hasContextPool = false
    private let cancellation = CancellationGuard()

    /// Claims the inbox; waits while another call has it.
    /// - Parameter frames: whether the call receives a frame; else a descriptor.
    init(_ number: Int32, _ code: ErrorCode, frames: Bool) throws(IPCError) {
        var limit = TimeLimit.receiving
        while true {
            let lock = try DescriptorLock<View>(number, code, .receiving)
            if frames { try lock.requireStream(code) }
            if !lock.stream.pointee.readClaim.isHeldByOther {
                claimed = ClaimedStream(lock.stream)
                claim(lock)
                return
            }
            limit.readLimit(of: lock.stream.pointee.descriptor)
            let failure = lock.stream.pointee.readClaim.isHeldByThisThread ? EDEADLK : 0
            try lock.waitForClaimEnd(sending: false, limit, code, failure: failure)
        }
    }

    private mutating func claim(_ lock: borrowing DescriptorLock<View>) {
        let stream = claimed.stream
        stream.pointee.readClaim.begin()
        swap(&inbox, &stream.pointee.inbox)
        if !inbox.isEmpty { stream.pointee.readClaim.notePart() }
        hasQueued = stream.pointee.outbox.hasPending
        guard let context = lock.context, let connection = lock.connection else { return }
        swap(&pool, &context.pointee.pool)
        hasContextPool = true
        if !context.pointee.isReadByProgram(connection) { extent = .all }
        if libipc_is_alone() == 0 { whenEmpty = .possible }
    }

    /// Gives the inbox back to the stream, whose owner may be another one by now. The caller's last step.
    mutating func endClaim() {
        let stream = claimed.stream
        let lock = DescriptorLock<View>(claimed)
        guard stream.pointee.readClaim.wasBegunByThisThread else { return }
        swap(&inbox, &stream.pointee.inbox)
        stream.pointee.inbox.acceptsDescriptors = stream.pointee.acceptsDescriptors
        stream.pointee.readClaim.end()
        if hasContextPool, let context = lock.context { swap(&pool, &context.pointee.pool) }
        lock.noticeClaimEnd()
    }

    mutating func waitForFrame() throws(IPCError) {
        let (claimed, whenEmpty) = (claimed, whenEmpty)
        var hasQueued = hasQueued
        try inbox.waitForFrame(from: claimed.descriptor, &pool, extent) { (isBegun) throws(IPCError) in
            if hasQueued || whenEmpty == .possible || isBegun { hasQueued = try !DirectRead.sendQueued(claimed, isBegun) }
            return hasQueued ? .waiting : whenEmpty
        }
    }

    mutating func waitForDescriptor() throws(IPCError) -> Int32 { try inbox.waitForDescriptor(from: claimed.descriptor, &pool) }

    /// Sends the outbox as far as the kernel takes it. An error that means that the peer has left is ignored: receiving tells it, after
    /// what the peer sent before.
    /// - Parameter isBegun: the inbox has a part of a message.
    /// - Returns: false: frames are left.
    private static func sendQueued(_ claimed: ClaimedStream, _ isBegun: Bool) throws(IPCError) -> Bool {
        let lock = DescriptorLock<View>(claimed)
        if isBegun { lock.stream.pointee.readClaim.notePart() }
        // Another call has claimed the outbox, and sends it.
        if lock.stream.pointee.writeClaim.isHeld { return true }
        do throws(IPCError) { return try lock.stream.pointee.outbox.send(to: lock.stream.pointee.descriptor) } catch {
            if error.isShortage { throw error }
            return true
        }
    }
}
