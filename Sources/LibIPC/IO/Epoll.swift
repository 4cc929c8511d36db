// Epoll.swift - readiness by epoll(7), whose bits are those of poll(2).
//
// Each descriptor is registered once, level-triggered: a receive need not drain the socket, and a short receive loses no event. The
// 64 bits that come back carry the generation beside the number: a descriptor that was closed while a copy lives elsewhere (dup,
// fork, SCM_RIGHTS) goes on reporting and cannot be removed by number any more; its events are recognised, and the context then
// builds a new epoll set.
//
// A wait sleeps in poll(2) on the epoll set, because epoll_wait(2) fails with EINTR when the process is stopped and continued;
// poll(2) goes on then, and fails only when a handler has run (signal(7)).

#if os(Linux) && !POLLER_POLL

struct EpollPoller: ~Copyable {
    /// Events of one call.
    static var batch: Int { 64 }
    /// epoll watches a file, not a number: a number that means another file has to be searched for.
    static var watchesNumbers: Bool { false }
    /// After `update` it reports a hung-up descriptor once more.
    static var repeatsHangUp: Bool { true }
    /// EPOLLET, a macro that Swift does not import.
    private static let edgeTriggered: UInt32 = 1 << 31

    /// What to wait for, possibly without the context's lock. The set with its buffer for events, or the list of descriptors, does
    /// not change meanwhile.
    struct Watch: BitwiseCopyable {
        /// The set; negative: the list is used instead.
        fileprivate let descriptor: Int32
        /// Milliseconds after which the wait checks again by itself; negative: never.
        fileprivate var limit: Int32 = -1
        fileprivate let memory: UnsafeMutableRawPointer?
        /// Of the list.
        fileprivate var count: Int32 = 0
        /// Checks for events before it sleeps: with a busy set this is the only call.
        var collectsFirst = true

        /// - Parameter timeout: milliseconds, negative for ever.
        @inline(__always)
        func wait(timeout: Int32) throws(IPCError) -> Finding {
            if descriptor < 0 { return try DescriptorList.wait(memory, count, timeout, limit) }
            if collectsFirst || timeout == 0 {
                let finding = try collect()
                if timeout == 0 || finding != .named(0) { return finding }
            }
            return try sleep(timeout)
        }

        @inline(never)
        private func sleep(_ timeout: Int32) throws(IPCError) -> Finding {
            let timeout = limit < 0 || (0...limit).contains(timeout) ? timeout : limit
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let found = try check(call: poll(&entry, 1, timeout), IPC_ERROR_WAIT_EVENT__POLL, "wait for events")
            if found == 0 { return .named(0) }
            return Int32(entry.revents) & POLLNVAL != 0 ? .lost : .unknown
        }

        /// Events that are there now. A signal cannot interrupt this call.
        func collect() throws(IPCError) -> Finding {
            let count = libipc_epoll_wait(descriptor, memory?.assumingMemoryBound(to: epoll_event.self), Int32(EpollPoller.batch), 0)
            if count < 0, libipc_errno() == EBADF || libipc_errno() == EINVAL { return .lost }
            return .named(Int(try check(call: count, IPC_ERROR_WAIT_EVENT__POLL, "wait for events")))
        }
    }

    private var watch = Watch(descriptor: -1, memory: nil)
    /// The set as it is now.
    var set: Watch { watch }
    private var events: UnsafeMutablePointer<epoll_event>? { watch.memory?.assumingMemoryBound(to: epoll_event.self) }
    private var file: FileIdentity?
    /// Used in place of the set: for few descriptors, or when no set can be made.
    private var list = DescriptorList()
    private(set) var usesList = false
    private var alarm: Waker?
    var needsRebuild = false
    /// The process that made the set (CLibIPC.h). A child shares its parent's set, and must not change it.
    private let generation = libipc_noted_changes() >> LIBIPC_FORK_SHIFT
    /// A change is heard by whoever waits.
    var isStale: Bool { false }

    private var descriptor: Int32 { watch.descriptor }

    init() throws(IPCError) {
        let size = EpollPoller.batch * MemoryLayout<epoll_event>.stride
        let memory = try allocate(size, IPC_ERROR_POLLER)
        let made = epoll_create1(Int32(EPOLL_CLOEXEC))
        try undoing(free(memory), try check(call: made, IPC_ERROR_POLLER, "create an epoll set"))
        watch = Watch(descriptor: made, memory: memory)
        memory.bindMemory(to: epoll_event.self, capacity: EpollPoller.batch)
        file = FileIdentity(Descriptor(made))
    }

    /// Watches nothing yet: a context that never waits needs no epoll set.
    init(idle: Bool) { needsRebuild = true }

    deinit {
        closeSet()
        free(watch.memory)
    }

    var isIdle: Bool { descriptor < 0 }

    /// Closes the library's own descriptors, and frees no memory.
    mutating func closeDescriptors() {
        closeSet()
        watch = Watch(descriptor: -1, memory: watch.memory)
        alarm = nil
        needsRebuild = true
    }

    /// The program may have closed the number and opened a file of its own with it, which stays open.
    private func closeSet() { if !isIdle, FileIdentity(Descriptor(descriptor)) == file { close(descriptor) } }

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> Admission {
        if isIdle || control(EPOLL_CTL_ADD, registration, interest) == 0 { return .watched }
        switch libipc_errno() {
        case EPERM: return .alwaysReady
        case EBADF where isOpen(registration.descriptor), EINVAL where registration.descriptor != descriptor:
            // The missing descriptor is the set itself.
            needsRebuild = true
            return .watched
        // The program has closed the set's number.
        case EBADF, EINVAL: return .notOpen
        default: throw .system(IPC_ERROR_POLLER, "watch descriptor \(registration.descriptor)")
        }
    }

    private func isOpen(_ number: Int32) -> Bool { Descriptor(number).poll(0, timeout: 0) & POLLNVAL == 0 }

    mutating func update(_ registration: Registration, _ interest: Interest) {
        if !isIdle, control(EPOLL_CTL_MOD, registration, interest) != 0 { needsRebuild = true }
    }

    func remove(_ registration: Registration) { if !isIdle { _ = control(EPOLL_CTL_DEL, registration, []) } }

    /// Whether the number still means the file that was added.
    func confirm(_ registration: Registration, _ interest: Interest) -> Confirmation {
        if isIdle || control(EPOLL_CTL_MOD, registration, interest) == 0 { return .same }
        switch libipc_errno() {
        case ENOENT, EPERM: return .otherFile
        case EBADF: return isOpen(registration.descriptor) ? .same : .closed
        default: return .same
        }
    }

    /// Uses poll(2) with the descriptors that `fill` adds: no set is made, changed or closed.
    mutating func prepare(_ fill: (inout DescriptorList) throws(IPCError) -> Void) throws(IPCError) -> Watch {
        list.removeAll()
        try fill(&list)
        usesList = true
        return watchOfList
    }

    /// Takes over the list that a thread may be asking without the lock.
    mutating func takeList(of other: inout EpollPoller) {
        swap(&list, &other.list)
        usesList = other.usesList
    }

    /// Whether the list of the last wait has exactly this descriptor.
    @inline(__always)
    func lists(_ registration: Registration, _ interest: Interest) -> Bool { usesList && list.isOnly(registration, interest) }

    var watchOfList: Watch { Watch(descriptor: -1, limit: list.limit, memory: list.memory, count: list.count) }

    @inline(__always)
    mutating func prepare() throws(IPCError) -> Watch {
        usesList = false
        return libipc_is_alone() == 0 && alarm == nil ? try watchWithAlarm() : watch
    }

    @inline(never)
    private mutating func watchWithAlarm() throws(IPCError) -> Watch {
        var watch = watch
        do throws(IPCError) { try setAlarm() } catch {
            // Nothing can wake the wait: it checks again by itself.
            guard error.isShortage else { throw error }
            watch.limit = DescriptorList.recheck
        }
        return watch
    }

    private mutating func setAlarm() throws(IPCError) {
        let made = try Waker()
        // Each ring is an edge: nobody has to read it.
        var event = epoll_event(events: EPOLLIN.rawValue | EpollPoller.edgeTriggered, data: EpollPoller.datum(.alarm))
        let result = epoll_ctl(descriptor, EPOLL_CTL_ADD, made.descriptor, &event)
        try check(call: result, IPC_ERROR_POLLER, "watch what wakes threads")
        alarm = consume made
    }

    func wake() { alarm?.ring() }
    func silence() {}
    mutating func collect(_ named: Int) -> Int { usesList ? list.collect(named) : named }

    @inline(__always)
    mutating func readiness(at index: Int) -> Readiness {
        if usesList { return list.readiness(at: index) }
        guard let event = events?[index] else { return Readiness(registration: .alarm, events: 0) }
        let datum = event.data.u64
        let registration = Registration(
            descriptor: Int32(truncatingIfNeeded: datum), generation: UInt32(truncatingIfNeeded: datum >> 32))
        return Readiness(registration: registration, events: Int32(truncatingIfNeeded: event.events))
    }

    private func control(_ operation: Int32, _ registration: Registration, _ interest: Interest) -> Int32 {
        if generation != libipc_noted_changes() >> LIBIPC_FORK_SHIFT { return 0 }
        var event = epoll_event()
        // epoll always reports hang-ups: edge-triggered, so once, if the descriptor is not read now or its hang-up was reported.
        let isByEdge = interest.contains(.changes) || !interest.contains(.read)
        event.events = UInt32(interest.polled) | (isByEdge ? EpollPoller.edgeTriggered : 0)
        event.data = EpollPoller.datum(registration)
        return epoll_ctl(descriptor, operation, registration.descriptor, &event)
    }

    private static func datum(_ registration: Registration) -> epoll_data_t {
        epoll_data_t(u64: UInt64(registration.generation) << 32 | UInt64(UInt32(bitPattern: registration.descriptor)))
    }
}
#endif
