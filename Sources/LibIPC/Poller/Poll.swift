// Poll.swift - readiness by poll(2): slow with many descriptors, and available everywhere.
//
// poll(2) knows levels alone. A descriptor whose readiness the context remembers is therefore left out
// (a negative number, poll(2)) until the context wants to hear of it again.

#if !os(Linux) || POLLER_POLL
import CLibIPC

struct PollPoller: ~Copyable {
    private var entries = HeapArray<pollfd>()
    private var watches = HeapArray<Watch>()
    private var positions = DescriptorMap()
    var needsRebuild = false

    init() throws(IPCError) {}

    mutating func add(_ watch: Watch, _ interest: Interest) throws(IPCError) -> Admission {
        if positions[watch.descriptor] != nil { return .duplicate }
        guard Descriptor(watch.descriptor).poll(0, timeout: 0) & Int16(POLLNVAL) == 0 else { return .notOpen }
        do throws(OutOfMemory) {
            try positions.reserve(watch.descriptor)
            try watches.reserve(watches.count + 1)
            try entries.append(PollPoller.entry(watch, interest))
            try watches.append(watch)
        } catch {
            throw IPCError(IPC_ERROR_POLLER, "no memory to watch", .descriptor(watch.descriptor))
        }
        positions[watch.descriptor] = entries.count - 1
        return .watched
    }

    mutating func update(_ watch: Watch, from old: Interest, to new: Interest) throws(IPCError) {
        guard let position = position(of: watch) else { return }
        entries[position] = PollPoller.entry(watch, new)
    }

    mutating func remove(_ watch: Watch) {
        guard let position = position(of: watch) else { return }
        _ = entries.swapRemove(at: position)
        _ = watches.swapRemove(at: position)
        positions[watch.descriptor] = nil
        if position < watches.count { positions[watches[position].descriptor] = position }
    }

    mutating func forget(_ watch: Watch) { remove(watch) }

    /// - Parameter timeout: milliseconds, negative for ever.
    mutating func wait(timeout: Int32, _ report: (Readiness) -> Void) throws(IPCError) -> Int {
        let found = poll(entries.base, nfds_t(entries.count), timeout)
        guard found >= 0 else { throw .system(IPC_ERROR_WAIT_EVENT__POLL, "wait for events") }
        var left = found
        for position in 0..<entries.count where left > 0 && entries[position].revents != 0 {
            left -= 1
            let reported = entries[position].revents
            report(
                Readiness(
                    watch: watches[position],
                    readable: reported & Int16(POLLIN) != 0,
                    writable: reported & Int16(POLLOUT) != 0,
                    hungUp: reported & Int16(POLLHUP | POLLERR | POLLNVAL) != 0))
        }
        return Int(found)
    }

    private func position(of watch: Watch) -> Int? {
        guard let position = positions[watch.descriptor], watches[position] == watch else { return nil }
        return position
    }

    private static func entry(_ watch: Watch, _ interest: Interest) -> pollfd {
        var events: Int16 = 0
        if interest.contains(.read) { events |= Int16(POLLIN) }
        if interest.contains(.write) { events |= Int16(POLLOUT) }
        let isSilent = events == 0 || interest.contains(.hungUp)
        return pollfd(fd: isSilent ? -1 : watch.descriptor, events: events, revents: 0)
    }
}
#endif
