// Connection.swift - what the library knows of one entry of a context.

import CLibIPC

/// What an entry is: the contract's connection types.
enum ConnectionKind: UInt32 {
    /// Carries frames, which the library reads and writes.
    case ipc = 0
    /// The program reads it.
    case external = 1
    /// A listening socket.
    case server = 2
    /// One end of a pair whose messages go from one to the other.
    case switched = 3
}

/// A file as the system identifies it, whatever its name is by now.
struct FileIdentity: Equatable {
    let device: UInt64
    let inode: UInt64

    /// Of the file at `path`, a symbolic link itself.
    init?(path: UnsafePointer<CChar>) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}

/// The lists that a connection can be in, each at most once. They run through the connections themselves.
enum Queue: Int {
    /// Has, or may have, something to read: served in turn.
    case ready = 0
    /// Has frames to send, and may be writable.
    case unsent = 1
    /// Has frames whose sending is to be reported.
    case sent = 2
    /// Could not accept for want of descriptors.
    case starved = 3
}

struct Connection: ~Copyable {
    struct Link {
        var previous: Int32 = -1
        var next: Int32 = -1
        var isLinked = false
    }

    let watch: Watch
    var inbox = Inbox()
    var outbox = Outbox()
    var links = InlineArray<4, Link>(repeating: Link())

    /// What the poller was asked for.
    var interest: Interest = []
    /// The number is this connection's; otherwise its descriptor was closed, or belongs to another entry.
    var isLive = true
    /// The system calls it always ready, and does not watch it.
    var isAlwaysReady = false
    /// There may be bytes to read.
    var isReadable = false
    /// The poller saw the end: a receive that comes back short is not the last one.
    var isClosing = false
    /// A program was told that this external descriptor hung up.
    var toldHangUp = false
    /// The kernel's buffer was full: the poller says when there is room.
    var isBlocked = false
    /// A switched end that has left, while its last messages wait for room at the other end.
    var hasLeft = false
    /// A callback said that it holds more.
    var callbackHoldsMore = false
    /// Why sending failed; the end of what the peer sent before decides what the program is told.
    var sendFailure: Int32 = 0
    /// A switched end that is not read until the other one has room.
    var isAwaitingRoom = false
    /// The switched end that is not read until this one has room, or -1.
    var awaitedBy: Int32 = -1
    /// In which call the poller last reported it: older news of a program's descriptor is asked for again.
    var reportedIn: UInt32 = 0
    /// Of the descriptor: a program may close it and get the number for something else.
    var identity: FileIdentity?
    /// The socket file of a server, to remove no other.
    var socketFile: FileIdentity?

    init(_ watch: Watch) { self.watch = watch }

    /// In either direction.
    var holdsBytes: Bool { !inbox.isEmpty || outbox.hasPending }
    var descriptor: Descriptor { Descriptor(watch.descriptor) }
}
