// Epoll.swift - readiness by epoll(7).
//
// Each descriptor is registered once, and by level: no receive has to find the end of what is there, and one that comes back
// short, or empty for whatever reason, loses nothing. The 64 bits that come back carry the generation beside the number: a
// descriptor that was closed while a copy lives elsewhere (dup, fork, SCM_RIGHTS) goes on reporting and cannot be removed by
// number any more; its events are recognised, and the context then builds a new epoll set.

#if os(Linux) && !POLLER_POLL
import CLibIPC

struct EpollPoller: ~Copyable {
    /// Events of one call.
    private static let batch = 64
    /// EPOLLET, a macro that Swift does not import.
    private static let edgeTriggered: UInt32 = 1 << 31

    private let descriptor: Int32
    private var events = InlineArray<64, epoll_event>(repeating: epoll_event())
    var needsRebuild = false

    init() throws(IPCError) { descriptor = try check(call: epoll_create1(Int32(EPOLL_CLOEXEC)), IPC_ERROR_POLLER, "create an epoll set") }

    deinit { close(descriptor) }

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> Admission {
        guard control(EPOLL_CTL_ADD, registration, interest) != 0 else { return .watched }
        switch libipc_errno() {
        case EPERM: return .alwaysReady
        case EEXIST: return .duplicate
        case EBADF: return .notOpen
        default: throw .system(IPC_ERROR_POLLER, "watch descriptor \(registration.descriptor)")
        }
    }

    mutating func update(_ registration: Registration, _ interest: Interest) {
        if control(EPOLL_CTL_MOD, registration, interest) != 0 { needsRebuild = true }
    }

    func remove(_ registration: Registration) { _ = control(EPOLL_CTL_DEL, registration, []) }

    /// - Parameter timeout: milliseconds, negative for ever.
    mutating func wait(timeout: Int32) throws(IPCError) -> Int {
        let set = descriptor
        let found = withUnsafeMutableBytes(of: &events) { bytes in
            epoll_wait(set, bytes.bindMemory(to: epoll_event.self).baseAddress, Int32(EpollPoller.batch), timeout)
        }
        return Int(try check(call: found, IPC_ERROR_WAIT_EVENT__POLL, "wait for events"))
    }

    func readiness(at index: Int) -> Readiness {
        let event = events[index]
        let datum = event.data.u64
        return Readiness(
            registration: Registration(
                descriptor: Int32(truncatingIfNeeded: datum), generation: UInt32(truncatingIfNeeded: datum >> 32)),
            readable: event.events & EPOLLIN.rawValue != 0,
            writable: event.events & EPOLLOUT.rawValue != 0,
            hungUp: event.events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0)
    }

    private func control(_ operation: Int32, _ registration: Registration, _ interest: Interest) -> Int32 {
        var bits: UInt32 = 0
        if interest.contains(.read) || interest.contains(.news) { bits |= EPOLLIN.rawValue }
        if interest.contains(.write) { bits |= EPOLLOUT.rawValue }
        // A hang-up is reported whether it is wanted or not: once is enough where nobody reads.
        if !interest.contains(.read) { bits |= EpollPoller.edgeTriggered }
        var event = epoll_event()
        event.events = bits
        event.data.u64 = UInt64(registration.generation) << 32 | UInt64(UInt32(bitPattern: registration.descriptor))
        return epoll_ctl(descriptor, operation, registration.descriptor, &event)
    }
}
#endif
