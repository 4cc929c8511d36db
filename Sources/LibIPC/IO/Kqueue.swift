// Kqueue.swift - readiness by kqueue(2): FreeBSD, OpenBSD, NetBSD, macOS.
//
// Each descriptor has an EVFILT_READ as long as it is registered, level-triggered, and disabled while it is not to be read; and an
// EVFILT_WRITE while it waits for room. The kernel removes both when the number is closed. So a change that finds no EVFILT_READ shows
// that the number means another file by now. `udata` carries the generation.
//
// The filters say EV_EOF also when only one side is closed, and for a FIFO that has new writers since: poll(2) says what is true. What the
// program knows of a hang-up (Interest.changes) is watched with EV_CLEAR, by edge. Systems differ in whether a flag of a filter that
// is there can be changed: it is removed and added again, which reports once more what is ready.
//
// fork(2) copies no queue: in a child the number is closed, or another file's. The child must not close it.

#if POLLER_KQUEUE || os(macOS) || os(FreeBSD) || os(OpenBSD)

struct KqueuePoller: ~Copyable {

    /// The constants have other types on each system.
    private enum Change {
        static var reads: Int32 { Int32(EVFILT_READ) }
        static var writes: Int32 { Int32(EVFILT_WRITE) }
        static var adds: Int32 { Int32(EV_ADD) }
        static var deletes: Int32 { Int32(EV_DELETE) }
        static var clears: Int32 { Int32(EV_CLEAR) }
        static var disables: Int32 { Int32(EV_DISABLE) }
        static var enables: Int32 { Int32(EV_ENABLE) }
    }

    struct Watch: BitwiseCopyable {
        /// The queue; negative: the list is used instead.
        var set: Int32 = -1
        fileprivate var reports: UnsafeMutablePointer<libipc_report>?
        /// Its `limit` counts also for a wait with the queue.
        var list = DescriptorList.Watch()
        /// Collects reports before it sleeps in poll(2).
        var collectsFirst = true

        /// - Parameter timeout: milliseconds, negative for ever.
        func wait(timeout: Int32) throws(IPCError) -> Finding {
            if set < 0 { return try list.wait(timeout: timeout) }
            // The waker ends this sleep.
            if libipc_is_alone() == 0 { return try collect(list.limited(timeout)) }
            if collectsFirst || timeout == 0 {
                let finding = try collect()
                if timeout == 0 || finding != .ready(0) { return finding }
            }
            return try sleep(list.limited(timeout))
        }

        func collect() throws(IPCError) -> Finding { try collect(0) }

        private func collect(_ timeout: Int32) throws(IPCError) -> Finding {
            guard let reports else { return .ready(0) }
            let count = libipc_collect(set, reports, timeout)
            if count < 0, libipc_errno() == EBADF { return .lost }
            return .ready(Int(try check(call: count, IPC_ERROR_WAIT_EVENT__POLL, "wait for events")))
        }
    }

    var currentWatch = Watch()
    var file: FileIdentity?
    /// See libipc_take_number.
    var mark: UInt32 = 0
    /// A wait uses it in place of the queue: for few descriptors, or when no queue can be made.
    var list = DescriptorList()
    var usesList = false
    var waker: Waker?
    var needsRebuild = false
    /// The process that made the queue.
    private let generation = libipc_fork_generation()

    init() throws(IPCError) {
        let memory = try allocate(Int(LIBIPC_REPORTS) * MemoryLayout<libipc_report>.stride, IPC_ERROR_POLLER)
        let made = libipc_make_queue()
        try undoing(free(memory), try check(call: made, IPC_ERROR_POLLER, "create a kqueue"))
        currentWatch.set = made
        currentWatch.reports = memory.bindMemory(to: libipc_report.self, capacity: Int(LIBIPC_REPORTS))
        (file, mark) = (Self.identity(of: made), libipc_take_number(made))
    }

    /// Watches nothing yet: a context that never waits needs no queue.
    init(idle: Bool) { needsRebuild = true }

    deinit {
        closeSet()
        free(currentWatch.reports)
    }

    /// In a child the number is that of no file of this process.
    static func identity(of set: Int32) -> FileIdentity? { FileIdentity(Descriptor(set), in: libipc_fork_generation()) }

    // MARK: Registrations

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> WatchResult {
        if isIdle { return .watched }
        let number = registration.descriptor
        if number == set {
            // The program had closed the number before it became the queue's.
            if hasSet { return .notOpen }
            // The program has closed the queue, and the descriptor has its number.
            closeDescriptors()
            return .watched
        }
        if libipc_is_always_ready(number) != 0 { return .alwaysReady }
        if change(registration, interest, isThere: false) == 0 { return .watched }
        switch libipc_errno() {
        case EBADF where Descriptor(number).isOpen:
            // So the program has closed the queue.
            needsRebuild = true
            return .watched
        case EBADF: return .notOpen
        // A device that no filter knows.
        case EINVAL, ENODEV, EOPNOTSUPP: return .alwaysReady
        default: throw .system(IPC_ERROR_POLLER, "watch descriptor \(number)")
        }
    }

    @inline(never)
    mutating func update(_ registration: Registration, _ interest: Interest) {
        if isIdle { return }
        _ = changeOne(registration.descriptor, Change.writes, Change.deletes)
        if change(registration, interest, isThere: true) != 0 { needsRebuild = true }
    }

    mutating func remove(_ registration: Registration) {
        if isIdle { return }
        _ = changeOne(registration.descriptor, Change.reads, Change.deletes)
        _ = changeOne(registration.descriptor, Change.writes, Change.deletes)
    }

    mutating func confirm(_ registration: Registration, _ interest: Interest) -> Confirmation {
        if isIdle { return .same }
        let flag = interest.contains(.read) ? Change.enables : Change.disables
        if changeOne(registration.descriptor, Change.reads, flag) == 0 { return .same }
        switch libipc_errno() {
        case ENOENT, EINVAL: return .otherFile
        case EBADF where !Descriptor(registration.descriptor).isOpen: return .closed
        default: return .same
        }
    }

    /// Adds the filters. An EVFILT_READ that is there is removed first, which fails if the number means another file by now.
    private func change(_ registration: Registration, _ interest: Interest, isThere: Bool) -> Int32 {
        let (number, generation) = (registration.descriptor, registration.generation)
        let flags = Change.adds | (interest.contains(.changes) ? Change.clears : 0)
        var changes = libipc_changes()
        if isThere { libipc_add_change(&changes, number, Change.reads, Change.deletes, 0) }
        libipc_add_change(&changes, number, Change.reads, interest.contains(.read) ? flags : flags | Change.disables, generation)
        if interest.contains(.write) { libipc_add_change(&changes, number, Change.writes, flags, generation) }
        let result = apply(&changes)
        if result == 0 || libipc_errno() != EPIPE { return result }
        // A pipe that nobody reads takes no EVFILT_WRITE. EVFILT_READ reports its end, once.
        changes = libipc_changes()
        libipc_add_change(&changes, number, Change.reads, Change.deletes, 0)
        libipc_add_change(&changes, number, Change.reads, Change.adds | Change.clears, generation)
        return apply(&changes)
    }

    private func changeOne(_ number: Int32, _ filter: Int32, _ flags: Int32) -> Int32 {
        var changes = libipc_changes()
        libipc_add_change(&changes, number, filter, flags, 0)
        return apply(&changes)
    }

    private func apply(_ changes: inout libipc_changes) -> Int32 {
        generation == libipc_fork_generation() ? libipc_change(set, &changes) : 0
    }

    func watchWaker(_ number: Int32) -> Int32 { libipc_watch_readable(set, number) }

    // MARK: What was reported

    /// Makes one report of those of both filters, and replaces what the filters say of an end by what is true.
    mutating func moveReady(_ reported: Int) -> Int {
        if usesList { return list.moveReady(reported) }
        guard let reports = currentWatch.reports else { return 0 }
        var (count, isMixed) = (0, false)
        for index in 0..<reported {
            var report = reports[index]
            if report.has_ended != 0 {
                report.events = Descriptor(report.descriptor).poll(report.events, timeout: 0) & ~POLLNVAL
                if report.events == 0 { continue }
            }
            if report.events & POLLOUT != 0 { isMixed = true }
            if isMixed, let known = (0..<count).first(where: { reports[$0].descriptor == report.descriptor }) {
                reports[known].events |= report.events
            } else {
                reports[count] = report
                count += 1
            }
        }
        return count
    }

    mutating func readiness(at index: Int) -> Readiness {
        if usesList { return list.readiness(at: index) }
        guard let report = currentWatch.reports?[index] else { return Readiness(registration: .waker, events: 0) }
        // The waker has the generation of no connection.
        let isOwn = report.generation == 0 && isWaker(report.descriptor)
        let registration = isOwn ? .waker : Registration(descriptor: report.descriptor, generation: report.generation)
        return Readiness(registration: registration, events: report.events)
    }

    private mutating func isWaker(_ number: Int32) -> Bool {
        guard let known = waker?.descriptor else { return false }
        return known == number
    }

    func drainWaker() { waker?.drain() }
}
#endif
