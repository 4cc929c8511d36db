// Entries.swift - exports: what a context watches.

import CLibIPC

@c @implementation
public func ipc_add_into(_ result: Ref<ipc_error>, _ ctx: Ref<ipc_ctx>, _ cinfo: Ref<ipc_connection_info>, _ pollfd: Ref<pollfd>) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_ADD__NO_PARAM_CLIENTS, "no context")
        let info = try require(cinfo, IPC_ERROR_ADD__NO_PARAM_CLIENT, "no connection")
        let polled = try require(pollfd, IPC_ERROR_ADD__NO_PARAM_POLLFD, "no descriptor")
        let kind = ConnectionKind(rawValue: info.pointee.type.rawValue) ?? .external
        try withContext(ctx) { context throws(IPCError) in
            try context.add(polled.pointee.fd, kind, socketPath: info.pointee.spath)
        }
    }
}

@c @implementation
public func ipc_add_fd_into(_ result: Ref<ipc_error>, _ ctx: Ref<ipc_ctx>, _ fd: Int32) { add(result, ctx, fd, .external) }

@c @implementation
public func ipc_add_fd_switched_into(_ result: Ref<ipc_error>, _ ctx: Ref<ipc_ctx>, _ fd: Int32) { add(result, ctx, fd, .switched) }

private func add(_ result: Ref<ipc_error>, _ ctx: Ref<ipc_ctx>, _ fd: Int32, _ kind: ConnectionKind) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_ADD_FD__NO_PARAM_CINFOS, "no context")
        try withContext(ctx) { context throws(IPCError) in try context.add(fd, kind) }
    }
}

@c @implementation
public func ipc_del_into(_ result: Ref<ipc_error>, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_DEL__NO_CLIENTS_PARAM, "no context")
        guard ctx.pointee.size > 0 else { throw IPCError(IPC_ERROR_DEL__EMPTY_LIST, "the context is empty") }
        try withEntry(ctx, index) { context, connection throws(IPCError) in context.remove(connection, closing: false) }
    }
}

@c @implementation
public func ipc_del_fd_into(_ result: Ref<ipc_error>, _ ctx: Ref<ipc_ctx>, _ fd: Int32) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_DEL_FD__NO_PARAM_CINFOS, "no context")
        guard ctx.pointee.size > 0 else { throw IPCError(IPC_ERROR_DEL_FD__EMPTY_LIST, "the context is empty") }
        try withContext(ctx) { context throws(IPCError) in
            guard let connection = context.connection(of: fd) else {
                throw IPCError(IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT, "not in this context:", .descriptor(fd))
            }
            context.remove(connection, closing: false)
        }
    }
}

@c @implementation
public func ipc_ctx_fd_type(_ ctx: Ref<ipc_ctx>, _ fd: Int32, _ type: ipc_connection_type) -> Int32 {
    guard let ctx, PublicRoster.context(behind: ctx) != nil, let kind = ConnectionKind(rawValue: type.rawValue) else { return -1 }
    let found = try? withContext(ctx) { context throws(IPCError) in
        guard let connection = context.connection(of: fd) else { return false }
        context.setKind(kind, of: connection)
        return true
    }
    return found == true ? 0 : -1
}
