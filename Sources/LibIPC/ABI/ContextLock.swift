// ContextLock.swift - from a struct ipc_ctx to its context, and back: a thread inside a context, with its lock.
//
// A visit begins with the lock and ends by publishing what has changed. On the way the thread may let go of the lock, to wait or
// to call the program; the context may be freed meanwhile, and the memory of the struct ipc_ctx with it.

extension UnsafeMutablePointer where Pointee == libipc_monitor {
    /// What lies behind the monitor, while something leads to it.
    var context: Ref<PublicContext> { UnsafeMutableRawPointer(self + 1).assumingMemoryBound(to: PublicContext.self) }
}

struct ContextLock: ~Copyable {
    /// First, because ThreadSanitizer takes any access to this structure for one to what its first field leads to: this is guarded.
    let context: Ref<PublicContext>
    let monitor: MonitorReference
    let ctx: Ref<ipc_ctx>
    private let generation: UInt32

    /// - Parameter monitor: entered.
    private init(_ ctx: Ref<ipc_ctx>, _ monitor: MonitorReference) {
        (context, self.monitor, self.ctx, generation) = (monitor.context, monitor, ctx, monitor.pointee.generation)
        context.pointee.view.enter(ctx)
        context.pointee.call &+= 1
    }

    /// Makes the context if there is none.
    @inline(__always)
    init(_ ctx: Ref<ipc_ctx>) throws(IPCError) {
        let monitor = if let found = try ContextLock.find(ctx) { found } else { try ContextLock.make(ctx) }
        self.init(ctx, monitor)
    }

    /// Only where there is one.
    /// - Parameter inside: the call has another lock already.
    @inline(__always)
    init?(known ctx: Ref<ipc_ctx>, inside: Bool = false) throws(IPCError) {
        guard let monitor = try ContextLock.find(ctx, inside: inside) else { return nil }
        self.init(ctx, monitor)
    }

    @inline(__always)
    deinit {
        if libipc_may_leave_at_once(monitor) == 0 { return leave() }
        finish()
        libipc_leave_at_once(monitor)
        if libipc_anything_pending() != 0 { Interrupting.carryOutAll(ctx) }
    }

    @inline(never)
    private func leave() {
        if isGone { ContextLock.putAwayIfLast(monitor) } else { finish() }
        libipc_leave(monitor)
        if libipc_anything_pending() != 0 { Interrupting.carryOutAll(ctx) }
    }

    /// The context was freed meanwhile: neither it nor the struct ipc_ctx may be touched.
    var isGone: Bool { monitor.pointee.generation != generation }

    /// Throws in a signal handler that has interrupted another call (threads.c).
    /// - Parameter frame: of the call.
    static func enter(_ monitor: MonitorReference, _ frame: UInt, inside: Bool = false) throws(IPCError) {
        if inside { return libipc_enter_from_inside(monitor, frame) }
        guard libipc_enter(monitor, frame) != 0 else {
            throw IPCError(IPC_ERROR_CONTEXT__CALLED_IN_HANDLER, "a signal handler has interrupted another call of its thread")
        }
    }

    @inline(__always)
    private func finish() {
        context.pointee.view.publish(ctx)
        if context.pointee.view.count == 0, context.pointee.queueLimit == nil, monitor.pointee.absent == 0 {
            // When no entry is left all is freed.
            ContextLock.dissolve(ctx, monitor, byProgram: false)
        } else if context.pointee.waiting > 0 {
            context.pointee.alert(context.pointee.leases.find(libipc_this_thread()))
        }
    }

    // MARK: Finding and making

    static func isEmpty(_ ctx: Ref<ipc_ctx>) -> Bool { libipc_array(ctx).flatMap { libipc_way_back($0) } == nil }

    /// Enters the monitor of a struct ipc_ctx; nil when that is zeroed. Throws when the context is freed before this call has the
    /// lock.
    @inline(__always)
    private static func find(_ ctx: Ref<ipc_ctx>, inside: Bool = false) throws(IPCError) -> MonitorReference? {
        guard let array = libipc_array(ctx), let monitor = libipc_way_back(array) else { return nil }
        let isFound = libipc_is_alone() != 0 && monitor.pointee.array == array && libipc_enter_at_once(monitor) != 0
        return isFound ? monitor : try findAmongOthers(ctx, libipc_frame(), inside)
    }

    @inline(never)
    private static func findAmongOthers(_ ctx: Ref<ipc_ctx>, _ frame: UInt, _ inside: Bool) throws(IPCError) -> MonitorReference? {
        func leads(_ array: UnsafeMutableRawPointer, to monitor: MonitorReference) -> Bool {
            libipc_array(ctx) == array && libipc_way_back(array) == monitor
        }
        while let array = libipc_array(ctx), let monitor = libipc_way_back(array) {
            libipc_arrive(monitor)
            // What it leads to now stays in front of the same context until this thread has been there.
            let generation = leads(array, to: monitor) ? libipc_generation(monitor) : nil
            try undoing(libipc_has_arrived(monitor), try enter(monitor, frame, inside: inside))
            libipc_has_arrived(monitor)
            // The memory of the struct ipc_ctx may be gone then.
            let isFreed = generation != nil && generation != monitor.pointee.generation
            // Meanwhile the array may have moved; or the context was emptied.
            let isSame = !isFreed && leads(array, to: monitor)
            if isSame, monitor.pointee.array == array { return monitor }
            putAwayIfLast(monitor)
            libipc_leave(monitor)
            if isFreed { throw lost }
            if monitor.pointee.is_torn != 0 { throw torn }
            // Nothing has happened: the structure is a copy that was left behind.
            if isSame { return nil }
        }
        return nil
    }

    @inline(never)
    private static func make(_ ctx: Ref<ipc_ctx>) throws(IPCError) -> MonitorReference {
        let births = libipc_births()
        try enter(births, libipc_frame())
        defer { libipc_leave(births) }
        // Another thread may have come first.
        if let monitor = try find(ctx, inside: true) { return monitor }
        guard let monitor = libipc_take_monitor(MemoryLayout<libipc_monitor>.stride + MemoryLayout<PublicContext>.stride) else {
            throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "make a context", systemError: ENOMEM)
        }
        libipc_enter_from_inside(monitor, libipc_frame())
        monitor.context.initialize(to: PublicContext(view: PublicArrays(monitor: monitor), monitor: monitor))
        do throws(IPCError) { try monitor.context.pointee.reserveEntry() } catch {
            putAway(monitor)
            libipc_leave(monitor)
            throw error
        }
        // From here on others find it, and wait for the lock.
        monitor.context.pointee.view.enter(ctx)
        monitor.context.pointee.view.publish(ctx)
        return monitor
    }

    /// Once no thread comes, or comes back, to a context that is gone.
    static func putAwayIfLast(_ monitor: MonitorReference) {
        if monitor.pointee.is_awaited != 0, monitor.pointee.absent == 0, libipc_arriving(monitor) == 0 { putAway(monitor) }
    }

    private static func putAway(_ monitor: MonitorReference) {
        monitor.context.deinitialize(count: 1)
        (monitor.pointee.array, monitor.pointee.is_awaited, monitor.pointee.pending) = (nil, 0, 0)
        libipc_put_away_monitor(monitor)
    }

    // MARK: Freeing

    /// As ipc_ctx_free does.
    static func free(_ ctx: Ref<ipc_ctx>) {
        if Interrupting.free(ctx) { return }
        do throws(IPCError) {
            if try dissolve(ctx) { return }
            // Nobody makes a context here meanwhile.
            let births = libipc_births()
            try enter(births, libipc_frame())
            defer { libipc_leave(births) }
            if try !dissolve(ctx, inside: true) { clear(ctx) }
        } catch { /* Another thread has freed it. */  }
    }

    @inline(never)
    private static func dissolve(_ ctx: Ref<ipc_ctx>, inside: Bool = false) throws(IPCError) -> Bool {
        guard let monitor = try find(ctx, inside: inside) else { return false }
        dissolve(ctx, monitor, byProgram: true)
        libipc_leave(monitor)
        return true
    }

    @inline(never)
    private static func dissolve(_ ctx: Ref<ipc_ctx>, _ monitor: MonitorReference, byProgram: Bool) {
        (monitor.pointee.array, monitor.pointee.freed_by) = (nil, libipc_this_thread())
        if byProgram { libipc_end_generation(monitor) }
        clear(ctx)
        dissolve(monitor)
    }

    /// From here on no pointer leads to the context.
    static func dissolve(_ monitor: MonitorReference) {
        monitor.context.pointee.dissolve()
        monitor.pointee.is_awaited = 1
        putAwayIfLast(monitor)
        if monitor.pointee.is_awaited == 0 { return }
        // Threads wait in it, or for it: they find that it is gone.
        monitor.wakeAll()
        monitor.context.pointee.poller.wake()
    }

    private static func clear(_ ctx: Ref<ipc_ctx>) {
        var switchings = libipc_switchings(ctx)
        switchings.clear()
        libipc_publish(ctx, nil, nil, 0, ipc_messages(), switchings)
    }

    // MARK: Letting go of the lock

    /// Runs `body` without the lock. Afterwards the context may be gone.
    mutating func open<Result>(_ body: () throws(IPCError) -> Result) throws(IPCError) -> Result {
        let monitor = monitor
        let busy = goOut()
        monitor.unlock()
        // A thread that were cancelled would not come back.
        let before = libipc_forbid_cancelling()
        defer {
            libipc_allow_cancelling(before)
            monitor.lock()
            comeBack(busy)
        }
        return try body()
    }

    /// Waits until another thread has something to tell, for so many milliseconds. Afterwards the context may be gone.
    mutating func rest(_ milliseconds: Int32) {
        let monitor = monitor
        let busy = goOut()
        libipc_wait_for_change(monitor, milliseconds)
        comeBack(busy)
    }

    private func goOut() -> UInt {
        context.pointee.view.publish(ctx)
        return libipc_go_out(monitor)
    }

    private func comeBack(_ busy: UInt) {
        libipc_come_back(monitor, busy)
        if !isGone { context.pointee.view.enter(ctx) }
    }

    /// Another thread has freed the context, and not this one in a callback.
    var isLost: Bool { isGone && monitor.pointee.freed_by != libipc_this_thread() }

    static var lost: IPCError { IPCError(IPC_ERROR_WAIT_EVENT__CONTEXT_FREED, "another thread has freed the context") }

    static var torn: IPCError {
        IPCError(IPC_ERROR_CONTEXT__CALLED_IN_HANDLER, "this child was made while another thread changed the context")
    }
}

/// The same as `withContext` where there is a context; otherwise nil.
/// - Parameter inside: see `ContextLock`.
func withKnownContext<Result>(
    _ ctx: Ref<ipc_ctx>, inside: Bool = false, _ body: (inout PublicContext) -> Result
) throws(IPCError) -> Result? {
    guard let visit = try ContextLock(known: ctx, inside: inside) else { return nil }
    try? visit.context.pointee.catchUp()
    return body(&visit.context.pointee)
}

/// A thread has ended: what it had in hand may go to others.
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
