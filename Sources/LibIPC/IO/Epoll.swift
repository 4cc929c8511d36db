// Epoll.swift - readiness by epoll(7), whose event bits are those of poll(2).
//
// Each descriptor is registered once, level-triggered: a receive need not drain the socket, and a short receive loses no event. The
// 64 bits of an event carry the generation beside the number: a descriptor that was closed while a copy lives elsewhere (dup, fork,
// SCM_RIGHTS) goes on reporting, and cannot be removed by number any more. The context recognises its events, and builds a new set.
//
// A wait sleeps in poll(2) on the epoll set. epoll_wait(2) fails with EINTR when the process is stopped and continued; poll(2) then
// goes on, and fails only when a handler has run (signal(7)).

#if (os(Linux) || POLLER_EPOLL) && !POLLER_KQUEUE && !POLLER_POLL

struct EpollPoller: ~Copyable {
    /// Events of one call.
    private static var batch: Int { 64 }
    /// EPOLLET, a macro that Swift does not import.
    private static let edgeTriggered: UInt32 = 1 << 31

    struct Watch: BitwiseCopyable {
        /// The epoll set; negative: the list is used instead.
        var set: Int32 = -1
        fileprivate var events: UnsafeMutablePointer<epoll_event>?
        /// Its `limit` counts also for a wait with the set.
        var list = DescriptorList.Watch()
        /// Collects events before it sleeps: with a busy set this is the only call.
        var collectsFirst = true

        /// - Parameter timeout: milliseconds, negative for ever.
        @inline(__always)
        func wait(timeout: Int32) throws(IPCError) -> Finding {
            if set < 0 { return try list.wait(timeout: timeout) }
            if collectsFirst || timeout == 0 {
                let finding = try collect()
                if timeout == 0 || finding != .ready(0) { return finding }
            }
            return try sleep(list.limited(timeout))
        }

        /// Collects the events that are there now.
        func collect() throws(IPCError) -> Finding {
            let count = libipc_collect_events(set, events, Int32(EpollPoller.batch))
            if count < 0, libipc_errno() == EBADF || libipc_errno() == EINVAL { return .lost }
            return .ready(Int(try check(call: count, IPC_ERROR_WAIT_EVENT__POLL, "wait for events")))
        }
    }

    var currentWatch = Watch()
    var file: FileIdentity?
    /// See libipc_take_number.
    var mark: UInt32 = 0
    /// A wait uses it in place of the set: for few descriptors, or when no set can be made.
    var list = DescriptorList()
    var usesList = false
    var waker: Waker?
    var needsRebuild = false
    /// The process that made the set. A child shares its parent's set, and must not change it.
    private let generation = libipc_fork_generation()

    init() throws(IPCError) {
        let memory = try allocate(EpollPoller.batch * MemoryLayout<epoll_event>.stride, IPC_ERROR_POLLER)
        let made = epoll_create1(Int32(EPOLL_CLOEXEC))
        try undoing(free(memory), try check(call: made, IPC_ERROR_POLLER, "create an epoll set"))
        currentWatch.set = made
        currentWatch.events = memory.bindMemory(to: epoll_event.self, capacity: EpollPoller.batch)
        (file, mark) = (FileIdentity(Descriptor(made)), libipc_take_number(made))
    }

    /// Watches nothing yet: a context that never waits needs no epoll set.
    init(idle: Bool) { needsRebuild = true }

    deinit {
        closeSet()
        free(currentWatch.events)
    }

    static func identity(of set: Int32) -> FileIdentity? { FileIdentity(Descriptor(set)) }

    // MARK: Registrations

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> WatchResult {
        if isIdle || control(EPOLL_CTL_ADD, registration, interest) == 0 { return .watched }
        switch libipc_errno() {
        case EPERM: return .alwaysReady
        case EBADF where Descriptor(registration.descriptor).isOpen, EINVAL where registration.descriptor != set:
            // The descriptor is open: so the program has closed the set.
            needsRebuild = true
            return .watched
        // The number is the set's own, because the program had closed it.
        case EINVAL where FileIdentity(Descriptor(set)) == file: return .notOpen
        case EINVAL:
            // The program has closed the set, and the descriptor has its number.
            closeDescriptors()
            return .watched
        case EBADF: return .notOpen
        default: throw .system(IPC_ERROR_POLLER, "watch descriptor \(registration.descriptor)")
        }
    }

    @inline(never)
    mutating func update(_ registration: Registration, _ interest: Interest) {
        if !isIdle, control(EPOLL_CTL_MOD, registration, interest) != 0 { needsRebuild = true }
    }

    func remove(_ registration: Registration) { if !isIdle { _ = control(EPOLL_CTL_DEL, registration, []) } }

    func confirm(_ registration: Registration, _ interest: Interest) -> Confirmation {
        if isIdle || control(EPOLL_CTL_MOD, registration, interest) == 0 { return .same }
        switch libipc_errno() {
        case ENOENT, EPERM: return .otherFile
        case EBADF where !Descriptor(registration.descriptor).isOpen: return .closed
        default: return .same
        }
    }

    private func control(_ operation: Int32, _ registration: Registration, _ interest: Interest) -> Int32 {
        if generation != libipc_fork_generation() { return 0 }
        // epoll always reports hang-ups: edge-triggered, so once, if the descriptor is not read now or its hang-up was reported.
        let isByEdge = interest.contains(.changes) || !interest.contains(.read)
        return control(operation, registration, registration.descriptor, UInt32(interest.polled) | (isByEdge ? Self.edgeTriggered : 0))
    }

    private func control(_ operation: Int32, _ registration: Registration, _ descriptor: Int32, _ events: UInt32) -> Int32 {
        let data = UInt64(registration.generation) << 32 | UInt64(UInt32(bitPattern: registration.descriptor))
        var event = epoll_event(events: events, data: epoll_data_t(u64: data))
        return epoll_ctl(set, operation, descriptor, &event)
    }

    /// Each call of wake() is an edge: nobody has to drain the waker.
    func watchWaker(_ number: Int32) -> Int32 { control(EPOLL_CTL_ADD, .waker, number, UInt32(POLLIN) | Self.edgeTriggered) }

    // MARK: What was reported

    mutating func moveReady(_ reported: Int) -> Int { usesList ? list.moveReady(reported) : reported }

    @inline(__always)
    mutating func readiness(at index: Int) -> Readiness {
        if usesList { return list.readiness(at: index) }
        guard let event = currentWatch.events?[index] else { return Readiness(registration: .waker, events: 0) }
        let data = event.data.u64
        let registration = Registration(
            descriptor: Int32(truncatingIfNeeded: data), generation: UInt32(truncatingIfNeeded: data >> 32))
        return Readiness(registration: registration, events: Int32(truncatingIfNeeded: event.events))
    }

    func drainWaker() {}
}
#endif
