// Poll.swift - readiness by poll(2): slow with many descriptors, and available everywhere.
//
// poll(2) knows levels alone, and reports a hang-up whether it is wanted or not. A descriptor of which nothing is wanted is
// therefore left out (a negative number, poll(2)) until that changes. Positions are searched: each wait goes through all anyway.

#if !os(Linux) || POLLER_POLL

struct PollPoller: ~Copyable {
    private var entries = HeapArray<pollfd>()
    private var registrations = HeapArray<Registration>()
    private var ready = HeapArray<Readiness>()
    var needsRebuild = false

    init() throws(IPCError) {}
    init(idle: Bool) {}

    var isIdle: Bool { false }

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> Admission {
        if Descriptor(registration.descriptor).poll(0, timeout: 0) & POLLNVAL != 0 { return .notOpen }
        try outOfMemory(is: IPC_ERROR_POLLER) { () throws(IPCError) in
            try registrations.reserve()
            try entries.append(PollPoller.entry(registration, interest))
            try registrations.append(registration)
        }
        return .watched
    }

    mutating func update(_ registration: Registration, _ interest: Interest) {
        if let position = position(of: registration) { entries[position] = PollPoller.entry(registration, interest) }
    }

    mutating func remove(_ registration: Registration) {
        guard let position = position(of: registration) else { return }
        entries.swapRemove(at: position)
        registrations.swapRemove(at: position)
    }

    /// - Parameter timeout: milliseconds, negative for ever.
    mutating func wait(timeout: Int32) throws(IPCError) -> Int {
        ready.removeAll()
        let found = poll(entries.base, nfds_t(entries.count), timeout)
        try check(call: found, IPC_ERROR_WAIT_EVENT__POLL, "wait for events")
        for position in 0..<entries.count where found > 0 && entries[position].revents != 0 {
            let reported = Int32(entries[position].revents)
            if reported & POLLNVAL != 0 {
                // Closed by its program: there is nothing to watch any more.
                entries[position].fd = -1
            } else {
                try ready.append(Readiness(registration: registrations[position], events: reported))
            }
        }
        return ready.count
    }

    func readiness(at index: Int) -> Readiness { ready[index] }

    private func position(of registration: Registration) -> Int? { (0..<registrations.count).first { registrations[$0] == registration } }

    private static func entry(_ registration: Registration, _ interest: Interest) -> pollfd {
        pollfd(fd: interest.isEmpty ? -1 : registration.descriptor, events: Int16(interest.rawValue), revents: 0)
    }
}
#endif
