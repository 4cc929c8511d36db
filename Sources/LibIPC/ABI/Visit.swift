// Visit.swift - from a struct ipc_ctx to its context, and back: a thread inside a context, with its lock.
//
// A visit begins with the lock and ends by publishing what has changed. On the way the thread may let go of the lock, to wait or
// to call the program; the context may be freed meanwhile, and the memory of the struct ipc_ctx with it.

extension UnsafeMutablePointer where Pointee == libipc_monitor {
    /// What lies behind the monitor, while something leads to it.
    var context: Ref<PublicContext> { UnsafeMutableRawPointer(self + 1).assumingMemoryBound(to: PublicContext.self) }
}

struct Visit: ~Copyable {
    /// First, because ThreadSanitizer takes any access to this structure for one to what its first field leads to: this is guarded.
    let context: Ref<PublicContext>
    let monitor: MonitorReference
    let ctx: Ref<ipc_ctx>
    private let generation: UInt32
    /// The context was freed while the lock was let go of: neither it nor the struct ipc_ctx may be touched.
    private(set) var isGone = false

    /// - Parameter monitor: locked.
    private init(_ ctx: Ref<ipc_ctx>, _ monitor: MonitorReference) {
        (context, self.monitor, self.ctx, generation) = (monitor.context, monitor, ctx, monitor.pointee.generation)
        context.pointee.roster.enter(ctx)
        context.pointee.call &+= 1
    }

    /// Makes the context if there is none.
    @inline(__always)
    init(_ ctx: Ref<ipc_ctx>) throws(IPCError) {
        let monitor = if let found = try Visit.find(ctx) { found } else { try Visit.make(ctx) }
        self.init(ctx, monitor)
    }

    /// Only where there is one.
    @inline(__always)
    init?(known ctx: Ref<ipc_ctx>) throws(IPCError) {
        guard let monitor = try Visit.find(ctx) else { return nil }
        self.init(ctx, monitor)
    }

    @inline(__always)
    deinit {
        if !isGone { finish() }
        monitor.unlock()
    }

    @inline(__always)
    private func finish() {
        context.pointee.roster.publish(ctx)
        if context.pointee.roster.count == 0, context.pointee.queueLimit == nil, monitor.pointee.absent == 0 {
            // When no entry is left all is freed.
            Visit.dissolve(ctx, monitor, byProgram: false)
        } else if context.pointee.waiting > 0 {
            context.pointee.alert(context.pointee.seats.find(libipc_this_thread()))
        }
    }

    // MARK: Finding and making

    static func isEmpty(_ ctx: Ref<ipc_ctx>) -> Bool { libipc_array(ctx).flatMap { libipc_way_back($0) } == nil }

    /// The monitor behind a struct ipc_ctx, locked; nil when that is as if zeroed. Throws when it is freed before the lock is had.
    @inline(__always)
    private static func find(_ ctx: Ref<ipc_ctx>) throws(IPCError) -> MonitorReference? {
        guard let array = libipc_array(ctx), let monitor = libipc_way_back(array) else { return nil }
        return libipc_is_alone() != 0 && monitor.pointee.array == array ? monitor : try findAmongOthers(ctx)
    }

    @inline(never)
    private static func findAmongOthers(_ ctx: Ref<ipc_ctx>) throws(IPCError) -> MonitorReference? {
        func leads(_ array: UnsafeMutableRawPointer, to monitor: MonitorReference) -> Bool {
            libipc_array(ctx) == array && libipc_way_back(array) == monitor
        }
        while let array = libipc_array(ctx), let monitor = libipc_way_back(array) {
            libipc_arrive(monitor)
            // What it leads to now stays in front of the same context until this thread has been there.
            let generation = leads(array, to: monitor) ? libipc_generation(monitor) : nil
            monitor.lock()
            libipc_has_arrived(monitor)
            // The memory of the struct ipc_ctx may be gone then.
            let isFreed = generation != nil && generation != monitor.pointee.generation
            // Meanwhile the array may have moved; or the context was emptied.
            let isSame = !isFreed && leads(array, to: monitor)
            if isSame, monitor.pointee.array == array { return monitor }
            putAwayIfLast(monitor)
            monitor.unlock()
            if isFreed { throw lost }
            // Nothing has happened: the structure is a copy that was left behind.
            if isSame { return nil }
        }
        return nil
    }

    @inline(never)
    private static func make(_ ctx: Ref<ipc_ctx>) throws(IPCError) -> MonitorReference {
        let births = libipc_births()
        births.lock()
        defer { births.unlock() }
        // Another thread may have come first.
        if let monitor = try find(ctx) { return monitor }
        guard let monitor = libipc_take_monitor(MemoryLayout<libipc_monitor>.stride + MemoryLayout<PublicContext>.stride) else {
            throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "make a context", systemError: ENOMEM)
        }
        monitor.lock()
        monitor.context.initialize(to: PublicContext(roster: PublicRoster(monitor: monitor), monitor: monitor))
        do throws(IPCError) { try monitor.context.pointee.reserveEntry() } catch {
            putAway(monitor)
            monitor.unlock()
            throw error
        }
        // From here on others find it, and wait for the lock.
        monitor.context.pointee.roster.enter(ctx)
        monitor.context.pointee.roster.publish(ctx)
        return monitor
    }

    /// Once no thread comes, or comes back, to a context that is gone.
    private static func putAwayIfLast(_ monitor: MonitorReference) {
        if monitor.pointee.is_awaited != 0, monitor.pointee.absent == 0, libipc_arriving(monitor) == 0 { putAway(monitor) }
    }

    private static func putAway(_ monitor: MonitorReference) {
        monitor.context.deinitialize(count: 1)
        (monitor.pointee.array, monitor.pointee.is_awaited) = (nil, 0)
        libipc_put_away_monitor(monitor)
    }

    // MARK: Freeing

    /// As ipc_ctx_free does.
    static func free(_ ctx: Ref<ipc_ctx>) {
        do throws(IPCError) {
            if try dissolve(ctx) { return }
            // Nobody makes a context here meanwhile.
            try libipc_births().locked { () throws(IPCError) in if try !dissolve(ctx) { clear(ctx) } }
        } catch { /* Another thread has freed it. */  }
    }

    private static func dissolve(_ ctx: Ref<ipc_ctx>) throws(IPCError) -> Bool {
        guard let monitor = try find(ctx) else { return false }
        dissolve(ctx, monitor, byProgram: true)
        monitor.unlock()
        return true
    }

    private static func dissolve(_ ctx: Ref<ipc_ctx>, _ monitor: MonitorReference, byProgram: Bool) {
        monitor.context.pointee.dissolve()
        (monitor.pointee.array, monitor.pointee.freed_by) = (nil, libipc_this_thread())
        if byProgram { libipc_end_generation(monitor) }
        clear(ctx)
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
        goOut()
        monitor.unlock()
        // A thread that were cancelled would not come back.
        let before = libipc_forbid_cancelling()
        defer {
            libipc_allow_cancelling(before)
            monitor.lock()
            comeBack()
        }
        return try body()
    }

    /// Waits until another thread has something to tell, for so many milliseconds. Afterwards the context may be gone.
    mutating func rest(_ milliseconds: Int32) {
        let monitor = monitor
        goOut()
        libipc_wait_for_change(monitor, milliseconds)
        comeBack()
    }

    private func goOut() {
        context.pointee.roster.publish(ctx)
        monitor.pointee.absent += 1
    }

    private mutating func comeBack() {
        // None is left after a fork in a callback.
        if monitor.pointee.absent > 0 { monitor.pointee.absent -= 1 }
        isGone = monitor.pointee.generation != generation
        if !isGone {
            context.pointee.roster.enter(ctx)
        } else {
            Visit.putAwayIfLast(monitor)
        }
    }

    /// Another thread has freed the context, and not this one in a callback.
    var isLost: Bool { isGone && monitor.pointee.freed_by != libipc_this_thread() }

    static var lost: IPCError { IPCError(IPC_ERROR_WAIT_EVENT__CONTEXT_FREED, "another thread has freed the context") }
}

/// The same as `withContext` where there is a context; otherwise nil.
func withKnownContext<Result>(_ ctx: Ref<ipc_ctx>, _ body: (inout PublicContext) -> Result) throws(IPCError) -> Result? {
    guard let visit = try Visit(known: ctx) else { return nil }
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
