// Epoll.swift - readiness by epoll(7), whose event bits are those of poll(2).
//
// Each descriptor is registered once, level-triggered: a receive need not drain the socket, and a short receive loses no event. The
// 64 bits of an event carry the generation beside the number: a descriptor that was closed while a copy lives elsewhere (dup, fork,
// SCM_RIGHTS) goes on reporting, and cannot be removed by number any more. The context recognises its events, and builds a new set.
//
// A wait sleeps in poll(2) on the epoll set. epoll_wait(2) fails with EINTR when the process is stopped and continued; poll(2) then
// goes on, and fails only when a handler has run (signal(7)).

#if os(Linux) || POLLER_EPOLL

struct EpollPoller: ~Copyable {
    /// Events of one call.
    private static var batch: Int { 64 }
    /// epoll watches a file, not a number.
    static var watchesNumbers: Bool { false }
    static var repeatsHangUp: Bool { true }
    /// EPOLLET, a macro that Swift does not import.
    private static let edgeTriggered: UInt32 = 1 << 31

    struct Watch: BitwiseCopyable {
        /// The epoll set; negative: the list is used instead.
        fileprivate var epoll: Int32 = -1
        fileprivate var events: UnsafeMutablePointer<epoll_event>?
        /// Its `limit` counts also for a wait with the set.
        fileprivate var list = DescriptorList.Watch()
        /// Collects events before it sleeps: with a busy set this is the only call.
        var collectsFirst = true

        /// - Parameter timeout: milliseconds, negative for ever.
        @inline(__always)
        func wait(timeout: Int32) throws(IPCError) -> Finding {
            if epoll < 0 { return try list.wait(timeout: timeout) }
            if collectsFirst || timeout == 0 {
                let finding = try collect()
                if timeout == 0 || finding != .ready(0) { return finding }
            }
            return try sleep(list.limited(timeout))
        }

        @inline(never)
        private func sleep(_ timeout: Int32) throws(IPCError) -> Finding {
            var entry = pollfd(fd: epoll, events: Int16(POLLIN), revents: 0)
            if try check(call: libipc_sleep(&entry, 1, timeout), IPC_ERROR_WAIT_EVENT__POLL, "wait for events") == 0 { return .ready(0) }
            return Int32(entry.revents) & POLLNVAL != 0 ? .lost : .unknown
        }

        /// Collects the events that are there now. A signal cannot interrupt this call.
        func collect() throws(IPCError) -> Finding {
            let count = libipc_epoll_wait(epoll, events, Int32(EpollPoller.batch), 0)
            if count < 0, libipc_errno() == EBADF || libipc_errno() == EINVAL { return .lost }
            return .ready(Int(try check(call: count, IPC_ERROR_WAIT_EVENT__POLL, "wait for events")))
        }
    }

    private(set) var currentWatch = Watch()
    private var file: FileIdentity?
    /// See libipc_take_number.
    private var mark: UInt32 = 0
    /// A wait uses it in place of the set: for few descriptors, or when no set can be made.
    private var list = DescriptorList()
    private(set) var usesList = false
    private var waker: Waker?
    var needsRebuild = false
    /// The process that made the set. A child shares its parent's set, and must not change it.
    private let generation = libipc_fork_generation()
    /// Never: a wait on an epoll set that has begun reports descriptors that are added later.
    var isStale: Bool { false }

    private var epoll: Int32 { currentWatch.epoll }
    var set: Int32 { epoll }

    init() throws(IPCError) {
        let memory = try allocate(EpollPoller.batch * MemoryLayout<epoll_event>.stride, IPC_ERROR_POLLER)
        let made = epoll_create1(Int32(EPOLL_CLOEXEC))
        try undoing(free(memory), try check(call: made, IPC_ERROR_POLLER, "create an epoll set"))
        currentWatch.epoll = made
        currentWatch.events = memory.bindMemory(to: epoll_event.self, capacity: EpollPoller.batch)
        (file, mark) = (FileIdentity(Descriptor(made)), libipc_take_number(made))
    }

    /// Watches nothing yet: a context that never waits needs no epoll set.
    init(idle: Bool) { needsRebuild = true }

    deinit {
        closeSet()
        free(currentWatch.events)
    }

    var isIdle: Bool { epoll < 0 }

    mutating func closeDescriptors() {
        closeSet()
        currentWatch.epoll = -1
        waker = nil
        needsRebuild = true
    }

    /// The program has closed the set, and another context has got its number (libipc_take_number).
    var isLost: Bool { !isIdle && libipc_has_number(epoll, mark) == 0 }

    /// There is a set, and the program has not closed it.
    var hasSet: Bool { !isIdle && !isLost && FileIdentity(Descriptor(epoll)) == file }

    static func identity(of set: Int32) -> FileIdentity? { FileIdentity(Descriptor(set)) }

    /// Closes the set; not a file that the program has opened with its number after it had closed the set.
    private func closeSet() {
        if hasSet { close(epoll) }
        libipc_return_number(epoll, mark)
    }

    // MARK: Registrations

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> WatchResult {
        if isIdle || control(EPOLL_CTL_ADD, registration, interest) == 0 { return .watched }
        switch libipc_errno() {
        case EPERM: return .alwaysReady
        case EBADF where Descriptor(registration.descriptor).isOpen, EINVAL where registration.descriptor != epoll:
            // The descriptor is open: so the program has closed the set.
            needsRebuild = true
            return .watched
        // The number is the set's own, because the program had closed it.
        case EINVAL where FileIdentity(Descriptor(epoll)) == file: return .notOpen
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
        return epoll_ctl(epoll, operation, descriptor, &event)
    }

    // MARK: Waiting

    @inline(__always)
    mutating func prepare() throws(IPCError) -> Watch {
        usesList = false
        return libipc_is_alone() == 0 && waker == nil ? try prepareWaker() : currentWatch
    }

    @inline(never)
    private mutating func prepareWaker() throws(IPCError) -> Watch {
        do throws(IPCError) {
            let made = try Waker()
            // Each call of wake() is an edge: nobody has to drain the waker.
            let result = control(EPOLL_CTL_ADD, .waker, made.descriptor, UInt32(POLLIN) | Self.edgeTriggered)
            // The program has closed the set, or has a file of its own with its number.
            if result != 0, libipc_errno() == EBADF || libipc_errno() == EINVAL {
                needsRebuild = true
            } else {
                try check(call: result, IPC_ERROR_POLLER, "watch what wakes threads")
            }
            waker = consume made
            return currentWatch
        } catch {
            // Nothing can wake the wait: a limit ends it.
            guard error.isShortage else { throw error }
            var watch = currentWatch
            watch.list.limit = DescriptorList.recheck
            return watch
        }
    }

    /// A wait with the list. It makes, changes and closes no set.
    mutating func prepareList(_ fill: (inout DescriptorList) throws(IPCError) -> Void) throws(IPCError) -> Watch {
        list.removeAll()
        try fill(&list)
        usesList = true
        return listWatch
    }

    var listWatch: Watch { Watch(list: list.watch) }

    @inline(__always)
    func listsOnly(_ registration: Registration, _ interest: Interest) -> Bool { usesList && list.isOnly(registration, interest) }

    mutating func takeList(of other: inout EpollPoller) {
        swap(&list, &other.list)
        usesList = other.usesList
    }

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

    func wake() { waker?.wake() }
    var markedWaker: UInt64 { waker?.marked() ?? 0 }
    func drainWaker() {}
}
#endif
