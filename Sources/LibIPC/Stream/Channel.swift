// Channel.swift - both directions of one descriptor: the one truth for it.
//
// A context's connection has one; ipc_read_fd and its kin use that, or, for a descriptor in no context, one of their own.
// Here are the calls that wait, for one message or one descriptor: they have the inbox for themselves.

struct Channel: ~Copyable {
    let descriptor: Descriptor
    var inbox = Inbox()
    var outbox = Outbox()
    /// Of the descriptor, from when bytes were first held: a program may close it and get the number for something else.
    private var identity: FileIdentity?
    /// Whether it is known to carry a stream.
    var isStream = false

    init(_ number: Int32) { descriptor = Descriptor(number) }

    var isEmpty: Bool { inbox.isEmpty && !outbox.hasPending }

    /// Checks once.
    @inline(never)
    mutating func requireStream(_ code: ErrorCode) throws(IPCError) {
        try descriptor.requireStream(code)
        isStream = true
    }

    mutating func identify() { if identity == nil, !isEmpty { identity = FileIdentity(descriptor) } }

    /// What is to be sent is on its way to the file that the number means now. False: what was received came from another one,
    /// and goes.
    mutating func renew() -> Bool {
        if isCurrent { return true }
        inbox = Inbox()
        identity = FileIdentity(descriptor)
        return false
    }

    /// What is held, if anything, was meant for the file that the number means now.
    var isCurrent: Bool { mutating get { isEmpty || identity == nil || identity == FileIdentity(descriptor) } }
}

extension Inbox {
    /// Waits until a whole frame is here, for `take`.
    /// - Parameter sending: sends what is queued, so that a peer that answers only what it has read does answer. True: there is more.
    mutating func waitForFrame(
        from descriptor: Descriptor, _ pool: inout BufferPool, _ extent: Extent, sending: () throws(IPCError) -> Bool
    ) throws(IPCError) {
        let code = IPC_ERROR_USOCK_RECV
        var timeLimit = TimeLimit(SO_RCVTIMEO)
        /// Number of receives without a whole frame.
        var parts = 0
        while try !settle(&pool) {
            let isSending = try sending()
            let waits = !isSending && !timeLimit.isLimited
            switch try receive(from: descriptor, &pool, waiting: waits, extent, &timeLimit) {
            case .message, nil: continue
            case .bytes:
                // Header and payload may come in two parts. With more parts each receive would restart the limit, so the rest of
                // the wait is counted. This is also the time to check that the descriptor is a stream.
                parts += 1
                if parts == 2 || header == nil { try descriptor.requireStream(code) }
                if parts == 2 { timeLimit.readLimit(of: descriptor) }
            case .end: throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the peer has left: descriptor \(descriptor.number)")
            case .nothing where !waits: try timeLimit.wait(for: isSending ? POLLIN | POLLOUT : POLLIN, at: descriptor, code)
            case .nothing: throw IPCError(code, "receive from descriptor \(descriptor.number)", systemError: EAGAIN)
            }
        }
    }

    /// One receive; nil when a signal handler has ended the system call and the call goes on until its time limit.
    @inline(__always)
    private mutating func receive(
        from descriptor: Descriptor, _ pool: inout BufferPool, waiting: Bool, _ extent: Extent, _ timeLimit: inout TimeLimit
    ) throws(IPCError) -> Arrival? {
        do throws(IPCError) { return try receive(from: descriptor, into: &pool, waiting: waiting, extent) } catch {
            if error.systemError == EINTR, timeLimit.readLimit(of: descriptor) { return nil }
            throw error
        }
    }

    /// The descriptor that comes with the next byte (SCM_RIGHTS, unix(7)); waits for it. It is close-on-exec, and the caller's.
    mutating func waitForDescriptor(from descriptor: Descriptor, _ pool: inout BufferPool) throws(IPCError) -> Int32 {
        let code = IPC_ERROR_RECEIVE_FD__RECVMSG
        do throws(IPCError) {
            var timeLimit = TimeLimit(SO_RCVTIMEO)
            while awaitsByte {
                let waits = !timeLimit.isLimited
                switch try receive(from: descriptor, &pool, waiting: waits, .byte, &timeLimit) {
                case .message, .bytes, nil: continue
                case .end: throw IPCError(code, "the peer has left: descriptor \(descriptor.number)")
                case .nothing where !waits: try timeLimit.wait(for: POLLIN, at: descriptor, code)
                case .nothing: throw IPCError(code, "receive from descriptor \(descriptor.number)", systemError: EAGAIN)
                }
            }
        } catch { throw error.with(code: code) }
        let passed = try takeDescriptor().orThrow(code, "no descriptor came over descriptor \(descriptor.number)")
        // The descriptor came with bytes that were read ahead.
        if passed < 0 { throw IPCError(code, "receive from descriptor \(descriptor.number)", systemError: -passed) }
        return passed
    }
}
