// Passing.swift - exports since 1.2: messages whose payload is given away, and messages that bring descriptors.

@c @implementation public func ipc_write_take(_ ctx: Ref<ipc_ctx>?, _ m: Ref<ipc_message>?) -> ipc_error_code {
    code { () throws(IPCError) in
        let m = try whole(m)
        let lock = try ContextLock(try sender(ctx))
        try lock.context.pointee.catchUp()
        try lock.context.pointee.queue(FrameHeader(m.pointee), adopting: m.pointee.payload, for: m.pointee.fd)
        (m.pointee.payload, m.pointee.length) = (nil, 0)
    }
}

@c @implementation public func ipc_write_with_fd(_ ctx: Ref<ipc_ctx>?, _ m: Const<ipc_message>?, _ fd: Int32) -> ipc_error_code {
    code { () throws(IPCError) in
        let m = try whole(m.map { Ref(mutating: $0) })
        let ctx = try sender(ctx)
        let code = IPC_ERROR_WRITE_WITH_FD__DESCRIPTOR
        try check(libipc_is_local_socket(m.pointee.fd) != 0, code, "descriptor \(m.pointee.fd) is no Unix socket, which takes descriptors")
        let copy = try check(call: libipc_duplicate(fd), code, "copy descriptor \(fd)")
        try undoing(
            close(copy),
            try withContext(ctx) { context throws(IPCError) in
                try context.queue(FrameHeader(m.pointee), copying: m.pointee.payload, passing: copy, for: m.pointee.fd)
            })
    }
}

@c @implementation public func ipc_ctx_accept_fds(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ on: Int32) -> ipc_error_code {
    code(ctx) { context throws(IPCError) in
        guard let stream = try context.entry(fd).pointee.stream else {
            throw IPCError(IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND, "descriptor \(fd) of this context is closed")
        }
        stream.pointee.acceptsDescriptors = on != 0
        // A call that has taken the inbox along brings it back with this.
        if !stream.pointee.readClaim.isHeld { stream.pointee.inbox.acceptsDescriptors = on != 0 }
    }
}

/// A message that does not contradict itself: the errors of ipc_write.
private func whole(_ m: Ref<ipc_message>?) throws(IPCError) -> Ref<ipc_message> {
    guard let m else { throw IPCError(IPC_ERROR_WRITE__NO_MESSAGE_PARAM, "there is no message") }
    let header = FrameHeader(m.pointee)
    try check(!header.isTooLong, IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH, "too many bytes for a message")
    let isWhole = header.length == 0 || m.pointee.payload != nil
    try check(isWhole, IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS, "a length and no payload")
    return m
}

private func sender(_ ctx: Ref<ipc_ctx>?) throws(IPCError) -> Ref<ipc_ctx> {
    guard let ctx else { throw IPCError(IPC_ERROR_WRITE__FD_NOT_FOUND, "there is no context") }
    return ctx
}
