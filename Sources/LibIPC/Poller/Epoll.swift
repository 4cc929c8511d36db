// Epoll.swift - readiness by epoll(7).
//
// Each descriptor is registered once, and by level: no receive has to find the end of what is there, and one that comes
// back short, or empty for whatever reason, loses nothing. The 64 bits that come back carry the generation beside the
// number: a descriptor that was closed while a copy lives elsewhere (dup, fork, SCM_RIGHTS) goes on reporting and cannot
// be removed by number any more; its events are recognised, and the context then builds a new epoll set.

#if os(Linux) && !POLLER_POLL
import CLibIPC

struct EpollPoller: ~Copyable {
    private static let batch = 64

    private let descriptor: Int32
    var needsRebuild = false

    init() throws(IPCError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .system(IPC_ERROR_POLLER, "create an epoll set") }
    }

    deinit { close(descriptor) }

    mutating func add(_ watch: Watch, _ interest: Interest) throws(IPCError) -> Admission {
        guard control(EPOLL_CTL_ADD, watch, interest) != 0 else { return .watched }
        switch libipc_errno() {
        case EPERM: return .alwaysReady
        case EEXIST: return .duplicate
        case EBADF: return .notOpen
        default: throw .system(IPC_ERROR_POLLER, "watch", .descriptor(watch.descriptor))
        }
    }

    func update(_ watch: Watch, from old: Interest, to new: Interest) throws(IPCError) {
        if control(EPOLL_CTL_MOD, watch, new) != 0, libipc_errno() == ENOMEM {
            throw .system(IPC_ERROR_POLLER, "watch", .descriptor(watch.descriptor))
        }
    }

    func remove(_ watch: Watch) {
        var event = epoll_event()
        epoll_ctl(descriptor, EPOLL_CTL_DEL, watch.descriptor, &event)
    }

    /// The kernel drops the registration with the last copy of the descriptor (epoll(7)).
    func forget(_ watch: Watch) {}

    /// - Parameter timeout: milliseconds, negative for ever.
    mutating func wait(timeout: Int32, _ report: (Readiness) -> Void) throws(IPCError) -> Int {
        let found = withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: EpollPoller.batch) { events in
            let count = epoll_wait(descriptor, events.baseAddress, Int32(events.count), timeout)
            for event in events.prefix(max(Int(count), 0)) { report(EpollPoller.readiness(event)) }
            return count
        }
        guard found >= 0 else { throw .system(IPC_ERROR_WAIT_EVENT__POLL, "wait for events") }
        return Int(found)
    }

    private func control(_ operation: Int32, _ watch: Watch, _ interest: Interest) -> Int32 {
        var bits: UInt32 = 0
        if interest.contains(.read) || interest.contains(.hungUp) { bits |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
        if interest.contains(.write) { bits |= EPOLLOUT.rawValue }
        // A hang-up is reported whether it is wanted or not: once is enough then (EPOLLET, which Swift does not import).
        if !interest.contains(.read) { bits |= 1 << 31 }
        var event = epoll_event()
        event.events = bits
        event.data.u64 = UInt64(watch.generation) << 32 | UInt64(UInt32(bitPattern: watch.descriptor))
        return epoll_ctl(descriptor, operation, watch.descriptor, &event)
    }

    private static func readiness(_ event: epoll_event) -> Readiness {
        let datum = event.data.u64
        let closed = EPOLLHUP.rawValue | EPOLLRDHUP.rawValue | EPOLLERR.rawValue
        return Readiness(
            watch: Watch(
                Int32(truncatingIfNeeded: datum), generation: UInt32(truncatingIfNeeded: datum >> 32)),
            readable: event.events & EPOLLIN.rawValue != 0,
            writable: event.events & EPOLLOUT.rawValue != 0,
            hungUp: event.events & closed != 0)
    }
}
#endif
