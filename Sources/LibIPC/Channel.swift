// Channel.swift - both directions of one descriptor: the one truth for it.
//
// A context's connection has one; ipc_read_fd and its kin use that, or, for a descriptor in no context, one of their own.
// Here are the calls that wait: for one message, for one descriptor, until all is sent.

import CLibIPC

struct Channel: ~Copyable {
    let descriptor: Descriptor
    var inbox = Inbox()
    var outbox = Outbox()
    /// Of the descriptor, from when bytes were first held: a program may close it and get the number for something else.
    private var identity: FileIdentity?

    init(_ number: Int32) { descriptor = Descriptor(number) }

    var isEmpty: Bool { inbox.isEmpty && !outbox.hasPending }

    mutating func identify() {
        if identity == nil, !isEmpty { identity = FileIdentity(descriptor) }
    }

    /// What is held, if anything, was meant for the file that the number means now.
    var isCurrent: Bool { isEmpty || identity == nil || identity == FileIdentity(descriptor) }

    /// Waits until a whole frame is here, for `inbox.take`; sends meanwhile what is queued, so that a peer that answers only what it
    /// has read does answer.
    mutating func waitForFrame(_ scratch: inout Scratch, _ extent: Inbox.Extent) throws(IPCError) {
        while try !inbox.settle() {
            let isSending = try sendSome()
            switch try inbox.receive(from: descriptor, into: &scratch, waiting: !isSending, extent) {
            case .bytes: continue
            case .end: throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the peer has left:", .descriptor(descriptor.number))
            case .nothing where isSending: descriptor.poll(Int16(POLLIN | POLLOUT), timeout: -1)
            case .nothing: try descriptor.wait(for: POLLIN, IPC_ERROR_USOCK_RECV, "receive from")
            }
        }
    }

    /// True: there is more to send. That the peer takes no more shows when its end is read.
    private mutating func sendSome() throws(IPCError) -> Bool {
        guard outbox.hasPending else { return false }
        if case .failed(let number) = outbox.send(to: descriptor) {
            let reason = descriptor.sendError(number)
            if reason.isShortage { throw reason }
            return false
        }
        return outbox.hasPending
    }

    /// Sends all that is queued before it returns.
    mutating func flush() throws(IPCError) { try descriptor.send(all: &outbox) }

    /// Sends one frame before it returns, behind what is queued.
    mutating func write(_ header: FrameHeader, _ payload: UnsafeRawPointer?) throws(IPCError) {
        try flush()
        let descriptor = descriptor
        try OutboundFrame.withLent(header, payload) { frame throws(IPCError) in
            var single = Outbox()
            single.append(frame)
            // The outbox would free it.
            defer { _ = single.takePending() ?? single.takeSent() }
            do throws(IPCError) {
                try descriptor.send(all: &single)
            } catch {
                throw single.isHalfSent ? error.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA) : error
            }
        }
    }

    // MARK: Passing descriptors: a byte 0 with SCM_RIGHTS (unix(7))

    mutating func sendDescriptor(_ passed: Int32) throws(IPCError) {
        try flush()
        while retrying({ libipc_send_descriptor(descriptor.number, passed) }) != 1 {
            guard libipc_errno() == EAGAIN else {
                throw .system(IPC_ERROR_PROVIDE_FD__SENDMSG, "pass a descriptor over", .descriptor(descriptor.number))
            }
            try descriptor.wait(for: POLLOUT, IPC_ERROR_PROVIDE_FD__SENDMSG, "pass a descriptor over")
        }
    }

    /// The descriptor that comes with the next byte; waits for it. It is close-on-exec, and the caller's.
    mutating func receiveDescriptor(_ scratch: inout Scratch) throws(IPCError) -> Int32 {
        while true {
            switch inbox.takePassedByte() {
            case .withDescriptor(let received): return received
            case .alone: throw IPCError(IPC_ERROR_RECEIVE_FD__RECVMSG, "no descriptor came over", .descriptor(descriptor.number))
            case .notHere: break
            }
            do throws(IPCError) {
                switch try inbox.receive(from: descriptor, into: &scratch, waiting: true, .byte) {
                case .bytes: continue
                case .nothing: try descriptor.wait(for: POLLIN, IPC_ERROR_RECEIVE_FD__RECVMSG, "receive a descriptor over")
                case .end: throw IPCError(IPC_ERROR_RECEIVE_FD__RECVMSG, "the peer has left:", .descriptor(descriptor.number))
                }
            } catch {
                throw error.with(code: IPC_ERROR_RECEIVE_FD__RECVMSG)
            }
        }
    }
}

extension Descriptor {
    func sendError(_ systemError: Int32) -> IPCError {
        IPCError(IPC_ERROR_USOCK_SEND, "send to", .descriptor(number), systemError: systemError)
    }

    fileprivate func send(all outbox: inout Outbox) throws(IPCError) {
        while true {
            switch outbox.send(to: self, waiting: true) {
            case .done: return
            case .blocked: try wait(for: POLLOUT, IPC_ERROR_USOCK_SEND, "send to")
            case .failed(let number): throw sendError(number)
            }
        }
    }
}
