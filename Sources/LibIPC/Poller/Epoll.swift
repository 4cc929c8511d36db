// Epoll.swift - readiness by epoll(7), whose bits are those of poll(2).
//
// Each descriptor is registered once, and by level: no receive has to find the end of what is there, and one that comes back
// short, or empty for whatever reason, loses nothing. The 64 bits that come back carry the generation beside the number: a
// descriptor that was closed while a copy lives elsewhere (dup, fork, SCM_RIGHTS) goes on reporting and cannot be removed by
// number any more; its events are recognised, and the context then builds a new epoll set.

#if os(Linux) && !POLLER_POLL

struct EpollPoller: ~Copyable {
    /// Events of one call.
    private static let batch: Int32 = 64
    /// EPOLLET, a macro that Swift does not import.
    private static let edgeTriggered: UInt32 = 1 << 31

    /// What to ask, in a call without the context's lock: the set and room for a batch of events stay as long as it runs.
    struct Watch: BitwiseCopyable {
        fileprivate let descriptor: Int32
        fileprivate var events: UnsafeMutablePointer<epoll_event>?
        /// Instead of the set.
        fileprivate var only: (registration: Registration, interest: Interest)?

        /// - Parameter timeout: milliseconds, negative for ever.
        func wait(timeout: Int32) throws(IPCError) -> Int {
            let found = if let only { wait(for: only, timeout) } else { epoll_wait(descriptor, events, EpollPoller.batch, timeout) }
            return Int(try check(call: found, IPC_ERROR_WAIT_EVENT__POLL, "wait for events"))
        }

        private func wait(for only: (registration: Registration, interest: Interest), _ timeout: Int32) -> Int32 {
            var entry = pollfd(fd: only.registration.descriptor, events: Int16(only.interest.rawValue), revents: 0)
            var found = poll(&entry, 1, timeout)
            if found > 0, Int32(entry.revents) & POLLNVAL != 0 {
                // Closed by its program: there is nothing to wait for but time.
                entry.fd = -1
                found = poll(&entry, 1, timeout)
            }
            events?.pointee = epoll_event(events: UInt32(UInt16(bitPattern: entry.revents)), data: EpollPoller.datum(only.registration))
            return found
        }
    }

    private var watch: Watch
    private var alarm: Alarm?
    var needsRebuild = false
    /// A change is heard by whoever waits.
    var isStale: Bool { false }

    private var descriptor: Int32 { watch.descriptor }

    init() throws(IPCError) {
        let size = Int(EpollPoller.batch) * MemoryLayout<epoll_event>.stride
        let memory = try allocate(size, IPC_ERROR_POLLER)
        let made = epoll_create1(Int32(EPOLL_CLOEXEC))
        try undoing(free(memory), try check(call: made, IPC_ERROR_POLLER, "create an epoll set"))
        watch = Watch(descriptor: made, events: memory.bindMemory(to: epoll_event.self, capacity: Int(EpollPoller.batch)))
    }

    /// One that watches nothing yet: who never waits needs no epoll set.
    init(idle: Bool) { (watch, needsRebuild) = (Watch(descriptor: -1, events: nil), true) }

    deinit {
        if !isIdle { close(descriptor) }
        free(watch.events)
    }

    var isIdle: Bool { descriptor < 0 }

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> Admission {
        if control(EPOLL_CTL_ADD, registration, interest) == 0 { return .watched }
        switch libipc_errno() {
        case EPERM: return .alwaysReady
        case EBADF: return .notOpen
        default: throw .system(IPC_ERROR_POLLER, "watch descriptor \(registration.descriptor)")
        }
    }

    mutating func update(_ registration: Registration, _ interest: Interest) {
        if control(EPOLL_CTL_MOD, registration, interest) != 0 { needsRebuild = true }
    }

    func remove(_ registration: Registration) { _ = control(EPOLL_CTL_DEL, registration, []) }

    /// For one descriptor there need not be a set: poll(2) says the same, and nothing is to be made, told and closed.
    mutating func prepare(only registration: Registration, _ interest: Interest) throws(IPCError) -> Watch? {
        guard isIdle else { return nil }
        if watch.events == nil {
            let memory = try allocate(MemoryLayout<epoll_event>.stride, IPC_ERROR_POLLER)
            watch.events = memory.bindMemory(to: epoll_event.self, capacity: 1)
        }
        var watch = watch
        watch.only = (registration, interest)
        return watch
    }

    @inline(__always)
    mutating func prepare() throws(IPCError) -> Watch {
        if libipc_is_alone() == 0, alarm == nil { try setAlarm() }
        return watch
    }

    @inline(never)
    private mutating func setAlarm() throws(IPCError) {
        let made = try Alarm()
        // Each ring is an edge: nobody has to read it.
        var event = epoll_event(events: EPOLLIN.rawValue | EpollPoller.edgeTriggered, data: EpollPoller.datum(.alarm))
        let result = epoll_ctl(descriptor, EPOLL_CTL_ADD, made.descriptor, &event)
        try check(call: result, IPC_ERROR_POLLER, "watch what wakes threads")
        alarm = consume made
    }

    func wake() { alarm?.ring() }
    func silence() {}
    func collect(_ named: Int) throws(IPCError) -> Int { named }

    func readiness(at index: Int) -> Readiness {
        guard let event = watch.events?[index] else {
            return Readiness(registration: Registration(descriptor: -1, generation: 0), events: 0)
        }
        let datum = event.data.u64
        let registration = Registration(
            descriptor: Int32(truncatingIfNeeded: datum), generation: UInt32(truncatingIfNeeded: datum >> 32))
        return Readiness(registration: registration, events: Int32(truncatingIfNeeded: event.events))
    }

    private func control(_ operation: Int32, _ registration: Registration, _ interest: Interest) -> Int32 {
        if isIdle { return 0 }
        var event = epoll_event()
        // A hang-up is reported whether it is wanted or not: once is enough where nobody reads.
        event.events = UInt32(interest.rawValue) | (interest.contains(.read) ? 0 : EpollPoller.edgeTriggered)
        event.data = EpollPoller.datum(registration)
        return epoll_ctl(descriptor, operation, registration.descriptor, &event)
    }

    private static func datum(_ registration: Registration) -> epoll_data_t {
        epoll_data_t(u64: UInt64(registration.generation) << 32 | UInt64(UInt32(bitPattern: registration.descriptor)))
    }
}
#endif
