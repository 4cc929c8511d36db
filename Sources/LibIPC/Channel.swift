// Channel.swift - both directions of one descriptor: the one truth for it.
//
// A context's connection has one; ipc_read_fd and its kin use that, or, for a descriptor in no context, one of their own.
// Here are the calls that wait: for one message, for one descriptor, until all is sent.

struct Channel: ~Copyable {
    let descriptor: Descriptor
    var inbox = Inbox()
    var outbox = Outbox()
    /// Of the descriptor, from when bytes were first held: a program may close it and get the number for something else.
    private var identity: FileIdentity?

    init(_ number: Int32) { descriptor = Descriptor(number) }

    var isEmpty: Bool { inbox.isEmpty && !outbox.hasPending }

    mutating func identify() { if identity == nil, !isEmpty { identity = FileIdentity(descriptor) } }

    /// What is held, if anything, was meant for the file that the number means now.
    var isCurrent: Bool { mutating get { isEmpty || identity == nil || identity == FileIdentity(descriptor) } }

    /// Waits until a whole frame is here, for `inbox.take`; sends meanwhile what is queued, so that a peer that answers only what it
    /// has read does answer.
    mutating func waitForFrame(_ scratch: inout Scratch, _ extent: Inbox.Extent) throws(IPCError) {
        while try !inbox.settle(&scratch) {
            let isSending = try sendSome()
            switch try inbox.receive(from: descriptor, into: &scratch, waiting: !isSending, extent) {
            case .message, .bytes: continue
            case .end: throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the peer has left: descriptor \(descriptor.number)")
            case .nothing where isSending: descriptor.poll(POLLIN | POLLOUT, timeout: -1)
            case .nothing: try descriptor.wait(for: POLLIN, IPC_ERROR_USOCK_RECV)
            }
        }
    }

    /// True: there is more to send. That the peer takes no more shows when its end is read.
    private mutating func sendSome() throws(IPCError) -> Bool {
        do throws(IPCError) { return try !outbox.send(to: descriptor) } catch {
            if error.isShortage { throw error }
            return false
        }
    }

    /// Sends all that is queued before it returns.
    mutating func flush() throws(IPCError) {
        while try !outbox.send(to: descriptor, waiting: true) { try descriptor.wait(for: POLLOUT, IPC_ERROR_USOCK_SEND) }
    }

    /// Sends one frame before it returns, behind what is queued.
    mutating func write(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, _ scratch: inout Scratch) throws(IPCError) {
        try flush()
        let frame = try outOfMemory(is: IPC_ERROR_USOCK_SEND) { () throws(IPCError) in
            try OutboundFrame.make(header, elsewhere: payload, adopted: false, &scratch)
        }
        frame.pointee.listing = nil
        outbox.append(frame)
        do throws(IPCError) { try flush() } catch {
            let isHalfSent = outbox.isHalfSent
            if let frame = outbox.takePending() { OutboundFrame.destroy(frame, &scratch) }
            throw isHalfSent ? error.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA) : error
        }
    }

    // MARK: Passing descriptors: a byte 0 with SCM_RIGHTS (unix(7))

    mutating func sendDescriptor(_ passed: Int32) throws(IPCError) {
        let code = IPC_ERROR_PROVIDE_FD__SENDMSG
        try flush()
        while libipc_send_descriptor(descriptor.number, passed) != 1 {
            guard libipc_errno() == EAGAIN else { throw .system(code, "pass a descriptor over descriptor \(descriptor.number)") }
            try descriptor.wait(for: POLLOUT, code)
        }
    }

    /// The descriptor that comes with the next byte; waits for it. It is close-on-exec, and the caller's.
    mutating func receiveDescriptor(_ scratch: inout Scratch) throws(IPCError) -> Int32 {
        let code = IPC_ERROR_RECEIVE_FD__RECVMSG
        do throws(IPCError) {
            while inbox.awaitsByte {
                switch try inbox.receive(from: descriptor, into: &scratch, waiting: true, .byte) {
                case .message, .bytes: continue
                case .end: throw IPCError(code, "the peer has left: descriptor \(descriptor.number)")
                case .nothing: try descriptor.wait(for: POLLIN, code)
                }
            }
        } catch { throw error.with(code: code) }
        return try inbox.takeDescriptor().orThrow(code, "no descriptor came over descriptor \(descriptor.number)")
    }
}
