// Channels.swift - exports: sending and receiving one message or one descriptor, wherever the bytes of its socket are.

private typealias Read = DirectRead<PublicArrays>
private typealias Write = DirectWrite<PublicArrays>

/// Puts the next message of the descriptor in the place of the one that is in `m`; waits for it.
private func receive(from fd: Int32, into m: Ref<ipc_message>) throws(IPCError) {
    var read = try Read(fd, IPC_ERROR_USOCK_RECV, frames: true)
    defer { read.endClaim() }
    try read.waitForFrame()
    read.inbox.hand(to: m, fd, &read.pool)
}

extension Inbox {
    /// Hands out the whole message of the inbox. Keeps the memory of the former payload for later messages.
    fileprivate mutating func hand(to m: Ref<ipc_message>, _ fd: Int32, _ pool: inout BufferPool) {
        guard let message = takeMessage() else { return }
        pool.returnPayload(m.pointee.payload, Int(clamping: m.pointee.length))
        m.pointee = ipc_message(message.header, fd, message.releasePayload())
    }
}

@c @implementation public func ipc_read_into(_ result: Outcome, _ ctx: Const<ipc_ctx>, _ index: UInt32, _ m: Ref<ipc_message>) {
    answer(result) { () throws(IPCError) in
        var fd: Int32 = -1
        var isHere = false
        try withContext(Ref(mutating: ctx)) { context throws(IPCError) in
            let connection = try context.entry(at: index)
            fd = connection.pointee.number
            // A message that was read ahead is handed out without a claim, as a wait does it: no other call has to wait.
            guard let stream = connection.pointee.stream else {
                throw IPCError(IPC_ERROR_USOCK_RECV, "the descriptor \(fd) of this entry is closed", systemError: EBADF)
            }
            if stream.pointee.readClaim.isHeldByOther { return }
            isHere = try stream.pointee.inbox.parse(&context.pool)
            if isHere { stream.pointee.inbox.hand(to: m, fd, &context.pool) }
        }
        if isHere { return }
        try receive(from: fd, into: m)
        // Publishes the list: frames that the wait has sent leave it.
        _ = try? withKnownContext(Ref(mutating: ctx)) { _ in }
    }
}

@c @implementation public func ipc_read_fd_into(_ result: Outcome, _ fd: Int32, _ m: Ref<ipc_message>) {
    answer(result, try receive(from: fd, into: m))
}

@c @implementation public func ipc_write_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ m: Const<ipc_message>) {
    answer(result, try queue(m, ctx))
}

/// As with `withContext`, but inlined: beside the wait this is the most frequent call.
@inline(__always)
private func queue(_ m: Const<ipc_message>, _ ctx: Ref<ipc_ctx>) throws(IPCError) {
    let lock = try ContextLock(ctx)
    try lock.context.pointee.catchUp()
    try lock.context.pointee.queue(FrameHeader(m.pointee), copying: m.pointee.payload, for: m.pointee.fd)
}

@c @implementation public func ipc_write_fd_into(_ result: Outcome, _ fd: Int32, _ m: Const<ipc_message>) {
    answer(result, try Write.send(FrameHeader(m.pointee), m.pointee.payload, to: fd))
}

@c @implementation public func ipc_receive_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Ref<Int32>) {
    answer(result) { () throws(IPCError) in
        var read = try Read(sock, IPC_ERROR_RECEIVE_FD__RECVMSG, frames: false)
        defer { read.endClaim() }
        fd.pointee = try read.waitForDescriptor()
    }
}

@c @implementation public func ipc_provide_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Int32) {
    answer(result, try Write.pass(fd, over: sock))
}

@c @implementation public func usock_recv_into(_ result: Outcome, _ fd: Int32, _ buf: Ref<Ref<CChar>?>, _ len: Ref<Int>) {
    answer(result) { () throws(IPCError) in
        var read = try Read(fd, IPC_ERROR_USOCK_RECV, frames: true)
        defer { read.endClaim() }
        try read.waitForFrame()
        // A frame that does not fit into the caller's buffer stays in the inbox.
        let needed = read.inbox.header?.frameSize ?? 0
        let fits = buf.pointee == nil || len.pointee == 0 || needed <= len.pointee
        try check(fits, IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the buffer is too small for a frame of \(needed) bytes")
        let memory = try buffer(buf.pointee, needed, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION)
        if let message = read.inbox.takeMessage() { message.header.encode(with: message.payload, into: memory) }
        (buf.pointee, len.pointee) = (memory, needed)
    }
}

@c @implementation public func usock_send_into(_ result: Outcome, _ fd: Int32, _ buf: CText, _ len: Int, _ sent: Ref<Int>?) {
    sent?.pointee = 0
    answer(result) { () throws(IPCError) in
        // Bytes in the middle of a frame would break the stream.
        if libipc_owner(fd) != nil { try Write.finishFrame(to: fd) }
        let count = libipc_send_bytes(fd, buf, len)
        sent?.pointee = max(count, 0)
        try check(call: count, IPC_ERROR_USOCK_SEND, "send to descriptor \(fd)")
    }
}
