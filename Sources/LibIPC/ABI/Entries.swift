// Entries.swift - exports: what a context watches.

import CLibIPC

@c @implementation
public func ipc_add_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ cinfo: Ref<ipc_connection_info>, _ pollfd: Ref<pollfd>) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_ADD__NO_PARAM_CLIENTS, "no context")
        let info = try require(cinfo, IPC_ERROR_ADD__NO_PARAM_CLIENT, "no connection").pointee
        let descriptor = try require(pollfd, IPC_ERROR_ADD__NO_PARAM_POLLFD, "no descriptor").pointee.fd
        try withContext(ctx) { context throws(IPCError) in
            try context.add(descriptor, ConnectionKind(rawValue: info.type.rawValue) ?? .external, socketPath: info.spath)
        }
    }
}

@c @implementation public func ipc_add_fd_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32) {
    answer(result, ctx, missing: IPC_ERROR_ADD_FD__NO_PARAM_CINFOS) { context throws(IPCError) in try context.add(fd, .external) }
}

@c @implementation public func ipc_add_fd_switched_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32) {
    answer(result, ctx, missing: IPC_ERROR_ADD_FD__NO_PARAM_CINFOS) { context throws(IPCError) in try context.add(fd, .switched) }
}

@c @implementation public func ipc_del_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_DEL__NO_CLIENTS_PARAM, "no context")
        try check(ctx.pointee.size > 0, IPC_ERROR_DEL__EMPTY_LIST, "the context is empty")
        try withEntry(ctx, index) { context, connection throws(IPCError) in delete(connection, &context) }
    }
}

@c @implementation public func ipc_del_fd_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ fd: Int32) {
    answer(result, ctx, missing: IPC_ERROR_DEL_FD__NO_PARAM_CINFOS) { context throws(IPCError) in
        try check(context.roster.count > 0, IPC_ERROR_DEL_FD__EMPTY_LIST, "the context is empty")
        guard let connection = context.connection(of: fd) else {
            throw IPCError(IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT, "descriptor \(fd) is not in this context")
        }
        delete(connection, &context)
    }
}

/// With the last entry everything goes, the limit for queues too.
private func delete(_ connection: ConnectionReference, _ context: inout PublicContext) {
    context.remove(connection, closing: false, keeping: true)
    if context.roster.count == 0 { context.queueLimit = nil }
}

@c @implementation public func ipc_ctx_fd_type(_ ctx: Ref<ipc_ctx>, _ fd: Int32, _ type: ipc_connection_type) -> Int32 {
    guard let ctx, let kind = ConnectionKind(rawValue: type.rawValue) else { return -1 }
    let found: Int32? = try? withContext(ctx) { context throws(IPCError) in
        guard let connection = context.connection(of: fd) else { return -1 }
        context.setKind(kind, of: connection)
        return 0
    }
    return found ?? -1
}
