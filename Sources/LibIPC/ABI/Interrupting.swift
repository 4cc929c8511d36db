// Interrupting.swift - ipc_close_all and ipc_ctx_free in a signal handler that has interrupted another call of its thread.
//
// The interrupted call may have left any list half changed, and may hold the lock of the context, or another one
// (handlers.c). Two things are consistent at any instruction: the table of descriptors, whose entries point to connections that exist,
// and the public array of a context. The handler takes the descriptors and socket files of the context from these alone. The rest of
// the work is marked as pending, and the interrupted call does it when it ends, so the program may go on after its handler. Nothing
// here allocates or frees memory.
//
// An inconsistent context (process.c) is closed in the same way; the rest of the work is never done there.

enum Interrupting {
    /// The monitor of a context that an ordinary call must not enter: this thread was interrupted inside, or the context is inconsistent.
    /// Else nil, also where the struct ipc_ctx is empty, or a stale copy. Reads what the lock guards only if this thread is inside, or
    /// alone.
    @inline(never)
    private static func bypassedMonitor(of ctx: Ref<ipc_ctx>) -> MonitorReference? {
        libipc_current_changes()
        guard let array = libipc_array(ctx), let monitor = libipc_monitor_of(array) else { return nil }
        if monitor.pointee.is_inconsistent != 0 { return monitor }
        return libipc_is_interrupting(monitor) != 0 && monitor.pointee.array == array ? monitor : nil
    }

    // MARK: In the handler

    /// - Returns: false: nothing was done, and an ordinary call can do it.
    static func closeAll(_ ctx: Ref<ipc_ctx>) -> Bool {
        guard let monitor = bypassedMonitor(of: ctx) else { return false }
        let isLocked = libipc_try_lock(monitor) != 0
        closeDescriptors(of: monitor)
        if monitor.pointee.is_inconsistent == 0 { libipc_leave_pending(monitor, CInt(LIBIPC_CLOSE)) }
        if isLocked { monitor.unlock() }
        return true
    }

    /// - Returns: false: nothing was done, and an ordinary call can do it.
    static func free(_ ctx: Ref<ipc_ctx>) -> Bool {
        guard let monitor = bypassedMonitor(of: ctx) else { return false }
        let isLocked = libipc_try_lock(monitor) != 0
        // Another thread has the lock and does not release it: the context stays.
        guard isLocked || libipc_has_lock(monitor) != 0 || monitor.pointee.is_inconsistent != 0 else { return true }
        (monitor.pointee.array, monitor.pointee.freed_by) = (nil, libipc_this_thread())
        // The interrupted call may be using the table of pairs: its memory stays.
        libipc_publish(ctx, nil, nil, 0, ipc_switchings())
        libipc_publish_messages(ctx, ipc_messages())
        if monitor.pointee.is_inconsistent == 0 { libipc_leave_pending(monitor, CInt(LIBIPC_FREE)) }
        if isLocked { monitor.unlock() }
        return true
    }

    private static func closeDescriptors(of monitor: MonitorReference) {
        var dead: Int32 = -1
        for descriptor in 0..<libipc_end_of_table() {
            guard let found = libipc_stream_of(descriptor, monitor) else { continue }
            let stream = found.assumingMemoryBound(to: Stream.self)
            guard let connection = stream.pointee.connection?.assumingMemoryBound(to: Connection.self) else { continue }
            let index = connection.pointee.index
            if monitor.context.pointee.view.kind(at: index) == .external { continue }
            let file = connection.pointee.server?.pointee.file
            if let path = monitor.context.pointee.view.path(at: index), let file, file.isOurs(at: path, of: descriptor) {
                unlink(path)
            }
            if monitor.pointee.is_inconsistent == 0 { libipc_replace_by_dead(descriptor, &dead) } else { close(descriptor) }
        }
        if dead >= 0 { close(dead) }
    }

    // MARK: When the interrupted call ends

    /// Does the pending work of all contexts.
    /// - Parameter ctx: of the call that ends, which may have published again into a structure that a handler had emptied.
    @inline(never)
    static func carryOutAll(_ ctx: Ref<ipc_ctx>?) {
        libipc_nothing_pending()
        var next = libipc_newest_monitor()
        while let monitor = next {
            next = monitor.pointee.earlier
            if libipc_is_pending(monitor) == 0 { continue }
            guard libipc_enter(monitor, libipc_stack_address()) != 0 else {
                // This call is made in a handler. The call that the handler has interrupted does it.
                libipc_something_pending()
                continue
            }
            carryOut(monitor, ctx)
            libipc_leave(monitor)
        }
    }

    private static func carryOut(_ monitor: MonitorReference, _ ctx: Ref<ipc_ctx>?) {
        let pending = libipc_take_pending(monitor)
        let isOfCall = ctx.flatMap { libipc_array($0) }.flatMap { libipc_monitor_of($0) } == monitor
        if pending & CInt(LIBIPC_CLOSE) != 0 {
            monitor.context.pointee.closeAll()
            if let ctx, isOfCall {
                if monitor.context.pointee.view.enter(ctx) { monitor.context.pointee.noticeLater() }
                monitor.context.pointee.view.leave(ctx)
            }
        }
        guard pending & CInt(LIBIPC_FREE) != 0 else { return }
        if let ctx, isOfCall {
            libipc_publish(ctx, nil, nil, 0, ipc_switchings())
            libipc_publish_messages(ctx, ipc_messages())
        }
        ContextLock.free(monitor)
    }
}
