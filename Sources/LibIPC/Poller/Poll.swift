// Poll.swift - readiness by poll(2): slow with many descriptors, and available everywhere.
//
// poll(2) knows levels alone, and reports a hang-up whether it is wanted or not. A descriptor that nobody wants to read is
// therefore left out (a negative number, poll(2)) until that changes; one that hung up is asked by itself now and then. Positions are searched: each wait goes through all anyway.

#if !os(Linux) || POLLER_POLL
import CLibIPC

struct PollPoller: ~Copyable {
    /// How often those that hung up are asked for news, in milliseconds.
    private static let newsPause: UInt32 = 250

    /// In place of a descriptor that its program has closed; any negative number is left out by poll(2).
    private static let closed: Int32 = -2

    private var entries = HeapArray<pollfd>()
    private var registrations = HeapArray<Registration>()
    /// Which files they were: the number of one that its program has closed may mean another by now.
    private var identities = HeapArray<FileIdentity?>()
    private var ready = HeapArray<Readiness>()
    var needsRebuild = false

    init() throws(IPCError) {}

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> Admission {
        if let position = (0..<registrations.count).first(where: { registrations[$0].descriptor == registration.descriptor }) {
            let isSame = identities[position] == FileIdentity(Descriptor(registration.descriptor))
            if isSame, entries[position].fd != PollPoller.closed { return .duplicate }
            remove(registrations[position])
        }
        guard Descriptor(registration.descriptor).poll(0, timeout: 0) & POLLNVAL == 0 else { return .notOpen }
        try outOfMemory(is: IPC_ERROR_POLLER) { () throws(IPCError) in
            try registrations.reserve()
            try identities.reserve()
            try entries.append(PollPoller.entry(registration, interest))
            try registrations.append(registration)
            try identities.append(FileIdentity(Descriptor(registration.descriptor)))
        }
        return .watched
    }

    mutating func update(_ registration: Registration, _ interest: Interest) {
        guard let position = position(of: registration) else { return }
        entries[position] = PollPoller.entry(registration, interest)
    }

    mutating func remove(_ registration: Registration) {
        guard let position = position(of: registration) else { return }
        entries.swapRemove(at: position)
        registrations.swapRemove(at: position)
        identities.swapRemove(at: position)
    }

    /// - Parameter timeout: milliseconds, negative for ever; with descriptors that hung up this may end earlier.
    mutating func wait(timeout: Int32) throws(IPCError) -> Int {
        ready.removeAll()
        let timeout =
            try lookForNews() ? min(UInt32(bitPattern: timeout), ready.count > 0 ? 0 : PollPoller.newsPause) : UInt32(bitPattern: timeout)
        let found = try check(
            call: poll(entries.base, nfds_t(entries.count), Int32(bitPattern: timeout)), IPC_ERROR_WAIT_EVENT__POLL, "wait for events")
        for position in 0..<entries.count where found > 0 && entries[position].revents != 0 {
            let reported = entries[position].revents
            if reported & Int16(POLLNVAL) != 0 {
                // Closed by its program: there is nothing to watch any more.
                entries[position].fd = PollPoller.closed
                continue
            }
            let readiness = Readiness(
                registration: registrations[position],
                readable: reported & Int16(POLLIN) != 0,
                writable: reported & Int16(POLLOUT) != 0,
                hungUp: reported & Int16(POLLHUP | POLLERR) != 0)
            try ready.append(readiness)
        }
        return ready.count
    }

    /// Asks those that hung up, which poll(2) would not wait for, whether something has come. False: there are none.
    private mutating func lookForNews() throws(IPCError) -> Bool {
        var isAwaited = false
        for position in 0..<entries.count where entries[position].fd == -1 && entries[position].events != 0 {
            isAwaited = true
            let descriptor = Descriptor(registrations[position].descriptor)
            guard descriptor.poll(POLLIN, timeout: 0) & POLLIN != 0, descriptor.hasBytes else { continue }
            try ready.append(Readiness(registration: registrations[position], readable: true, writable: false, hungUp: false))
        }
        return isAwaited
    }

    func readiness(at index: Int) -> Readiness { ready[index] }

    private func position(of registration: Registration) -> Int? { (0..<registrations.count).first { registrations[$0] == registration } }

    private static func entry(_ registration: Registration, _ interest: Interest) -> pollfd {
        var events: Int16 = 0
        if interest.contains(.read) { events |= Int16(POLLIN) }
        if interest.contains(.write) { events |= Int16(POLLOUT) }
        if interest.contains(.news) { return pollfd(fd: -1, events: Int16(POLLIN), revents: 0) }
        return pollfd(fd: events == 0 ? -1 : registration.descriptor, events: events, revents: 0)
    }
}
#endif
