// Entries.swift - exports: what a context watches.

@c @implementation
public func libipc_add(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32, _ type: ipc_connection_type, _ spath: Ref<CChar>?) {
    let kind = ConnectionKind(rawValue: type.rawValue) ?? .external
    answer(result, ctx) { context throws(IPCError) in try context.add(fd, kind, socketPath: spath) }
}

@c @implementation public func ipc_del_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    delete(result, ctx, ifEmpty: IPC_ERROR_DEL__EMPTY_LIST) { context throws(IPCError) in try context.entry(at: index) }
}

@c @implementation public func ipc_del_fd_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32) {
    delete(result, ctx, ifEmpty: IPC_ERROR_DEL_FD__EMPTY_LIST) { context throws(IPCError) in
        try context.entry(fd, IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT)
    }
}

private func delete(
    _ result: Outcome, _ ctx: Ref<ipc_ctx>, ifEmpty code: ErrorCode,
    _ entry: (inout PublicContext) throws(IPCError) -> ConnectionReference
) {
    answer(result) { () throws(IPCError) in
        try check(!ContextLock.isEmpty(ctx), code, "the context is empty")
        try withContext(ctx) { context throws(IPCError) in
            try check(context.view.count > 0, code, "the context is empty")
            context.delete(try entry(&context))
        }
    }
}

@c @implementation public func ipc_ctx_fd_type(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ type: ipc_connection_type) -> Int32 {
    guard let ctx, let kind = ConnectionKind(rawValue: type.rawValue) else { return -1 }
    let isFound = try? withKnownContext(ctx) { context in
        let connection = context.connection(of: fd)
        if let connection { context.setKind(kind, of: connection) }
        return connection != nil
    }
    return isFound == true ? 0 : -1
}

// MARK: Snapshots

@c @implementation public func ipc_ctx_status_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ connections: Ref<Int>?, _ messages: Ref<Int>?)
{
    answer(result) { () throws(IPCError) in
        let (entries, waiting) = try withKnownContext(ctx) { ($0.view.count, $0.waitingMessages) } ?? (0, 0)
        connections?.pointee = entries
        messages?.pointee = waiting
    }
}

@c @implementation public func ipc_ctx_entry_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32, _ entry: Ref<ipc_entry>) {
    answer(result, ctx) { context throws(IPCError) in context.describe(try context.entry(fd), in: entry) }
}

@c @implementation
public func ipc_ctx_entries_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ entries: Ref<Ref<ipc_entry>?>, _ count: Ref<Int>) {
    (entries.pointee, count.pointee) = (nil, 0)
    answer(result, ctx) { context throws(IPCError) in
        let total = context.connections.count
        guard total > 0 else { return }
        let list = try allocate(total * MemoryLayout<ipc_entry>.stride).bindMemory(to: ipc_entry.self, capacity: total)
        for index in 0..<total { context.describe(context.connections[index], in: list + index) }
        (entries.pointee, count.pointee) = (list, total)
    }
}

@c @implementation public func ipc_ctx_release_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>) {
    // When another thread has freed the context, this thread has no lease any more.
    _ = try? withKnownContext(ctx) { context in
        guard let lease = context.leases.find(libipc_this_thread()) else { return }
        context.end(lease)
        context.alert(nil)
    }
}

extension PublicContext {
    /// Messages that are not sent yet, or not told of.
    fileprivate var waitingMessages: Int {
        mutating get {
            if !settings.isSet { return view.messageCount + untold }
            // Where TX is left out, or was, the program's list has not all of them.
            var total = untold
            for index in 0..<connections.count { total += connections[index].pointee.stream?.pointee.pendingFrames ?? 0 }
            return total
        }
    }

    /// Mutating, because Swift 6.3 copies a context that is only borrowed to the stack.
    @inline(never)
    fileprivate mutating func describe(_ connection: ConnectionReference, in entry: Ref<ipc_entry>) {
        let index = connection.pointee.index
        memset(entry, 0, MemoryLayout<ipc_entry>.size)
        entry.pointee.fd = connection.pointee.number
        entry.pointee.type = ipc_connection_type(rawValue: view.kind(at: index).rawValue)
        entry.pointee.pending = UInt32(truncatingIfNeeded: connection.pointee.stream?.pointee.pendingFrames ?? 0)
        // Cut where it does not fit; the last byte stays zero.
        if let path = view.path(at: index) { strncpy(libipc_entry_path(entry), path, MemoryLayout.size(ofValue: entry.pointee.path) - 1) }
    }
}
