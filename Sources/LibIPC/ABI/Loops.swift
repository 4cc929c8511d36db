// Loops.swift - exports for programs with an event loop of their own.

@c @implementation public func ipc_ctx_fd(_ ctx: Ref<ipc_ctx>?) -> Int32 {
    var descriptor: Int32 = -1
    _ = code(ctx) { context throws(IPCError) in descriptor = try context.loopDescriptor() }
    return descriptor
}

@c @implementation public func ipc_ctx_quiet(_ ctx: Ref<ipc_ctx>?, _ kinds: UInt32) -> ipc_error_code {
    code(ctx) { context throws(IPCError) in
        let known = UInt32(1) << IPC_EVENT_TYPE_TX.rawValue | 1 << IPC_EVENT_TYPE_SWITCH.rawValue
        try check(kinds & ~known == 0, IPC_ERROR_CTX_QUIET__EVENT_TYPE, "only TX and SWITCH events can be left out")
        context.leaveOut(kinds)
    }
}
