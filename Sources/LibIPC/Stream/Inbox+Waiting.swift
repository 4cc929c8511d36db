// Inbox+Waiting.swift - waiting for one frame, or one descriptor, by a call that has claimed the inbox.
//
// Without a time limit the call waits in the receive itself, and the kernel decides what a signal handler does to it (TimeLimit).

/// What a call has to send while it waits for a frame: the peer may answer only after it has read frames that are still queued.
enum Outgoing {
    /// Nothing, and no other thread can queue a frame.
    case nothing
    /// Nothing yet; other threads may queue frames, and cannot wake this one.
    case possible
    /// Frames that wait for room.
    case waiting
}

extension Inbox {
    /// Milliseconds after which a wait checks again whether other threads have queued frames.
    private static var recheck: Int32 { 100 }

    /// Waits until the inbox has a whole frame, for `takeMessage`.
    /// - Parameter sending: sends what is queued, and returns what is left; it is told when the first part of a message has come.
    mutating func waitForFrame(
        from descriptor: Descriptor, _ pool: inout BufferPool, _ extent: Extent, sending: (Bool) throws(IPCError) -> Outgoing
    ) throws(IPCError) {
        let code = IPC_ERROR_USOCK_RECV
        var limit = TimeLimit.receiving
        /// Number of receives without a whole frame.
        var parts = 0
        while try !parse(&pool) {
            let outgoing = try sending(parts == 1)
            let waits = outgoing == .nothing && !limit.isLimited
            switch try receive(from: descriptor, &pool, waiting: waits, extent, &limit) {
            case .message, nil: continue
            case .bytes:
                // Header and payload may come in two parts. With more parts each receive would restart the limit, so the rest of
                // the wait is counted. This is also the time to check that the descriptor is a stream.
                parts += 1
                if parts == 2 || header == nil { try descriptor.requireStream(code) }
                if parts == 2 { limit.readLimit(of: descriptor) }
            case .end: throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the peer has left: descriptor \(descriptor.number)")
            case .nothing where !waits:
                let events = outgoing == .waiting ? POLLIN | POLLOUT : POLLIN
                try limit.wait(for: events, at: descriptor, atMost: outgoing == .possible ? Inbox.recheck : -1, code)
            case .nothing: throw IPCError(code, "receive from descriptor \(descriptor.number)", systemError: EAGAIN)
            }
        }
    }

    /// One receive. Returns nil when a signal handler has ended the system call, and the call has a time limit and continues.
    @inline(__always)
    private mutating func receive(
        from descriptor: Descriptor, _ pool: inout BufferPool, waiting: Bool, _ extent: Extent, _ limit: inout TimeLimit
    ) throws(IPCError) -> Arrival? {
        do throws(IPCError) { return try receive(from: descriptor, into: &pool, waiting: waiting, extent) } catch {
            if error.systemError == EINTR, limit.readLimit(of: descriptor) { return nil }
            throw error
        }
    }

    /// The descriptor that comes with the next byte (SCM_RIGHTS, unix(7)); waits for it. It is close-on-exec, and the caller's.
    mutating func waitForDescriptor(from descriptor: Descriptor, _ pool: inout BufferPool) throws(IPCError) -> Int32 {
        let code = IPC_ERROR_RECEIVE_FD__RECVMSG
        do throws(IPCError) {
            var limit = TimeLimit.receiving
            while hasNoBytes {
                let waits = !limit.isLimited
                switch try receive(from: descriptor, &pool, waiting: waits, .byte, &limit) {
                case .message, .bytes, nil: continue
                case .end: throw IPCError(code, "the peer has left: descriptor \(descriptor.number)")
                case .nothing where !waits: try limit.wait(for: POLLIN, at: descriptor, code)
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
