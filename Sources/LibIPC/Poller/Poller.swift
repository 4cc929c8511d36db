// Poller.swift - what a context asks of the system's readiness interface, and which one it gets.
//
// One file for each system: Epoll.swift (Linux), Poll.swift (POSIX; everywhere, or with POLLER_POLL). A poller is told
// which descriptors to watch and for what, and says which are ready, as long as they are; it knows nothing of messages.
//
// What each must offer:
//   init() throws(IPCError)
//   add(Watch, Interest) throws(IPCError) -> Admission
//   update(Watch, from: Interest, to: Interest) throws(IPCError)
//   remove(Watch)                 the descriptor is still open
//   forget(Watch)                 it has been closed, or will be at once
//   wait(timeout:, events) throws(IPCError) -> Int    EINTR is thrown, as IPC_ERROR_WAIT_EVENT__POLL
//   needsRebuild                  events of a registration that is gone were seen, and cannot be silenced

import CLibIPC

#if os(Linux) && !POLLER_POLL
typealias Poller = EpollPoller
#else
typealias Poller = PollPoller
#endif

/// A registration: the descriptor, and which of those that had this number it is.
struct Watch: Equatable {
    let descriptor: Int32
    let generation: UInt32

    init(_ descriptor: Int32, generation: UInt32) {
        self.descriptor = descriptor
        self.generation = generation
    }
}

struct Interest: OptionSet {
    let rawValue: UInt8

    static let read = Interest(rawValue: 1)
    static let write = Interest(rawValue: 2)
    /// Hung up, and told so: report only that something new can be read, if the system can tell.
    static let hungUp = Interest(rawValue: 4)
}

enum Admission {
    case watched
    /// The system calls it always ready and does not watch it: a regular file.
    case alwaysReady
    /// This very registration exists already.
    case duplicate
    /// Not an open descriptor.
    case notOpen
}

struct Readiness {
    let watch: Watch
    let readable: Bool
    let writable: Bool
    /// The peer has closed, at least its sending side, or the descriptor has failed.
    let hungUp: Bool
}
