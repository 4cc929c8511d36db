// Poller.swift - what a context asks of the system's readiness interface, and which one it gets.
//
// One file for each system: Epoll.swift (Linux), Poll.swift (POSIX; everywhere, or with POLLER_POLL). A poller is told which
// descriptors to watch and for what, and says which are ready, as long as they are; it knows nothing of messages.
//
// What each must offer:
//   init() throws(IPCError)
//   init(idle: Bool)                       one that may watch nothing (isIdle) until it is rebuilt, which it then needs
//   add(Registration, Interest) throws(IPCError) -> Admission
//   update(Registration, Interest)         what cannot be done sets needsRebuild
//   remove(Registration)                   the descriptor may have been closed already
//   prepare(only: Registration, Interest) throws(IPCError) -> Watch? a cheaper way to ask for one descriptor, in a process of one thread
//   prepare() throws(IPCError) -> Watch    what to ask, maybe without the context's lock, by one thread at a time
//   Watch.wait(timeout:) throws(IPCError) -> Int how many are ready; EINTR is thrown, as IPC_ERROR_WAIT_EVENT__POLL
//   collect(Int) throws(IPCError) -> Int   with the lock again: of how many it is known which
//   readiness(at: Int) -> Readiness        of those; Registration.alarm among them, which silence() is for
//   wake()                                 the thread that waits, where there may be others in the process
//   isStale                                who waits must be woken, to ask for what has changed
//   needsRebuild                           a new poller must take over: this one reports registrations that are gone and cannot
//                                          be silenced, or could not be told what is wanted

#if os(Linux) && !POLLER_POLL
typealias Poller = EpollPoller
#else
typealias Poller = PollPoller
#endif

/// A descriptor that is watched, and which of those that had this number it is.
struct Registration: Equatable, BitwiseCopyable {
    let descriptor: Int32
    let generation: UInt32
}

/// What is wanted. Where it is nothing, not even a hang-up is reported twice.
struct Interest: OptionSet, BitwiseCopyable {
    let rawValue: Int32

    static let read = Interest(rawValue: POLLIN)
    static let write = Interest(rawValue: POLLOUT)
}

/// Watched; not, because the system calls it always ready: a regular file; not, because it is no open descriptor.
enum Admission { case watched, alwaysReady, notOpen }

struct Readiness: BitwiseCopyable {
    let registration: Registration
    /// As poll(2) says it.
    let events: Int32

    var readable: Bool { events & POLLIN != 0 }
    var writable: Bool { events & POLLOUT != 0 }
    /// Nothing more can come: both sides are closed, or the descriptor has failed.
    var hungUp: Bool { events & (POLLHUP | POLLERR) != 0 }
}
