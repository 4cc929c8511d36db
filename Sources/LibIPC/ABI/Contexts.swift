// Contexts.swift - exports: the life of a context, services and connections; and how every export gets into a context.

/// The lock guard of the exports that need not be fast. It is not inlined: each copy would take a kilobyte.
private struct OutlinedLock: ~Copyable {
    private let lock: ContextLock
    var context: Ref<PublicContext> { lock.context }

    private init(_ lock: consuming ContextLock) { self.lock = lock }

    @inline(never)
    deinit {}

    @inline(never)
    static func enter(_ ctx: Ref<ipc_ctx>) throws(IPCError) -> OutlinedLock {
        let lock = try ContextLock(ctx)
        try lock.context.pointee.catchUp()
        return OutlinedLock(lock)
    }

    @inline(never)
    static func enter(known ctx: Ref<ipc_ctx>, inside: Bool) throws(IPCError) -> OutlinedLock? {
        guard let lock = try ContextLock(known: ctx, inside: inside) else { return nil }
        try? lock.context.pointee.catchUp()
        return OutlinedLock(lock)
    }
}

/// Calls `body` with the context behind `ctx`, made if there is none, and publishes what it changed.
@inline(__always)
func withContext<Result>(_ ctx: Ref<ipc_ctx>, _ body: (inout PublicContext) throws(IPCError) -> Result) throws(IPCError) -> Result {
    let lock = try OutlinedLock.enter(ctx)
    return try body(&lock.context.pointee)
}

/// `withContext` that makes no context: nil where there is none.
/// - Parameter inside: the call has another lock already.
@inline(__always)
func withKnownContext<Result>(
    _ ctx: Ref<ipc_ctx>, inside: Bool = false, _ body: (inout PublicContext) -> Result
) throws(IPCError) -> Result? {
    guard let lock = try OutlinedLock.enter(known: ctx, inside: inside) else { return nil }
    return body(&lock.context.pointee)
}

extension PublicContext {
    mutating func entry(at index: UInt32) throws(IPCError) -> ConnectionReference {
        try check(index < connections.count, IPC_ERROR_DEL__CANNOT_FIND_CLIENT, "the context has no entry \(index)")
        return connections[Int(index)]
    }
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
        // The program fills the entry in; the next call adds it (`Context.catchUp`).
        context.view.append(pollfd(), ipc_connection_info())
    }
}

@c @implementation public func ipc_ctx_print(_ ctx: Ref<ipc_ctx>?) {
    guard let ctx else { return }
    do throws(IPCError) {
        if try withKnownContext(ctx, { _ in libipc_print_context(ctx) }) == nil { libipc_print_context(ctx) }
    } catch { /* Another thread has freed it. */  }
}

@c @implementation public func ipc_ctx_free(_ ctx: Ref<ipc_ctx>?) { if let ctx { ContextLock.free(ctx) } }

@c @implementation public func ipc_ctx_queue_limit_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ bytes: Int) {
    answer(result, ctx) { context throws(IPCError) in
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
        let limit = try withKnownContext(ctx) { $0.settings.connectTime } ?? nil
        let descriptor = try Service.connect(to: sname, within: limit)
        let kind: ConnectionKind = is_switched != 0 ? .switched : .ipc
        try undoing(
            close(descriptor),
            try withContext(ctx) { context throws(IPCError) in
                try context.add(descriptor, kind, isSocket: true)
                if kind == .switched { try context.makePair(client, to: descriptor) }
            })
        fd?.pointee = descriptor
    }
}

@c @implementation public func ipc_close_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    answer(result, ctx) { context throws(IPCError) in try context.closeDescriptor(try context.entry(at: index)) }
}

@c @implementation public func ipc_close_all_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>) {
    if Interrupting.closeAll(ctx) { return }
    answer(result) { () throws(IPCError) in
        guard let lock = try ContextLock(known: ctx) else { return }
        lock.context.pointee.closeAll()
    }
}

@c @implementation public func ipc_close_fd_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32) {
    answer(result, ctx) { context throws(IPCError) in
        let connection = try context.entry(fd)
        defer { context.delete(connection) }
        try context.closeDescriptor(connection)
    }
}
