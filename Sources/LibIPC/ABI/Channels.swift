// Channels.swift - exports: sending and receiving one message or one descriptor, wherever the bytes of its socket are.

/// Puts the next message of the descriptor in the place of the one that is in `m`; waits for it.
private func receive(from descriptor: Int32, into m: Ref<ipc_message>) throws(IPCError) {
    var reading = try Reading(descriptor)
    defer { reading.giveBack() }
    try reading.waitForFrame()
    reading.inbox.take(into: m, from: descriptor, &reading.scratch)
}

extension Inbox {
    /// Hands out the message that is here whole. The memory of the former one is kept for those to come.
    fileprivate mutating func take(into m: Ref<ipc_message>, from descriptor: Int32, _ scratch: inout Scratch) {
        guard let message = take() else { return }
        scratch.recycle(m.pointee.payload, Int(m.pointee.length))
        m.pointee = ipc_message(message.header, descriptor, message.releasePayload())
    }
}

/// Sends one frame before it returns, behind what is queued.
private func send(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, to descriptor: Int32) throws(IPCError) {
    let code = IPC_ERROR_USOCK_SEND
    // A thread that were cancelled would not take the frame back.
    let before = libipc_forbid_cancelling()
    defer { libipc_allow_cancelling(before) }
    guard let frame = try begin(header, payload, Access(descriptor, sending: true)) else { return }
    defer { free(frame) }
    // Whoever has the lock may send it, or drop it.
    var fate = OutboundFrame.Fate.queued
    while fate == .queued {
        var failure: IPCError?
        do throws(IPCError) { try Descriptor(descriptor).waitForRoom(code) } catch { failure = error }
        fate = try push(frame, Access(descriptor), failure)
    }
    try check(fate == .sent, code, "send to descriptor \(descriptor): what was queued for it is dropped")
}

/// Lends a frame to the outbox, and returns it; nil when it is sent already.
private func begin(
    _ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, _ access: consuming Access
) throws(IPCError) -> FrameReference? {
    let frame = try access.withScratch { scratch throws(IPCError) in
        try outOfMemory(is: IPC_ERROR_USOCK_SEND) { () throws(IPCError) in
            try OutboundFrame.lend(header, payload, &scratch)
        }
    }
    access.connection.pointee.channel.outbox.append(frame)
    guard try undoing(free(frame), try push(frame, access)) == .sent else {
        access.connection.pointee.renew()
        return frame
    }
    try access.withScratch { scratch throws(IPCError) in OutboundFrame.reclaim(frame, &scratch) }
    return nil
}

private func push(
    _ frame: FrameReference, _ access: borrowing Access, _ failure: IPCError? = nil
) throws(IPCError) -> OutboundFrame.Fate {
    let connection = access.connection
    do throws(IPCError) {
        if let failure { throw failure }
        if frame.pointee.fate == .queued { _ = try connection.pointee.channel.outbox.send(to: connection.pointee.channel.descriptor) }
    } catch {
        switch connection.pointee.channel.outbox.takeBack(frame) {
        case .whole: throw error
        case .halfSent: throw error.with(code: IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
        // It is on its way to somebody else, who has the descriptor now.
        case .notHere: break
        }
    }
    return frame.pointee.fate
}

/// False: there is no room.
private func pass(_ passed: Int32, over socket: Int32) throws(IPCError) -> Bool {
    let access = try Access(socket, sending: true)
    // Behind what is queued.
    guard try access.connection.pointee.channel.outbox.send(to: Descriptor(socket)) else { return false }
    if libipc_send_descriptor(socket, passed) == 1 { return true }
    if libipc_errno() == EAGAIN { return false }
    throw .system(IPC_ERROR_PROVIDE_FD__SENDMSG, "pass a descriptor over descriptor \(socket)")
}

@c @implementation public func ipc_read_into(_ result: Outcome, _ ctx: Const<ipc_ctx>, _ index: UInt32, _ m: Ref<ipc_message>) {
    answer(result) { () throws(IPCError) in
        var descriptor: Int32 = -1
        var isHere = false
        try withEntry(Ref(mutating: ctx), index) { context, connection throws(IPCError) in
            descriptor = connection.pointee.number
            // What is here already is the entry's, as it is for who waits for events. Nobody is to be kept out for it.
            guard !connection.pointee.reader.isAnother else { return }
            isHere = try connection.pointee.channel.inbox.settle(&context.scratch)
            if isHere { connection.pointee.channel.inbox.take(into: m, from: descriptor, &context.scratch) }
        }
        if !isHere { try receive(from: descriptor, into: m) }
    }
}

@c @implementation public func ipc_read_fd_into(_ result: Outcome, _ fd: Int32, _ m: Ref<ipc_message>) {
    answer(result, try receive(from: fd, into: m))
}

@c @implementation public func ipc_write_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ m: Const<ipc_message>) {
    answer(result, ctx) { context throws(IPCError) in
        try context.queue(FrameHeader(m.pointee), m.pointee.payload, for: m.pointee.fd)
    }
}

@c @implementation public func ipc_write_fd_into(_ result: Outcome, _ fd: Int32, _ m: Const<ipc_message>) {
    answer(result, try send(FrameHeader(m.pointee), m.pointee.payload, to: fd))
}

@c @implementation public func ipc_receive_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Ref<Int32>) {
    answer(result) { () throws(IPCError) in
        var reading = try Reading(sock)
        defer { reading.giveBack() }
        fd.pointee = try reading.waitForDescriptor()
    }
}

@c @implementation public func ipc_provide_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Int32) {
    answer(result) { () throws(IPCError) in
        while try !pass(fd, over: sock) { try Descriptor(sock).waitForRoom(IPC_ERROR_PROVIDE_FD__SENDMSG) }
    }
}

@c @implementation public func usock_recv_into(_ result: Outcome, _ fd: Int32, _ buf: Ref<Ref<CChar>?>, _ len: Ref<Int>) {
    answer(result) { () throws(IPCError) in
        var reading = try Reading(fd)
        defer { reading.giveBack() }
        try reading.waitForFrame()
        // A frame that has no place stays where it is.
        let needed = reading.inbox.header?.frameSize ?? 0
        let fits = buf.pointee == nil || len.pointee == 0 || needed <= len.pointee
        try check(fits, IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the buffer is too small for a frame of \(needed) bytes")
        let memory = try buffer(buf.pointee, needed, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION)
        if let message = reading.inbox.take() { message.header.encode(with: message.payload, into: memory) }
        (buf.pointee, len.pointee) = (memory, needed)
    }
}

@c @implementation public func usock_send_into(_ result: Outcome, _ fd: Int32, _ buf: CText, _ len: Int, _ sent: Ref<Int>?) {
    let count = libipc_send_bytes(fd, buf, len)
    sent?.pointee = max(count, 0)
    answer(result, _ = try check(call: count, IPC_ERROR_USOCK_SEND, "send to descriptor \(fd)"))
}
