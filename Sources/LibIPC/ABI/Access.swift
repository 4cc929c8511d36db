// Access.swift - from a descriptor to what the library keeps for it, whoever has it: for calls that are not told of a context.

/// A thread with the lock of a context that has the descriptor; or, with none, of what earlier calls had to leave.
struct Access: ~Copyable {
    let connection: ConnectionReference
    let context: Ref<PublicContext>?

    /// - Parameter sending: nothing else. What was received before is not touched, and need not be the same file's.
    init(_ descriptor: Int32, sending: Bool = false) throws(IPCError) {
        while true {
            let owner = DescriptorTable.owner(of: descriptor)
            if libipc_is_alone() == 0 || libipc_enter_at_once(owner) == 0 { try ContextLock.enter(owner, libipc_frame()) }
            let found = try undoing(libipc_leave(owner), try Access.find(descriptor, owner, sending))
            if let found {
                (connection, context) = found
                return
            }
            // Somebody was faster.
            libipc_leave(owner)
        }
    }

    private static func find(
        _ descriptor: Int32, _ owner: MonitorReference, _ sending: Bool
    ) throws(IPCError) -> (ConnectionReference, Ref<PublicContext>?)? {
        guard DescriptorTable.owner(of: descriptor) == owner else { return nil }
        if owner.pointee.is_torn != 0 {
            // What is kept for the descriptor may be half changed.
            libipc_register(descriptor, nil, nil)
            return nil
        }
        if owner == DescriptorTable.stripe(of: descriptor) { return (try DescriptorTable.loose(descriptor), nil) }
        guard let connection = DescriptorTable[descriptor, owner] else { return nil }
        if sending && !connection.pointee.channel.outbox.hasPending || connection.pointee.channel.isCurrent {
            owner.context.pointee.call &+= 1
            return (connection, owner.context)
        }
        // Its program has closed the descriptor and got the number again for something else.
        owner.context.pointee.bury(connection)
        return nil
    }

    deinit {
        let owner = connection.pointee.owner
        // The connection may be gone then.
        if let context {
            context.pointee.settle(connection)
            if context.pointee.waiting > 0 { context.pointee.alert(context.pointee.leases.find(libipc_this_thread())) }
        } else {
            DescriptorTable.putAway(connection)
        }
        if libipc_may_leave_at_once(owner) != 0 { libipc_leave_at_once(owner) } else { libipc_leave(owner) }
        if libipc_anything_pending() != 0 { Interrupting.carryOutAll(nil) }
    }
}

/// Wait of a thread for an inbox or an outbox that another thread has claimed.
struct Turn: BitwiseCopyable {
    fileprivate let monitor: MonitorReference
    fileprivate let seen: UInt32

    /// Waits, without the lock. Returns the error number with which to give up, or 0.
    func wait(_ timeLimit: TimeLimit) -> Int32 {
        let result = libipc_wait_for_return(monitor, seen, timeLimit.remaining)
        if result == ETIMEDOUT { return timeLimit.isLimited ? EAGAIN : 0 }
        return result == EINTR && timeLimit.isLimited ? 0 : result
    }
}

extension Access {
    /// Another thread has a claim; asks it to announce the end.
    func awaitTurn() -> Turn {
        connection.pointee.isReaderAwaited = true
        return Turn(monitor: connection.pointee.owner, seen: libipc_returns(connection.pointee.owner))
    }

    /// Releases the lock.
    consuming func end() {}

    /// Frames need a stream. This is checked once for each connection; without a context, once for each number.
    @inline(__always)
    func requireStream(_ code: ErrorCode) throws(IPCError) {
        if !connection.pointee.channel.isStream { try askForStream(code) }
    }

    @inline(never)
    private func askForStream(_ code: ErrorCode) throws(IPCError) {
        let number = connection.pointee.number
        if context == nil, libipc_is_known_stream(number) != 0 { return }
        try connection.pointee.channel.requireStream(code)
        if context == nil { libipc_note_stream(number, 1) }
    }

    /// Wakes threads that wait for the end of a claim, or until their frames are sent.
    func wakeOthers() {
        if connection.pointee.isReaderAwaited { connection.pointee.owner.wakeReaders() }
        connection.pointee.isReaderAwaited = false
    }

    /// This thread no longer waits to send; others may.
    func letOthersSend() {
        wakeOthers()
        guard let context, connection.pointee.isLive else { return }
        if connection.pointee.channel.outbox.hasPending, !connection.pointee.isBlocked { context.pointee.unsent.append(connection) }
    }

    /// With the memory that the context keeps for frames, if there is a context.
    func withPool<Result>(_ body: (inout BufferPool) throws(IPCError) -> Result) throws(IPCError) -> Result {
        if let context { return try body(&context.pointee.pool) }
        var none = BufferPool(size: 0)
        return try body(&none)
    }
}

/// The inbox of a descriptor, taken along by a thread that waits for what comes: so it needs no lock. Other readers wait until it is
/// back. Where the program reads a descriptor itself not a byte more is read than it asked for.
struct Reading: ~Copyable {
    private let descriptor: Descriptor
    var inbox = Inbox()
    var pool = BufferPool(size: 16 * 1024)
    private var extent = Inbox.Extent.frame
    /// There is something to send meanwhile.
    private var isSending = false
    /// A thread that were cancelled would not bring it back.
    private let cancelling = libipc_forbid_cancelling()

    /// - Parameter frames: whether to receive frames, and not a descriptor.
    init(_ number: Int32, _ code: ErrorCode = IPC_ERROR_USOCK_RECV, frames: Bool = true) throws(IPCError) {
        descriptor = Descriptor(number)
        var timeLimit = TimeLimit(SO_RCVTIMEO)
        do throws(IPCError) {
            while let turn = try claim(&timeLimit, code, frames) {
                let failure = turn.wait(timeLimit)
                if failure != 0 { throw IPCError(code, "receive from descriptor \(number)", systemError: failure) }
            }
        } catch {
            libipc_allow_cancelling(cancelling)
            throw error
        }
    }

    /// Returns what to wait for when another thread has a claim.
    private mutating func claim(_ timeLimit: inout TimeLimit, _ code: ErrorCode, _ frames: Bool) throws(IPCError) -> Turn? {
        let access = try Access(descriptor.number)
        let connection = access.connection
        if frames { try access.requireStream(code) }
        if connection.pointee.reader.isAnother {
            timeLimit.readLimit(of: descriptor)
            if timeLimit.remaining == 0 || libipc_is_nonblocking(descriptor.number) != 0 {
                throw IPCError(code, "receive from descriptor \(descriptor.number)", systemError: EAGAIN)
            }
            return access.awaitTurn()
        }
        connection.pointee.reader = .this
        swap(&inbox, &connection.pointee.channel.inbox)
        isSending = connection.pointee.channel.outbox.hasPending
        guard let context = access.context else { return nil }
        swap(&pool, &context.pointee.pool)
        if !context.pointee.isReadByProgram(connection) { extent = .all }
        return nil
    }

    /// The last thing to do. The descriptor may have changed hands meanwhile.
    mutating func giveBack() {
        libipc_allow_cancelling(cancelling)
        guard let access = try? Access(descriptor.number), access.connection.pointee.reader == .this else { return }
        let connection = access.connection
        connection.pointee.reader = .none
        swap(&inbox, &connection.pointee.channel.inbox)
        if connection.pointee.isReaderAwaited { connection.pointee.owner.wakeReaders() }
        connection.pointee.isReaderAwaited = false
        guard let context = access.context else { return }
        swap(&pool, &context.pointee.pool)
        context.pointee.takeDeferredTurn(connection)
    }

    mutating func waitForFrame() throws(IPCError) {
        var isSending = isSending
        try inbox.waitForFrame(from: descriptor, &pool, extent) { [descriptor] () throws(IPCError) in
            if isSending { isSending = try Reading.sendSome(to: descriptor) }
            return isSending
        }
    }

    mutating func waitForDescriptor() throws(IPCError) -> Int32 { try inbox.waitForDescriptor(from: descriptor, &pool) }

    /// True: there is more to send. That the peer takes no more shows when its end is read.
    private static func sendSome(to descriptor: Descriptor) throws(IPCError) -> Bool {
        let access = try Access(descriptor.number)
        // The thread with the claim sends it.
        if access.connection.pointee.channel.outbox.isClaimed { return false }
        do throws(IPCError) { return try !access.connection.pointee.channel.outbox.send(to: descriptor) } catch {
            if error.isShortage { throw error }
            return false
        }
    }
}
