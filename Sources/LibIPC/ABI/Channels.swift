// Channels.swift - exports: sending and receiving one message or one descriptor, wherever the bytes of its socket are.

/// Calls `body` with the channel that belongs to `descriptor`: a context's; or, with none, one that holds what earlier calls had
/// to leave. Where the program reads a descriptor itself not a byte more is read than it asked for.
func withChannel<Result: ~Copyable>(
    of descriptor: Int32, _ body: (inout Channel, inout Scratch, Inbox.Extent) throws(IPCError) -> Result
) throws(IPCError) -> Result {
    if let connection = Registry[descriptor], let address = connection.pointee.context {
        let context = address.assumingMemoryBound(to: PublicContext.self)
        if connection.pointee.channel.isCurrent {
            defer { context.pointee.settle(connection) }
            let extent: Inbox.Extent = context.pointee.isReadByProgram(connection) ? .frame : .all
            return try body(&connection.pointee.channel, &context.pointee.scratch, extent)
        }
        // Its program has closed the descriptor and got the number again for something else.
        context.pointee.bury(connection)
    }
    var channel = Registry.takeLoose(descriptor)
    var scratch = Scratch(size: 16 * 1024)
    defer { Registry.leave(&channel) }
    return try body(&channel, &scratch, .frame)
}

/// Puts the next message of the descriptor in the place of the one that is in `m`; waits for it.
private func receive(from descriptor: Int32, into m: Ref<ipc_message>) throws(IPCError) {
    try withChannel(of: descriptor) { channel, scratch, extent throws(IPCError) in
        try channel.waitForFrame(&scratch, extent)
        guard let message = channel.inbox.take() else { return }
        free(m.pointee.payload)
        m.pointee = ipc_message(message.header, descriptor, message.releasePayload())
    }
}

@c @implementation public func ipc_read_into(_ result: Outcome, _ ctx: Const<ipc_ctx>, _ index: UInt32, _ m: Ref<ipc_message>) {
    answer(result) { () throws(IPCError) in
        var descriptor: Int32 = -1
        try withEntry(Ref(mutating: ctx), index) { _, connection in descriptor = connection.pointee.number }
        try receive(from: descriptor, into: m)
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
    answer(result) { () throws(IPCError) in
        try withChannel(of: fd) { channel, scratch, _ throws(IPCError) in
            try channel.write(FrameHeader(m.pointee), m.pointee.payload, &scratch)
        }
    }
}

@c @implementation public func ipc_receive_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Ref<Int32>) {
    answer(result) { () throws(IPCError) in
        fd.pointee = try withChannel(of: sock) { channel, scratch, _ throws(IPCError) in try channel.receiveDescriptor(&scratch) }
    }
}

@c @implementation public func ipc_provide_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Int32) {
    answer(result, try withChannel(of: sock) { channel, _, _ throws(IPCError) in try channel.sendDescriptor(fd) })
}

@c @implementation public func usock_recv_into(_ result: Outcome, _ fd: Int32, _ buf: Ref<Ref<CChar>?>, _ len: Ref<Int>) {
    answer(result) { () throws(IPCError) in
        try withChannel(of: fd) { channel, scratch, extent throws(IPCError) in
            try channel.waitForFrame(&scratch, extent)
            // A frame that has no place stays where it is.
            let needed = channel.inbox.header?.frameSize ?? 0
            let fits = buf.pointee == nil || len.pointee == 0 || needed <= len.pointee
            try check(fits, IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the buffer is too small for a frame of \(needed) bytes")
            let memory = try buffer(buf.pointee, needed, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION)
            if let message = channel.inbox.take() { message.header.encode(with: message.payload, into: memory) }
            (buf.pointee, len.pointee) = (memory, needed)
        }
    }
}

@c @implementation public func usock_send_into(_ result: Outcome, _ fd: Int32, _ buf: CText, _ len: Int, _ sent: Ref<Int>?) {
    let count = libipc_send_bytes(fd, buf, len)
    sent?.pointee = max(count, 0)
    answer(result, _ = try check(call: count, IPC_ERROR_USOCK_SEND, "send to descriptor \(fd)"))
}
