// Contexts.swift - from a struct ipc_ctx to its context and back; the life of a context.

import CLibIPC

/// Calls `body` with the context behind `ctx`, made if there is none, and publishes what it changed.
func withContext<Result: ~Copyable>(
    _ ctx: UnsafeMutablePointer<ipc_ctx>, _ body: (inout PublicContext) throws(IPCError) -> Result
) throws(IPCError) -> Result {
    let known = PublicRoster.context(behind: ctx)
    let state = if let known { known } else { try makeContext() }
    state.pointee.roster.enter(ctx)
    defer { leave(ctx, state) }
    try state.pointee.catchUp()
    return try body(&state.pointee)
}

private func makeContext() throws(IPCError) -> UnsafeMutablePointer<PublicContext> {
    let memory = try allocate(MemoryLayout<PublicContext>.stride)
    do throws(IPCError) {
        let state = memory.bindMemory(to: PublicContext.self, capacity: 1)
        state.initialize(to: try PublicContext(roster: PublicRoster(context: memory), address: memory))
        return state
    } catch {
        free(memory)
        throw error
    }
}

/// Publishes; or, when no entry is left, frees all.
private func leave(_ ctx: UnsafeMutablePointer<ipc_ctx>, _ state: UnsafeMutablePointer<PublicContext>) {
    state.pointee.roster.publish(ctx)
    if state.pointee.roster.count == 0, state.pointee.queueLimit == nil { destroy(ctx, state) }
}

private func destroy(_ ctx: UnsafeMutablePointer<ipc_ctx>, _ state: Ref<PublicContext>) {
    state?.deinitialize(count: 1)
    free(state)
    ctx.pointee.switchdb.clear()
    ctx.pointee = ipc_ctx()
}

func checkEntry(_ ctx: UnsafeMutablePointer<ipc_ctx>, _ index: UInt32, _ code: ErrorCode) throws(IPCError) {
    let exists = PublicRoster.context(behind: ctx) != nil && Int(index) < ctx.pointee.size
    try check(exists, code, "the context has no entry \(index)")
}

/// Calls `body` with the context and the entry `index`, which it must have.
func withEntry(
    _ ctx: UnsafeMutablePointer<ipc_ctx>, _ index: UInt32,
    _ body: (inout PublicContext, ConnectionReference) throws(IPCError) -> Void
) throws(IPCError) {
    try checkEntry(ctx, index, IPC_ERROR_DEL__CANNOT_FIND_CLIENT)
    try withContext(ctx) { context throws(IPCError) in try body(&context, context.connections[Int(index)]) }
}

@c @implementation public func ipc_ctx_init_into(_ result: Outcome, _ ctx: Ref<Ref<ipc_ctx>>) {
    answer(result) { () throws(IPCError) in
        let place = try require(ctx, IPC_ERROR_CTX_INIT__NO_CONTEXT_PARAM, "no place for a context")
        try check(place.pointee == nil, IPC_ERROR_CTX_INIT__CONTEXT_ALREADY_INIT, "there is a context already")
        let made = try allocate(MemoryLayout<ipc_ctx>.size, IPC_ERROR_CTX_INIT__MALLOC_CTX).bindMemory(to: ipc_ctx.self, capacity: 1)
        made.pointee = ipc_ctx()
        place.pointee = made
    }
}

@c @implementation public func ipc_ctx_new_alloc_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>) {
    answer(result, ctx, missing: IPC_ERROR_ADD__NO_PARAM_CLIENTS) { context throws(IPCError) in
        try context.reserveEntry()
        // The program fills it in; the next call takes notice.
        context.roster.appendZeroed()
    }
}

@c @implementation public func ipc_ctx_free(_ ctx: Ref<ipc_ctx>) { if let ctx { destroy(ctx, PublicRoster.context(behind: ctx)) } }

@c @implementation public func ipc_ctx_queue_limit_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ bytes: Int) {
    answer(result, ctx, missing: IPC_ERROR_CTX_QUEUE_LIMIT__NO_CTX_PARAM) { context throws(IPCError) in
        // The way back to the limit lies before the public array: even an empty context has one then.
        try context.reserveEntry()
        // A size_t beyond Int's range arrives negative.
        context.queueLimit = bytes < 0 ? Int.max : bytes
    }
}

@c @implementation public func ipc_server_init_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ sname: CText) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM, "no context")
        let service = try Service.listen(as: try require(sname, IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM, "no service name"))
        do throws(IPCError) {
            try withContext(ctx) { context throws(IPCError) in
                try context.add(service.descriptor, .server, isNew: true, socketPath: service.socketPath)
            }
        } catch {
            unlink(service.socketPath)
            close(service.descriptor)
            free(service.socketPath)
            throw error
        }
    }
}

@c @implementation public func ipc_connection_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ sname: CText, _ fd: Ref<Int32>) {
    connect(result, ctx, sname, fd) { context, descriptor throws(IPCError) in try context.add(descriptor, .ipc, isNew: true) }
}

@c @implementation
public func ipc_connection_switched_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ sname: CText, _ clientfd: Int32, _ serverfd: Ref<Int32>)
{
    connect(result, ctx, sname, serverfd) { context, descriptor throws(IPCError) in
        try context.add(descriptor, .switched, isNew: true)
        do throws(IPCError) {
            if context.connection(of: clientfd) == nil { try context.add(clientfd, .switched) }
            try context.tie(clientfd, descriptor)
        } catch {
            if let added = context.live(descriptor) { context.remove(added, closing: false) }
            throw error
        }
        if let client = context.connection(of: clientfd) { context.setKind(.switched, of: client) }
    }
}

/// Connects to the service; `body` adds the connection to the context.
private func connect(
    _ result: Outcome, _ ctx: Ref<ipc_ctx>, _ sname: CText, _ place: Ref<Int32>,
    _ body: (inout PublicContext, Int32) throws(IPCError) -> Void
) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_CONNECTION__NO_CTX, "no context")
        let descriptor = try Service.connect(to: try require(sname, IPC_ERROR_CONNECTION__NO_SERVICE_NAME, "no service name"))
        do throws(IPCError) {
            try withContext(ctx) { context throws(IPCError) in try body(&context, descriptor) }
            place?.pointee = descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }
}

@c @implementation public func ipc_close_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_CLOSE__NO_CTX_PARAM, "no context")
        try withEntry(ctx, index) { context, connection throws(IPCError) in try context.closeDescriptor(connection) }
    }
}

@c @implementation public func ipc_close_all_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>) {
    answer(result, ctx, missing: IPC_ERROR_CLOSE_ALL__NO_CTX_PARAM) { context throws(IPCError) in
        // What is closed already stays closed: that is success.
        for index in 0..<context.connections.count { try? context.closeDescriptor(context.connections[index]) }
    }
}
