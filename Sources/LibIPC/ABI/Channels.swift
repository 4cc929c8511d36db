// Channels.swift - exports: sending and receiving one message or one descriptor, wherever the bytes of its socket are.

import CLibIPC

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
private func receive(from descriptor: Int32, into m: UnsafeMutablePointer<ipc_message>) throws(IPCError) {
    try withChannel(of: descriptor) { channel, scratch, extent throws(IPCError) in
        try channel.waitForFrame(&scratch, extent)
        guard let message = channel.inbox.take() else { return }
        free(m.pointee.payload)
        m.pointee = ipc_message(message.header, descriptor, message.releasePayload())
    }
}

@c @implementation public func ipc_read_into(_ result: Outcome, _ ctx: Const<ipc_ctx>, _ index: UInt32, _ m: Ref<ipc_message>) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_READ__NO_MESSAGE_PARAM, "no message")
        let ctx = UnsafeMutablePointer(mutating: try require(ctx, IPC_ERROR_READ__NO_MESSAGE_PARAM, "no context"))
        var descriptor: Int32 = -1
        try withEntry(ctx, index) { _, connection in descriptor = connection.pointee.number }
        try receive(from: descriptor, into: m)
    }
}

@c @implementation public func ipc_read_fd_into(_ result: Outcome, _ fd: Int32, _ m: Ref<ipc_message>) {
    answer(result, try receive(from: fd, into: try require(m, IPC_ERROR_READ__NO_MESSAGE_PARAM, "no message")))
}

@c @implementation public func ipc_write_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ m: Const<ipc_message>) {
    answer(result) { () throws(IPCError) in
        let message = try sendable(m)
        let code = IPC_ERROR_WRITE__FD_NOT_FOUND
        let ctx = try require(ctx, code, "no context")
        try check(PublicRoster.context(behind: ctx) != nil, code, "the context is empty")
        try withContext(ctx) { context throws(IPCError) in try context.queue(FrameHeader(message), message.payload, for: message.fd) }
    }
}

@c @implementation public func ipc_write_fd_into(_ result: Outcome, _ fd: Int32, _ m: Const<ipc_message>) {
    answer(result) { () throws(IPCError) in
        let message = try sendable(m)
        try withChannel(of: fd) { channel, scratch, _ throws(IPCError) in
            try channel.write(FrameHeader(message), message.payload, &scratch)
        }
    }
}

/// A message that can be sent.
private func sendable(_ m: Const<ipc_message>) throws(IPCError) -> ipc_message {
    let message = try require(m, IPC_ERROR_WRITE__NO_MESSAGE_PARAM, "no message").pointee
    try checkLength(message)
    return message
}

@c @implementation public func ipc_receive_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Ref<Int32>) {
    answer(
        result, fd, missing: IPC_ERROR_RECEIVE_FD__NO_PARAM_FD,
        try withChannel(of: sock) { channel, scratch, _ throws(IPCError) in try channel.receiveDescriptor(&scratch) })
}

@c @implementation public func ipc_provide_fd_into(_ result: Outcome, _ sock: Int32, _ fd: Int32) {
    answer(result, try withChannel(of: sock) { channel, _, _ throws(IPCError) in try channel.sendDescriptor(fd) })
}

@c @implementation public func usock_recv_into(_ result: Outcome, _ fd: Int32, _ buf: Ref<Ref<CChar>>, _ len: Ref<Int>) {
    answer(result) { () throws(IPCError) in
        let place = try require(buf, IPC_ERROR_USOCK_RECV__NO_BUFFER, "no buffer")
        let size = try require(len, IPC_ERROR_USOCK_RECV__NO_LENGTH, "no length")
        try withChannel(of: fd) { channel, scratch, extent throws(IPCError) in
            try channel.waitForFrame(&scratch, extent)
            // A frame that has no place stays where it is.
            let needed = channel.inbox.header?.frameSize ?? 0
            let fits = place.pointee == nil || size.pointee == 0 || needed <= size.pointee
            try check(fits, IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the buffer is too small for a frame of \(needed) bytes")
            let memory = try buffer(place.pointee, needed, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION)
            if let message = channel.inbox.take() { message.header.encode(with: message.payload, into: memory) }
            place.pointee = memory
            size.pointee = needed
        }
    }
}

@c @implementation public func usock_send_into(_ result: Outcome, _ fd: Int32, _ buf: CText, _ len: Int, _ sent: Ref<Int>) {
    answer(result) { () throws(IPCError) in
        let bytes = try require(buf, IPC_ERROR_USOCK_SEND, "nothing to send")
        let count = retrying { send(fd, bytes, len, Int32(MSG_NOSIGNAL)) }
        sent?.pointee = max(count, 0)
        try check(call: count, IPC_ERROR_USOCK_SEND, "send to descriptor \(fd)")
    }
}
