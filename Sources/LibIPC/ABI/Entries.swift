// Entries.swift - exports: what a context watches.

import CLibIPC

@c @implementation
public func ipc_add_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ ctx: UnsafeMutablePointer<ipc_ctx>?,
    _ cinfo: UnsafeMutablePointer<ipc_connection_info>?, _ pollfd: UnsafeMutablePointer<pollfd>?
) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_ADD__NO_PARAM_CLIENTS, "no context")
        let info = try require(cinfo, IPC_ERROR_ADD__NO_PARAM_CLIENT, "no connection")
        let polled = try require(pollfd, IPC_ERROR_ADD__NO_PARAM_POLLFD, "no descriptor")
        try withContext(ctx) { context throws(IPCError) in
            try context.reserveEntry()
            context.roster.nextSocketPath = info.pointee.spath
            try context.add(polled.pointee.fd, ConnectionKind(rawValue: info.pointee.type.rawValue) ?? .external)
        }
    }
}

@c @implementation
public func ipc_add_fd_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32
) {
    answer(result) { () throws(IPCError) in try add(ctx, fd, .external) }
}

@c @implementation
public func ipc_add_fd_switched_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32
) {
    answer(result) { () throws(IPCError) in try add(ctx, fd, .switched) }
}

private func add(_ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32, _ kind: ConnectionKind) throws(IPCError) {
    let ctx = try require(ctx, IPC_ERROR_ADD_FD__NO_PARAM_CINFOS, "no context")
    try withContext(ctx) { context throws(IPCError) in try context.add(fd, kind) }
}

@c @implementation
public func ipc_del_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ index: UInt32
) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_DEL__NO_CLIENTS_PARAM, "no context")
        guard ctx.pointee.size > 0 else { throw IPCError(IPC_ERROR_DEL__EMPTY_LIST, "the context is empty") }
        try withEntry(ctx, index) { context, index in context.remove(index, closing: false) }
    }
}

@c @implementation
public func ipc_del_fd_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32
) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_DEL_FD__NO_PARAM_CINFOS, "no context")
        guard ctx.pointee.size > 0 else { throw IPCError(IPC_ERROR_DEL_FD__EMPTY_LIST, "the context is empty") }
        try withContext(ctx) { context throws(IPCError) in
            guard let index = context.position(of: fd) else {
                throw IPCError(IPC_ERROR_DEL_FD__CANNOT_FIND_CLIENT, "not in this context:", .descriptor(fd))
            }
            context.remove(index, closing: false)
        }
    }
}

@c @implementation
public func ipc_ctx_fd_type(_ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32, _ type: ipc_connection_type) -> Int32 {
    guard let ctx, PublicRoster.context(behind: ctx) != nil, let kind = ConnectionKind(rawValue: type.rawValue) else {
        return -1
    }
    let found = try? withContext(ctx) { context throws(IPCError) in
        guard let index = context.position(of: fd) else { return false }
        try context.setKind(kind, at: index)
        return true
    }
    return found == true ? 0 : -1
}
