// DirectRead.swift - a call that waits for one message, or one descriptor.
//
// It claims the inbox and takes it along, so that it needs no lock while it waits. Where the program reads a descriptor itself not a
// byte more is read than it asked for.

struct DirectRead<View: PublicView & ~Copyable>: ~Copyable {
    private let claimed: ClaimedStream
    var inbox = Inbox()
    var pool = BufferPool(size: 16 * 1024)
    private var extent = Inbox.Extent.frame
    /// Something is queued; and what there may be when it is sent.
    private var hasQueued = false, idle = Outgoing.nothing
    private var hasContextPool = false
    private let cancellation = CancellationGuard()

    /// Claims the inbox; waits while another call has it.
    /// - Parameter frames: whether to receive frames, and not a descriptor.
    init(_ number: Int32, _ code: ErrorCode, frames: Bool) throws(IPCError) {
        var limit = TimeLimit(SO_RCVTIMEO)
        while true {
            let lock = try DescriptorLock<View>(number, code, .receiving)
            if frames { try lock.requireStream(code) }
            if !lock.stream.pointee.readClaim.isHeldByOther {
                claimed = ClaimedStream(lock.stream)
                claim(lock)
                return
            }
            limit.readLimit(of: lock.stream.pointee.descriptor)
            try lock.waitForOther(sending: false, limit, code)
        }
    }

    private mutating func claim(_ lock: borrowing DescriptorLock<View>) {
        let stream = claimed.stream
        stream.pointee.readClaim.begin()
        swap(&inbox, &stream.pointee.inbox)
        hasQueued = stream.pointee.outbox.hasPending
        guard let context = lock.context, let connection = lock.connection else { return }
        swap(&pool, &context.pointee.pool)
        hasContextPool = true
        if !context.pointee.isReadByProgram(connection) { extent = .all }
        if libipc_is_alone() == 0 { idle = .possible }
    }

    /// Gives the inbox back: the last thing to do. The descriptor may have changed hands meanwhile.
    mutating func release() {
        let stream = claimed.stream
        let lock = DescriptorLock<View>(claimed)
        guard stream.pointee.readClaim.isThisThreads else { return }
        swap(&inbox, &stream.pointee.inbox)
        stream.pointee.readClaim.end()
        if hasContextPool, let context = lock.context { swap(&pool, &context.pointee.pool) }
        lock.claimEnded()
    }

    mutating func waitForFrame() throws(IPCError) {
        let (claimed, idle) = (claimed, idle)
        var hasQueued = hasQueued
        try inbox.waitForFrame(from: claimed.descriptor, &pool, extent) { () throws(IPCError) in
            if hasQueued || idle == .possible { hasQueued = try !DirectRead.sendQueued(claimed) }
            return hasQueued ? .waiting : idle
        }
    }

    mutating func waitForDescriptor() throws(IPCError) -> Int32 { try inbox.waitForDescriptor(from: claimed.descriptor, &pool) }

    /// Sends what is queued. False: there is more. That the peer takes no more shows when its end is read.
    private static func sendQueued(_ claimed: ClaimedStream) throws(IPCError) -> Bool {
        let lock = DescriptorLock<View>(claimed)
        // A call that has claimed the outbox sends it.
        if lock.stream.pointee.writeClaim.isHeld { return true }
        do throws(IPCError) { return try lock.stream.pointee.outbox.send(to: lock.stream.pointee.descriptor) } catch {
            if error.isShortage { throw error }
            return true
        }
    }
}
