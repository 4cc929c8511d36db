// Poller.swift - what a context asks of the system's readiness interface, and which one it gets.
//
// One file for each interface: Epoll.swift (Linux), Kqueue.swift (the BSDs, macOS; or with POLLER_KQUEUE) and Poll.swift (POSIX; with
// POLLER_POLL); SetPoller.swift has what the first two share. Only the chosen one is compiled. A poller knows which descriptors to watch
// and for what, and reports readiness, level-triggered. It knows nothing of messages. One thread at a time waits with it, possibly
// without the context's lock: a Watch is a copy of what such a wait needs.
//
// What each must offer:
//   init() throws(IPCError)
//   init(idle: Bool)                       may have no descriptor yet and watch nothing (isIdle), until the context builds a new one;
//                                          then needsRebuild is set
//   watchesNumbers                         whether it watches numbers, not files: a new file behind a number is watched at once
//   repeatsHangUp                          whether `update` with `changes` reports a present hang-up once more
//   add(Registration, Interest) throws(IPCError) -> WatchResult
//   update(Registration, Interest)         sets needsRebuild when it fails
//   remove(Registration)                   the descriptor may have been closed already
//   confirm(Registration, Interest) -> Confirmation  whether the number still means the file that was added
//   prepare() throws(IPCError) -> Watch    what to wait with: one thread at a time, possibly without the context's lock
//   prepareList(fill) throws(IPCError) -> Watch  a wait with poll(2) for the descriptors that `fill` lists
//   usesList                               whether the last wait was prepared with a list
//   listsOnly(Registration, Interest), listWatch  whether the last list has exactly this descriptor; and a wait with that list again
//   takeList(of: inout Poller)             moves the other's list here, because a thread may be waiting with it without the lock
//   currentWatch                           a wait of this poller as it is now
//   Watch.wait(timeout:) throws(IPCError) -> Finding  EINTR is thrown, as IPC_ERROR_WAIT_EVENT__POLL
//   Watch.collect() throws(IPCError) -> Finding  does not wait; for use after `unknown`
//   moveReady(Int) -> Int                  with the lock again: makes the reported descriptors the first ones, and returns their number
//   readiness(at: Int) -> Readiness        of those; Registration.waker may be among them, and calls for drainWaker()
//   wake()                                 wakes the thread that waits
//   markedWaker                            the number that wake() writes to (libipc_marked); 0: none
//   isStale                                the thread that waits has to be woken, so that it watches what has changed
//   set                                    the number that becomes readable when a descriptor is ready, for another loop; or -1
//   isLost                                 the program has closed the poller's descriptor, and another context has got its number
//   hasSet                                 `set` is there, and is the poller's: the program has not closed it
//   identity(of: Int32)                    what tells a set, or another descriptor of a LoopDescriptor, from other files with its number
//   closeDescriptors()                     closes the library's own descriptors, and frees no memory
//   needsRebuild                           a new poller must take over: this one reports removed registrations that it cannot
//                                          remove, an update failed, or the program has closed its descriptor

#if POLLER_POLL
typealias Poller = PollPoller
#elseif POLLER_KQUEUE || os(macOS) || os(FreeBSD) || os(OpenBSD)
typealias Poller = KqueuePoller
#else
typealias Poller = EpollPoller
#endif

/// A descriptor that is watched. The generation tells it from others that had the same number.
struct Registration: Equatable, BitwiseCopyable {
    let descriptor: Int32
    let generation: UInt32
}

/// What to watch a descriptor for. With an empty set the poller reports a hang-up at most once.
struct Interest: OptionSet, BitwiseCopyable {
    let rawValue: Int32

    static let read = Interest(rawValue: POLLIN)
    static let write = Interest(rawValue: POLLOUT)
    /// The program knows of the hang-up: the poller reports only changes.
    static let changes = Interest(rawValue: 1 << 30)

    /// The events for poll(2).
    var polled: Int32 { rawValue & (POLLIN | POLLOUT) }
}

/// Result of a wait: the number of ready descriptors; an unknown number, which `collect` finds; or that the program has closed the
/// poller's descriptor.
struct Finding: Equatable, BitwiseCopyable {
    /// Negative when it is unknown.
    let count: Int

    @inline(__always) static func ready(_ count: Int) -> Finding { Finding(count: count) }
    static var unknown: Finding { Finding(count: -1) }
    static var lost: Finding { Finding(count: -2) }
}

/// What the number of a registration means now: the file that was added, another file, or none.
enum Confirmation { case same, otherFile, closed }

/// Result of `add`: watched; not watched, because the system calls it always ready (a regular file); or not watched, because it is not
/// open.
enum WatchResult { case watched, alwaysReady, notOpen }

struct Readiness: BitwiseCopyable {
    let registration: Registration
    /// Bits of poll(2).
    let events: Int32

    var readable: Bool { events & POLLIN != 0 }
    var writable: Bool { events & POLLOUT != 0 }
    /// Nothing more can come: both sides are closed, or the descriptor has failed.
    var hungUp: Bool { events & (POLLHUP | POLLERR) != 0 }
}
