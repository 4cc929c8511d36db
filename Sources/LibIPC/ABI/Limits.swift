// Limits.swift - exports since 1.2: limits of a context, who its peers are, services that were inherited, and the end of a program.

@c @implementation public func ipc_ctx_limit(_ ctx: Ref<ipc_ctx>?, _ limit: ipc_limit, _ value: Int) -> ipc_error_code {
    code(ctx) { context throws(IPCError) in
        // A size_t beyond Int's range arrives negative; -1 is the default.
        let wanted = value == -1 ? nil : value < 0 ? Int.max : value
        var isSet = false
        if let limit = Settings.Limit(rawValue: limit.rawValue) {
            // On 32 bits Int.max is a time that would be accepted.
            let isAccepted = (limit != .connectTime || value >= -1) && context.settings.set(limit, to: wanted)
            isSet = limit == .frame ? context.limitFrames(wanted ?? FrameHeader.maximumLength) : isAccepted
        }
        // Servers that wait for the end of a connection look again.
        context.retry(at: .immediate)
        try check(isSet, IPC_ERROR_CTX_LIMIT__VALUE, "limit \(limit.rawValue) cannot be \(wanted ?? -1)")
    }
}

extension PublicContext {
    fileprivate mutating func limitFrames(_ size: Int) -> Bool {
        guard size <= FrameHeader.maximumLength else { return false }
        pool.maximumPayload = UInt32(size)
        return true
    }
}

@c @implementation public func ipc_peer(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ peer: Ref<ipc_peer_info>?) -> ipc_error_code {
    code { () throws(IPCError) in
        let peer = try required(peer)
        peer.pointee = ipc_peer_info()
        peer.pointee.pidfd = -1
        try withContext(try required(ctx)) { context throws(IPCError) in
            _ = try context.entry(fd)
            try check(call: libipc_peer(fd, peer), IPC_ERROR_PEER__UNKNOWN, "ask who is at descriptor \(fd)")
        }
    }
}

@c @implementation public func ipc_ctx_add(_ ctx: Ref<ipc_ctx>?, _ sname: CText?, _ fd: Int32) -> ipc_error_code {
    code { () throws(IPCError) in
        guard let ctx else { throw IPCError(IPC_ERROR_SERVER_INIT__NO_SERVICE_PARAM, "there is no context") }
        guard let sname else { throw IPCError(IPC_ERROR_SERVER_INIT__NO_SERVER_NAME_PARAM, "there is no name") }
        let address = try Service.address(of: sname)
        var own = sockaddr_un()
        let isListening = libipc_is_listening_stream(fd, &own) != 0
        try check(isListening, IPC_ERROR_CTX_ADD__NOT_LISTENING, "descriptor \(fd) is no Unix stream socket that listens")
        // One without a path (an abstract name) gets the path that the service would have.
        let path = own.sun_path.0 != 0 ? strdup(libipc_path(&own)) : address.withPath { strdup($0) }
        guard let path else { throw IPCError(IPC_ERROR_SERVER_INIT__NOT_ENOUGH_MEMORY, "add the service \(sname)", systemError: ENOMEM) }
        try undoing(
            free(path),
            try withContext(ctx) { context throws(IPCError) in try context.add(fd, .server, socketPath: path, isInherited: true) })
        libipc_close_on_exec(fd)
    }
}

@c @implementation public func ipc_flush(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ milliseconds: Int32) -> ipc_error_code {
    code { () throws(IPCError) in try flush(try required(ctx), fd, Deadline(milliseconds: milliseconds)) }
}

@inline(never)
private func flush(_ ctx: Ref<ipc_ctx>, _ fd: Int32, _ deadline: Deadline) throws(IPCError) {
    guard var lock = try ContextLock(known: ctx) else {
        return try check(fd < 0, IPC_ERROR_CTX_ENTRY__FD_NOT_FOUND, "descriptor \(fd) is not in this context")
    }
    if fd >= 0 { _ = try lock.context.pointee.entry(fd) }
    var isDropped = false
    while true {
        try lock.context.pointee.catchUp()
        var list = DescriptorList()
        let limit = try lock.context.pointee.flush(fd < 0 ? nil : fd, &list, &isDropped)
        if limit == 0 { break }
        let remaining = deadline.remaining
        try check(remaining != 0, IPC_ERROR_FLUSH__UNSENT, "the time is up, and messages are still queued")
        let watch = list.watch
        do throws(IPCError) {
            _ = try lock.unlocked { () throws(IPCError) in try watch.wait(timeout: shorterWait(remaining, limit)) }
        } catch { throw lock.isFreed ? ContextLock.freedError : error }
        if lock.isFreed { throw ContextLock.freedError }
    }
    try check(!isDropped, IPC_ERROR_CLOSED_RECIPIENT, "a receiver has left, and its queue was dropped")
}
