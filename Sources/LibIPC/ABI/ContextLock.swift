// ContextLock.swift - a call inside the context of a struct ipc_ctx, with its lock: looks the context up, makes it, frees it.
//
// A call begins with the lock and ends by publishing what has changed. In between it may release the lock, to wait or to call the
// program. The context may be freed meanwhile, and the memory of the struct ipc_ctx with it. The call's reference (threads.h) keeps
// the monitor, and the memory of the context, until the call ends.

extension UnsafeMutablePointer where Pointee == libipc_monitor {
    /// The context behind the monitor. The caller has a reference, or the lock.
    var context: Ref<PublicContext> { guardedContext() }

    fileprivate var isCounted: Bool { pointee.active_call & UInt(LIBIPC_COUNTED) != 0 }
}

struct ContextLock: ~Copyable {
    /// The first field, because ThreadSanitizer takes any access to this structure for one to the memory that its first field points to.
    /// The context is memory that the lock guards; the others are not.
    let context: Ref<PublicContext>
    let monitor: MonitorReference
    let ctx: Ref<ipc_ctx>

    /// - Parameter monitor: has been entered (libipc_enter).
    @inline(__always)
    private init(_ ctx: Ref<ipc_ctx>, _ monitor: MonitorReference) {
        (context, self.monitor, self.ctx) = (monitor.context, monitor, ctx)
        if context.pointee.view.enter(ctx) { context.pointee.noticeLater() }
        context.pointee.call &+= 1
    }

    /// Makes the context if there is none.
    @inline(__always)
    init(_ ctx: Ref<ipc_ctx>) throws(IPCError) {
        let monitor = if let found = try ContextLock.find(ctx) { found } else { try ContextLock.make(ctx) }
        self.init(ctx, monitor)
    }

    /// Makes no context: nil where there is none.
    /// - Parameter inside: the call has another lock already.
    @inline(__always)
    init?(known ctx: Ref<ipc_ctx>, inside: Bool = false) throws(IPCError) {
        guard let monitor = try ContextLock.find(ctx, inside: inside) else { return nil }
        self.init(ctx, monitor)
    }

    @inline(__always)
    deinit {
        if libipc_can_leave_fast(monitor) == 0 { return leave() }
        finish()
        libipc_leave_fast(monitor)
        if libipc_anything_pending() != 0 { Interrupting.carryOutAll(ctx) }
    }

    @inline(never)
    private func leave() {
        if !isFreed { finish() }
        ContextLock.leave(monitor)
        if libipc_anything_pending() != 0 { Interrupting.carryOutAll(ctx) }
    }

    /// The context was freed meanwhile: neither it nor the struct ipc_ctx may be touched.
    var isFreed: Bool { monitor.pointee.freed_by != 0 }

    /// Throws in a signal handler that has interrupted another call (handlers.c).
    /// - Parameter frame: stack address of the call (libipc_enter).
    static func enter(_ monitor: MonitorReference, _ frame: UInt, inside: Bool = false) throws(IPCError) {
        if inside { return libipc_enter_from_inside(monitor, frame) }
        guard libipc_enter(monitor, frame) != 0 else {
            throw .calledInHandler
        }
    }

    @inline(__always)
    private func finish() {
        context.pointee.view.leave(ctx)
        if context.pointee.view.count == 0, !context.pointee.isKept, isOnlyCall {
            // The last entry is gone: frees the context.
            ContextLock.clear(ctx)
            ContextLock.free(monitor)
        } else if context.pointee.isObserved {
            context.pointee.notify(context.pointee.leases.find(libipc_this_thread()))
        }
    }

    /// No other call has a reference.
    private var isOnlyCall: Bool { libipc_references(monitor) == (monitor.isCounted ? 2 : 1) }

    // MARK: Look-up

    static func isEmpty(_ ctx: Ref<ipc_ctx>) -> Bool { libipc_array(ctx).flatMap { libipc_monitor_of($0) } == nil }

    /// Enters the monitor of a struct ipc_ctx; nil when that is zeroed. Throws when the context is freed before this call has the
    /// lock.
    @inline(__always)
    private static func find(_ ctx: Ref<ipc_ctx>, inside: Bool = false) throws(IPCError) -> MonitorReference? {
        guard let array = libipc_array(ctx), let monitor = libipc_monitor_of(array) else { return nil }
        let isFound = libipc_is_alone() != 0 && monitor.pointee.array == array && libipc_enter_fast(monitor) != 0
        return isFound ? monitor : try findAmongOthers(ctx, libipc_stack_address(), inside)
    }

    @inline(never)
    private static func findAmongOthers(_ ctx: Ref<ipc_ctx>, _ frame: UInt, _ inside: Bool) throws(IPCError) -> MonitorReference? {
        while let array = libipc_array(ctx), let monitor = libipc_monitor_of(array) {
            func isSame() -> Bool { libipc_array(ctx) == array && libipc_monitor_of(array) == monitor }
            guard libipc_retain(monitor) != 0 else {
                // The structure is a copy that was left behind; or the context was freed a moment ago.
                if isSame() { return nil }
                continue
            }
            // If the structure has changed, the monitor may be another context's by now.
            guard isSame() else { release(monitor); continue }
            try undoing(release(monitor), try enter(monitor, frame | UInt(LIBIPC_COUNTED), inside: inside))
            if monitor.pointee.array == array { return monitor }
            // The memory of the struct ipc_ctx may be gone.
            let (isFreed, isInconsistent) = (monitor.pointee.freed_by != 0, monitor.pointee.is_inconsistent != 0)
            // The context is alive and has another array, and this structure is unchanged: so it is an old copy.
            let isCopy = !isFreed && isSame()
            leave(monitor)
            if isInconsistent { throw inconsistent }
            if isFreed { throw freedError }
            if isCopy { return nil }
        }
        return nil
    }

    @inline(never)
    private static func make(_ ctx: Ref<ipc_ctx>) throws(IPCError) -> MonitorReference {
        let creationLock = libipc_creation_lock()
        try enter(creationLock, libipc_stack_address())
        defer { libipc_leave(creationLock) }
        // Another thread may have come first.
        if let monitor = try find(ctx, inside: true) { return monitor }
        guard let monitor = libipc_allocate_monitor(MemoryLayout<libipc_monitor>.stride + MemoryLayout<PublicContext>.stride) else {
            throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "make a context", systemError: ENOMEM)
        }
        libipc_retain(monitor)
        libipc_enter_from_inside(monitor, libipc_stack_address() | UInt(LIBIPC_COUNTED))
        (monitor.pointee.freed_by, monitor.pointee.is_inconsistent) = (0, 0)
        monitor.pointee.life = monitor.pointee.life == UInt32.max ? 1 : monitor.pointee.life + 1
        monitor.context.initialize(to: PublicContext(view: PublicArrays(monitor: monitor), monitor: monitor))
        do throws(IPCError) { try monitor.context.pointee.reserveEntry() } catch {
            libipc_release_of_context(monitor)
            leave(monitor)
            throw error
        }
        // From here on others find it, and wait for the lock.
        if monitor.context.pointee.view.enter(ctx) { monitor.context.pointee.noticeLater() }
        monitor.context.pointee.view.leave(ctx)
        return monitor
    }

    // MARK: References

    /// Ends a call without publishing.
    static func leave(_ monitor: MonitorReference) {
        if monitor.isCounted { release(monitor) }
        libipc_leave(monitor)
    }

    private static func release(_ monitor: MonitorReference) { if libipc_release(monitor) != 0 { recycle(monitor) } }

    /// Frees the memory of a context whose monitor has no reference any more.
    @inline(never)
    private static func recycle(_ monitor: MonitorReference) {
        monitor.locked {
            monitor.context.deinitialize(count: 1)
            (monitor.pointee.array, monitor.pointee.pending) = (nil, 0)
            libipc_recycle_monitor(monitor)
        }
    }

    // MARK: Freeing

    /// Frees the context behind `ctx`, and empties the structure (ipc_ctx_free).
    static func free(_ ctx: Ref<ipc_ctx>) {
        if Interrupting.free(ctx) { return }
        do throws(IPCError) {
            if try freeFound(ctx) { return }
            // Nobody makes a context here meanwhile.
            let creationLock = libipc_creation_lock()
            try enter(creationLock, libipc_stack_address())
            defer { libipc_leave(creationLock) }
            if try !freeFound(ctx, inside: true) { clear(ctx) }
        } catch { /* Another thread has freed it. */  }
    }

    @inline(never)
    private static func freeFound(_ ctx: Ref<ipc_ctx>, inside: Bool = false) throws(IPCError) -> Bool {
        guard let monitor = try find(ctx, inside: inside) else { return false }
        monitor.pointee.freed_by = libipc_this_thread()
        clear(ctx)
        free(monitor)
        leave(monitor)
        return true
    }

    /// Frees a context to which no struct ipc_ctx leads any more. Its memory stays until the last call has ended.
    @inline(never)
    static func free(_ monitor: MonitorReference) {
        monitor.pointee.array = nil
        monitor.context.pointee.dissolve()
        if libipc_release_of_context(monitor) != 0 { return recycle(monitor) }
        // Threads that wait in it, or for its lock, find that it is gone.
        monitor.wakeAll()
        monitor.context.pointee.poller.wake()
    }

    @inline(never)
    private static func clear(_ ctx: Ref<ipc_ctx>) {
        var switchings = libipc_switchings(ctx)
        switchings.clear()
        libipc_unpublish(ctx, switchings)
    }

    // MARK: Without the lock

    /// Runs `body` without the lock. Afterwards the context may be gone.
    mutating func unlocked<Result>(_ body: () throws(IPCError) -> Result) throws(IPCError) -> Result {
        let monitor = monitor
        let active = suspend()
        monitor.unlock()
        // Cancellation would leak the call's reference.
        let before = libipc_forbid_cancelling()
        defer {
            libipc_allow_cancelling(before)
            monitor.lock()
            resume(active)
        }
        return try body()
    }

    /// Waits until another thread reports a change, for so many milliseconds. Afterwards the context may be gone.
    mutating func waitForChange(_ milliseconds: Int32) {
        let active = suspend()
        libipc_wait_for_change(monitor, milliseconds)
        resume(active)
    }

    private func suspend() -> UInt {
        context.pointee.view.leave(ctx)
        context.pointee.notifyLoop()
        return libipc_suspend(monitor)
    }

    private func resume(_ active: UInt) {
        libipc_set_active(monitor, active)
        if !isFreed { if context.pointee.view.enter(ctx) { context.pointee.noticeLater() } }
    }

    /// Runs `body`, which releases the lock. Meanwhile the call keeps the memory that it has reserved for its message: other calls must
    /// not use it up.
    @inline(never)
    mutating func unlockedWithSpare<Result>(_ body: (inout ContextLock) throws(IPCError) -> Result) throws(IPCError) -> Result {
        let spare = context.pointee.view.spare.take()
        defer { if isFreed { CLibIPC.free(spare) } else { context.pointee.view.returnSpare(spare) } }
        return try body(&self)
    }

    /// Another thread has freed the context, and not this one in a callback.
    var isFreedByOther: Bool { isFreed && monitor.pointee.freed_by != libipc_this_thread() }

    static var freedError: IPCError { IPCError(IPC_ERROR_WAIT_EVENT__CONTEXT_FREED, "another thread has freed the context") }

    static var inconsistent: IPCError {
        IPCError(IPC_ERROR_CONTEXT__CALLED_IN_HANDLER, "this child was made while another thread changed the context")
    }
}

/// A thread has ended: its leases end.
@c(libipc_thread_ended) public func threadEnded(_ thread: UInt) {
    var next = libipc_newest_monitor()
    while let monitor = next {
        monitor.locked {
            guard monitor.pointee.array != nil else { return }
            monitor.context.pointee.leave(thread)
            monitor.context.pointee.alert(nil)
        }
        next = monitor.pointee.earlier
    }
}
