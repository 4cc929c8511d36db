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

    init(_ number: Int32) { descriptor = Descriptor(number) }

    var isEmpty: Bool { inbox.isEmpty && !outbox.hasPending }

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
        from descriptor: Descriptor, _ scratch: inout Scratch, _ extent: Extent, sending: () throws(IPCError) -> Bool
    ) throws(IPCError) {
        while try !settle(&scratch) {
            let isSending = try sending()
            switch try receive(from: descriptor, into: &scratch, waiting: !isSending, extent) {
            case .message, .bytes: continue
            case .end: throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the peer has left: descriptor \(descriptor.number)")
            case .nothing where isSending: descriptor.poll(POLLIN | POLLOUT, timeout: -1)
            case .nothing: try descriptor.waitForBytes(IPC_ERROR_USOCK_RECV)
            }
        }
    }

    /// The descriptor that comes with the next byte (SCM_RIGHTS, unix(7)); waits for it. It is close-on-exec, and the caller's.
    mutating func waitForDescriptor(from descriptor: Descriptor, _ scratch: inout Scratch) throws(IPCError) -> Int32 {
        let code = IPC_ERROR_RECEIVE_FD__RECVMSG
        do throws(IPCError) {
            while awaitsByte {
                switch try receive(from: descriptor, into: &scratch, waiting: true, .byte) {
                case .message, .bytes: continue
                case .end: throw IPCError(code, "the peer has left: descriptor \(descriptor.number)")
                case .nothing: try descriptor.waitForBytes(code)
                }
            }
        } catch { throw error.with(code: code) }
        return try takeDescriptor().orThrow(code, "no descriptor came over descriptor \(descriptor.number)")
    }
}
