// DescriptorList.swift - the descriptors for a wait with poll(2), and its result.
//
// poll(2) is level-triggered, and always reports hang-ups. If the program already knows of a hang-up (Interest.changes), the list checks
// the descriptor before the wait, and leaves it out while it is still hung up. It checks again after `recheck` milliseconds.

struct DescriptorList: ~Copyable {
    /// Milliseconds after which descriptors that were left out are checked again. Also the longest wait when nothing can wake it.
    static var recheck: Int32 { 100 }

    /// A wait with the list, possibly without the context's lock. The list does not change meanwhile.
    struct Watch: BitwiseCopyable {
        fileprivate var entries: UnsafeMutablePointer<pollfd>?
        fileprivate var count: Int32 = 0
        /// Milliseconds after which the wait ends by itself; negative: never.
        var limit: Int32 = -1

        /// - Parameter timeout: milliseconds, negative for ever.
        @inline(__always)
        func wait(timeout: Int32) throws(IPCError) -> Finding {
            while true {
                let result = libipc_sleep(entries, count, limited(timeout))
                let reported = Int(try check(call: result, IPC_ERROR_WAIT_EVENT__POLL, "wait for events"))
                if reported == 0 || leaveOutClosed() < reported { return .ready(reported) }
            }
        }

        func limited(_ timeout: Int32) -> Int32 { shorterWait(timeout, limit) }

        /// Leaves out numbers that the program has closed: each would end every wait. Returns how many.
        private func leaveOutClosed() -> Int {
            guard let entries else { return 0 }
            var closed = 0
            for index in 0..<Int(count) where Int32(entries[index].revents) & POLLNVAL != 0 {
                (entries[index].fd, entries[index].revents) = (-1, 0)
                closed += 1
            }
            return closed
        }
    }

    private var entries = HeapArray<pollfd>()
    /// Of the entries, at the same indices.
    private var registrations = HeapArray<Registration>()
    private var limit: Int32 = -1

    init() {}

    var watch: Watch { Watch(entries: entries.base, count: Int32(truncatingIfNeeded: entries.count), limit: limit) }

    /// Whether the list has exactly this descriptor.
    @inline(__always)
    func isOnly(_ registration: Registration, _ interest: Interest) -> Bool {
        guard entries.count == 1, let entry = entries.base, let known = registrations.base else { return false }
        return known.pointee == registration && entry.pointee.fd == registration.descriptor
            && Int32(entry.pointee.events) == interest.rawValue
    }

    mutating func removeAll() {
        entries.removeAll()
        registrations.removeAll()
        limit = -1
    }

    /// Limits the wait, because nothing can wake it.
    mutating func limitWait() { limit = DescriptorList.recheck }

    /// Adds a descriptor, unless nothing is wanted of it or the program knows of its hang-up.
    /// - Returns: false: the hang-up that the program knows of is over. The caller clears `changes`, so that the next one is reported.
    @discardableResult
    mutating func append(_ registration: Registration, _ interest: Interest) throws(IPCError) -> Bool {
        if interest.isEmpty { return true }
        if interest.contains(.changes) {
            let now = Descriptor(registration.descriptor).poll(interest.polled, timeout: 0)
            if now & (POLLHUP | POLLERR) != 0, now & interest.polled == 0 {
                limitWait()
                return true
            }
        }
        try append(registration, registration.descriptor, interest.polled)
        return !interest.contains(.changes)
    }

    mutating func append(waker descriptor: Int32) throws(IPCError) { try append(.waker, descriptor, POLLIN) }

    private mutating func append(_ registration: Registration, _ descriptor: Int32, _ events: Int32) throws(IPCError) {
        try registrations.reserve()
        try entries.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
        registrations.appendReserved(registration)
    }

    /// Moves the `reported` ready descriptors to the front; returns how many there are.
    mutating func moveReady(_ reported: Int) -> Int {
        if entries.count == 1 { return reported }
        var count = 0
        for index in 0..<entries.count where count < reported && entries[index].revents != 0 {
            let (entry, registration) = (entries[index], registrations[index])
            (entries[index], registrations[index]) = (entries[count], registrations[count])
            (entries[count], registrations[count]) = (entry, registration)
            count += 1
        }
        return count
    }

    func readiness(at index: Int) -> Readiness { Readiness(registration: registrations[index], events: Int32(entries[index].revents)) }
}
