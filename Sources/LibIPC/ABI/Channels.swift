// Channels.swift - exports: sending and receiving one message or one descriptor, wherever the bytes of its socket are.

/// Puts the next message of the descriptor in the place of the one that is in `m`; waits for it.
private func receive(from descriptor: Int32, into m: Ref<ipc_message>) throws(IPCError) {
    var reading = try Reading(descriptor)
    defer { reading.giveBack() }
    try reading.waitForFrame()
    reading.inbox.take(into: m, from: descriptor, &reading.pool)
}

extension Inbox {
    /// Hands out the message that is here whole. The memory of the former one is kept for those to come.
    fileprivate mutating func take(into m: Ref<ipc_message>, from descriptor: Int32, _ pool: inout BufferPool) {
        guard let message = take() else { return }
        pool.returnPayload(m.pointee.payload, Int(clamping: m.pointee.length))
        m.pointee = ipc_message(message.header, descriptor, message.releasePayload())
    }
}

@c @implementation public func ipc_read_into(_ result: Outcome, _ ctx: Const<ipc_ctx>, _ index: UInt32, _ m: Ref<ipc_message>) {
    answer(result) { () throws(IPCError) in
        var descriptor: Int32 = -1
        var isHere = false
        try withEntry(Ref(mutating: ctx), index) { context, connection throws(IPCError) in
            descriptor = connection.pointee.number
            // What is here already is the entry's, as it is for who waits for events. Nobody is to be kept out for it.
            guard !connection.pointee.reader.isAnother else { return }
            isHere = try connection.pointee.channel.inbox.settle(&context.pool)
            if isHere { connection.pointee.channel.inbox.take(into: m, from: descriptor, &context.pool) }
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
    answer(result, try Delivery.send(FrameHeader(m.pointee), m.pointee.payload, to: fd))
}

@c @implementation public func ipc_receive_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Ref<Int32>) {
    answer(result) { () throws(IPCError) in
        var reading = try Reading(sock, IPC_ERROR_RECEIVE_FD__RECVMSG, frames: false)
        defer { reading.giveBack() }
        fd.pointee = try reading.waitForDescriptor()
    }
}

@c @implementation public func ipc_provide_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Int32) {
    answer(result, try Delivery.pass(fd, over: sock))
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
    sent?.pointee = 0
    answer(result) { () throws(IPCError) in
        // Bytes in the middle of a frame would break the stream.
        if libipc_owner(fd) != nil { try Delivery.finishFrame(to: fd) }
        let count = libipc_send_bytes(fd, buf, len)
        sent?.pointee = max(count, 0)
        try check(call: count, IPC_ERROR_USOCK_SEND, "send to descriptor \(fd)")
    }
}
