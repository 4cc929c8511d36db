// Poll.swift - readiness by poll(2): slow with many descriptors, and available everywhere.
//
// poll(2) knows levels alone, and reports a hang-up whether it is wanted or not. A descriptor of which nothing is wanted is
// therefore left out (a negative number, poll(2)) until that changes. Positions are searched: each wait goes through all anyway.

#if !os(Linux) || POLLER_POLL

struct PollPoller: ~Copyable {
    private var entries = HeapArray<pollfd>()
    private var registrations = HeapArray<Registration>()
    /// What is being asked, maybe without the context's lock: the same as they were when it began.
    private var asked = HeapArray<pollfd>()
    private var askedRegistrations = HeapArray<Registration>()
    private var ready = HeapArray<Int>()
    private var alarm: Alarm?
    var needsRebuild = false
    /// Something else is to be asked than what is being asked.
    private(set) var isStale = false

    struct Watch: BitwiseCopyable {
        fileprivate let entries: UnsafeMutablePointer<pollfd>?
        fileprivate let count: Int

        /// - Parameter timeout: milliseconds, negative for ever.
        func wait(timeout: Int32) throws(IPCError) -> Int {
            Int(try check(call: poll(entries, nfds_t(count), timeout), IPC_ERROR_WAIT_EVENT__POLL, "wait for events"))
        }
    }

    init() throws(IPCError) {}
    init(idle: Bool) {}

    var isIdle: Bool { false }

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> Admission {
        if Descriptor(registration.descriptor).poll(0, timeout: 0) & POLLNVAL != 0 { return .notOpen }
        isStale = true
        try outOfMemory(is: IPC_ERROR_POLLER) { () throws(IPCError) in
            try registrations.reserve()
            try entries.append(PollPoller.entry(registration, interest))
            try registrations.append(registration)
        }
        return .watched
    }

    mutating func update(_ registration: Registration, _ interest: Interest) {
        isStale = true
        if let position = position(of: registration) { entries[position] = PollPoller.entry(registration, interest) }
    }

    mutating func remove(_ registration: Registration) {
        isStale = true
        guard let position = position(of: registration) else { return }
        entries.swapRemove(at: position)
        registrations.swapRemove(at: position)
    }

    func prepare(only registration: Registration, _ interest: Interest) throws(IPCError) -> Watch? { nil }

    mutating func prepare() throws(IPCError) -> Watch {
        if alarm == nil, libipc_is_alone() == 0 { alarm = try Alarm() }
        isStale = false
        asked.removeAll()
        askedRegistrations.removeAll()
        for position in 0..<entries.count {
            try asked.append(entries[position])
            try askedRegistrations.append(registrations[position])
        }
        if let descriptor = alarm?.descriptor {
            try asked.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
            try askedRegistrations.append(.alarm)
        }
        return Watch(entries: asked.base, count: asked.count)
    }

    func wake() { alarm?.ring() }
    func silence() { alarm?.silence() }

    mutating func collect(_ named: Int) throws(IPCError) -> Int {
        ready.removeAll()
        for position in 0..<asked.count where named > 0 && asked[position].revents != 0 {
            if Int32(asked[position].revents) & POLLNVAL == 0 {
                try ready.append(position)
            } else if let closed = self.position(of: askedRegistrations[position]) {
                // Closed by its program: there is nothing to watch any more.
                entries[closed].fd = -1
            }
        }
        return ready.count
    }

    func readiness(at index: Int) -> Readiness {
        Readiness(registration: askedRegistrations[ready[index]], events: Int32(asked[ready[index]].revents))
    }

    private func position(of registration: Registration) -> Int? { (0..<registrations.count).first { registrations[$0] == registration } }

    private static func entry(_ registration: Registration, _ interest: Interest) -> pollfd {
        pollfd(fd: interest.isEmpty ? -1 : registration.descriptor, events: Int16(interest.rawValue), revents: 0)
    }
}
#endif
