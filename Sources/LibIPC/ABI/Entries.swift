// Entries.swift - exports: what a context watches.

@c @implementation
public func libipc_add(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32, _ type: ipc_connection_type, _ spath: Ref<CChar>?) {
    let kind = ConnectionKind(rawValue: type.rawValue) ?? .external
    answer(result, ctx) { context throws(IPCError) in try context.add(fd, kind, socketPath: spath) }
}

@c @implementation public func ipc_del_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    answer(result, try withEntry(ctx, index) { context, connection throws(IPCError) in context.delete(connection) })
}

@c @implementation public func ipc_del_fd_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32) {
    answer(result, ctx) { context throws(IPCError) in
        let code = IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT
        context.delete(try context.connection(of: fd).orThrow(code, "descriptor \(fd) is not in this context"))
    }
}

extension Context where Entries: ~Copyable {
    /// With the last entry everything goes, the limit for queues too.
    fileprivate mutating func delete(_ connection: ConnectionReference) {
        remove(connection, keeping: true)
        if roster.count == 0 { queueLimit = nil }
    }
}

@c @implementation public func ipc_ctx_fd_type(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ type: ipc_connection_type) -> Int32 {
    guard let ctx, let kind = ConnectionKind(rawValue: type.rawValue) else { return -1 }
    let isFound = try? withContext(ctx) { context throws(IPCError) in
        let connection = context.connection(of: fd)
        if let connection { context.setKind(kind, of: connection) }
        return connection != nil
    }
    return isFound == true ? 0 : -1
}
