// Poller.swift - what a context asks of the system's readiness interface, and which one it gets.
//
// One file for each system: Epoll.swift (Linux), Poll.swift (POSIX; everywhere, or with POLLER_POLL). A poller is told which
// descriptors to watch and for what, and says which are ready, as long as they are; it knows nothing of messages.
//
// What each must offer:
//   init() throws(IPCError)
//   init(idle: Bool)                       one that may watch nothing (isIdle) until it is rebuilt, which it then needs
//   watchesNumbers                         whether it watches numbers, not files: a new file behind a number is watched at once
//   repeatsHangUp                          whether `update` with `changes` reports a present hang-up once more
//   add(Registration, Interest) throws(IPCError) -> Admission
//   update(Registration, Interest)         what cannot be done sets needsRebuild
//   remove(Registration)                   the descriptor may have been closed already
//   confirm(Registration, Interest) -> Confirmation  whether the number still means the file that was added
//   prepare(fill) throws(IPCError) -> Watch  a wait with poll(2) for the descriptors that `fill` lists
//   takeList(of: inout Poller)             takes over the list that a thread may be asking without the lock
//   lists(Registration, Interest), watchOfList  whether the last list has exactly this descriptor; then it can be used again
//   prepare() throws(IPCError) -> Watch    a wait for one thread at a time, possibly without the context's lock
//   Watch.wait(timeout:) throws(IPCError) -> Finding  EINTR is thrown, as IPC_ERROR_WAIT_EVENT__POLL
//   set                                    the watch of this poller as it is now
//   Watch.collect() throws(IPCError) -> Finding  without waiting, after `unknown`
//   collect(Int) -> Int                    with the lock again: the number of descriptors known to be ready
//   readiness(at: Int) -> Readiness        of those; Registration.alarm among them, which silence() is for
//   wake()                                 the thread that waits, where there may be others in the process
//   closeDescriptors()                     closes the library's own descriptors, and frees no memory
//   isStale                                who waits must be woken, to ask for what has changed
//   needsRebuild                           a new poller must take over: this one reports removed registrations that it cannot
//                                          remove, could not be updated, or was closed by the program

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
    /// A hang-up was reported: only a change is to be reported.
    static let changes = Interest(rawValue: 1 << 30)

    /// As poll(2) takes it.
    var polled: Int32 { rawValue & (POLLIN | POLLOUT) }
}

/// Result of a wait: the number of ready descriptors; an unknown number, which `collect` finds; or that the program has closed the
/// poller's descriptor.
struct Finding: Equatable, BitwiseCopyable {
    /// Negative where it is not known.
    let count: Int

    @inline(__always) static func named(_ count: Int) -> Finding { Finding(count: count) }
    static var unknown: Finding { Finding(count: -1) }
    static var lost: Finding { Finding(count: -2) }
}

enum Confirmation { case same, otherFile, closed }

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
