// Poller.swift - what a context asks of the system's readiness interface, and which one it gets.
//
// One file for each system: Epoll.swift (Linux), Poll.swift (POSIX; everywhere, or with POLLER_POLL). A poller is told which
// descriptors to watch and for what, and says which are ready, as long as they are; it knows nothing of messages.
//
// What each must offer:
//   init() throws(IPCError)
//   add(Registration, Interest) throws(IPCError) -> Admission
//   update(Registration, Interest)         what cannot be done sets needsRebuild
//   remove(Registration)                   the descriptor may have been closed already
//   wait(timeout:) throws(IPCError) -> Int how many are ready; EINTR is thrown, as IPC_ERROR_WAIT_EVENT__POLL
//   readiness(at: Int) -> Readiness        of those
//   needsRebuild                           a new poller must take over: this one reports registrations that are gone and cannot
//                                          be silenced, or could not be told what is wanted

import CLibIPC

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

struct Interest: OptionSet, BitwiseCopyable {
    let rawValue: UInt8

    static let read = Interest(rawValue: 1)
    static let write = Interest(rawValue: 2)
    /// Reading, but only what is new, if the system can tell: for a descriptor that hung up.
    static let news = Interest(rawValue: 4)
}

enum Admission {
    case watched
    /// The system calls it always ready and does not watch it: a regular file.
    case alwaysReady
    /// This very file is watched under this number already.
    case duplicate
    /// Not an open descriptor.
    case notOpen
}

struct Readiness: BitwiseCopyable {
    let registration: Registration
    let readable: Bool
    let writable: Bool
    /// Nothing more can come: both sides are closed, or the descriptor has failed.
    let hungUp: Bool
}
