// Contexts.swift - from a struct ipc_ctx to its context and back; the life of a context.

/// Calls `body` with the context behind `ctx`, made if there is none, and publishes what it changed.
func withContext<Result: ~Copyable>(
    _ ctx: Ref<ipc_ctx>, _ body: (inout PublicContext) throws(IPCError) -> Result
) throws(IPCError) -> Result {
    let state = if let known = PublicRoster.context(behind: ctx) { known } else { try makeContext() }
    state.pointee.roster.enter(ctx)
    defer {
        state.pointee.roster.publish(ctx)
        // When no entry is left all is freed.
        if state.pointee.roster.count == 0, state.pointee.queueLimit == nil { destroy(ctx, state) }
    }
    try state.pointee.catchUp()
    return try body(&state.pointee)
}

private func makeContext() throws(IPCError) -> Ref<PublicContext> {
    let memory = try allocate(MemoryLayout<PublicContext>.stride)
    let state = memory.bindMemory(to: PublicContext.self, capacity: 1)
    state.initialize(to: PublicContext(roster: PublicRoster(context: memory), address: memory))
    return state
}

private func destroy(_ ctx: Ref<ipc_ctx>, _ state: Ref<PublicContext>?) {
    state?.deinitialize(count: 1)
    free(state)
    ctx.pointee.switchdb.clear()
    ctx.pointee = ipc_ctx()
}

/// The same with the entry `index`, which it has.
func withEntry(
    _ ctx: Ref<ipc_ctx>, _ index: UInt32, _ body: (inout PublicContext, ConnectionReference) throws(IPCError) -> Void
) throws(IPCError) {
    try withContext(ctx) { context throws(IPCError) in try body(&context, context.connections[Int(index)]) }
}

@c @implementation public func ipc_ctx_init_into(_ result: Outcome, _ ctx: Ref<Ref<ipc_ctx>?>) {
    answer(result) { () throws(IPCError) in
        let made = try allocate(MemoryLayout<ipc_ctx>.size, IPC_ERROR_CTX_INIT__MALLOC_CTX).bindMemory(to: ipc_ctx.self, capacity: 1)
        made.pointee = ipc_ctx()
        ctx.pointee = made
    }
}

@c @implementation public func ipc_ctx_new_alloc_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>) {
    answer(result, ctx) { context throws(IPCError) in
        try context.reserveEntry()
        // The program fills it in; the next call takes notice.
        context.roster.append(pollfd(), ipc_connection_info())
    }
}

@c @implementation public func ipc_ctx_free(_ ctx: Ref<ipc_ctx>?) { if let ctx { destroy(ctx, PublicRoster.context(behind: ctx)) } }

@c @implementation public func ipc_ctx_queue_limit_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ bytes: Int) {
    answer(result, ctx) { context throws(IPCError) in
        // The way back to the limit lies before the public array: even an empty context has one then.
        try context.reserveEntry()
        // A size_t beyond Int's range arrives negative.
        context.queueLimit = bytes < 0 ? Int.max : bytes
    }
}

@c @implementation public func ipc_server_init_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ sname: CText) {
    answer(result) { () throws(IPCError) in
        let (descriptor, path) = try Service.listen(as: sname)
        try undoing(
            (unlink(path), close(descriptor), free(path)),
            try withContext(ctx) { context throws(IPCError) in try context.add(descriptor, .server, isSocket: true, socketPath: path) })
    }
}

@c @implementation
public func libipc_connect_service(
    _ result: Outcome, _ ctx: Ref<ipc_ctx>, _ sname: CText, _ fd: Ref<Int32>?, _ is_switched: Int32, _ client: Int32
) {
    answer(result) { () throws(IPCError) in
        let descriptor = try Service.connect(to: sname)
        let kind: ConnectionKind = is_switched != 0 ? .switched : .ipc
        try undoing(
            close(descriptor),
            try withContext(ctx) { context throws(IPCError) in
                try context.add(descriptor, kind, isSocket: true)
                if kind == .switched { try context.tie(client, to: descriptor) }
            })
        fd?.pointee = descriptor
    }
}

@c @implementation public func ipc_close_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    answer(result, try withEntry(ctx, index) { context, connection throws(IPCError) in try context.closeDescriptor(connection) })
}

@c @implementation public func ipc_close_all_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>) {
    answer(result, ctx) { context throws(IPCError) in
        // What is closed already stays closed: that is success.
        for index in 0..<context.connections.count { try? context.closeDescriptor(context.connections[index]) }
    }
}
