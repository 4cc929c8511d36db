// Connection.swift - what the library knows of one entry of a context, and the lines that connections stand in.

/// What an entry is: the contract's connection types and their numbers.
///
/// Carries frames, which the library reads and writes; the program reads it; a listening socket; one end of a pair whose messages
/// go from one to the other.
enum ConnectionKind: UInt32 { case ipc, external, server, switched }

/// Connections stay where they are in memory: lines and tables lead to them. A context owns its connections, and takes one
/// out of every line and table before it frees it.
typealias ConnectionReference = UnsafeMutablePointer<Connection>

struct Connection: ~Copyable {
    fileprivate struct Link: BitwiseCopyable { var previous: ConnectionReference?, next: ConnectionReference? }

    let registration: Registration
    var channel: Channel
    /// In the context and its view.
    var index: Int
    /// Whose lock guards it: that of the context that has it; or, for what a call without one had to leave behind, of a stripe
    /// (DescriptorTable).
    let owner: MonitorReference
    fileprivate var links = InlineArray<5, Link>(repeating: Link())

    /// What the poller was asked for.
    var interest: Interest = .read
    /// The number is this connection's; otherwise its descriptor was closed, or belongs to another entry.
    var isLive = false
    /// The system calls it always ready, and does not watch it.
    var isAlwaysReady = false
    /// There may be bytes to read.
    var isReadable = false
    /// Events that the poller reported last, as poll(2) bits.
    var reported: Int32 = 0
    /// The program was told of a hang-up; the poller will report that hang-up once more.
    var isHangUpTold = false, isRepeatExpected = false
    /// Value of `Context.sleeps` when the program was last told that it is readable.
    var toldAfter = UInt32.max
    /// Not read for now: no free descriptor for a client, no room at the other end of a pair, no other end, or the peer has stopped
    /// writing.
    var isPaused = false
    /// The kernel's buffer was full: the poller says when there is room.
    var isBlocked = false
    /// A write failed for want of space or memory: it is retried after a pause.
    var isStarved = false
    /// The peer has stopped writing. The connection ends when its queue has been sent, or at this deadline.
    var drainsUntil: Deadline?
    /// The queue has frames that the parent of this process sends, too.
    var hasInheritedFrames = false
    /// The descriptor was found closed while the poller was rebuilt.
    var isClosedByProgram = false
    /// A switched end that has left, or failed for this reason, while its last messages wait for room at the other end.
    var hasLeft = false
    var failure: IPCError?
    /// Why sending failed; the end of what the peer sent before decides what the program is told.
    var sendFailure: Int32 = 0
    /// In which call the poller last reported it: older news of a program's descriptor is asked for again.
    var reportedIn: UInt32 = 0
    /// The socket file of a server, to remove no other.
    var socketFile: SocketFile?
    /// A listening socket that the library made, which does not block.
    var isOwnListener = false
    /// File of a server that failed permanently: it is not live, but still open. Closing compares the file, so that it closes no
    /// other.
    var failedFile: FileIdentity?
    /// Path of a closed server, from malloc(3). It is freed when free(3) may be called again.
    var formerPath: UnsafeMutablePointer<CChar>?
    /// The callback that reads said that it holds more.
    var holdsMore = false
    /// Another entry of the context has this number too.
    var hasTwin = false

    /// The place of the thread that has its last event in hand.
    var lease: LeaseReference?
    /// A call that waits for one message has taken the inbox along; others wait until it is back.
    var reader = Reader.none
    var isReaderAwaited = false
    /// Its turn came when it was in a thread's hands.
    var isDeferred = false

    init(_ channel: consuming Channel, generation: UInt32 = 0, index: Int = 0, owner: MonitorReference) {
        registration = Registration(descriptor: channel.descriptor.number, generation: generation)
        self.channel = channel
        (self.index, self.owner) = (index, owner)
    }

    deinit { free(formerPath) }

    var number: Int32 { registration.descriptor }
    /// A thread waits in a call for its descriptor.
    var isAwaited: Bool { reader.isThere || channel.outbox.isClaimed || channel.outbox.holdsLent }

    /// Something is to be sent, to the file that the number means now. Who reads another one brings back in vain what that said.
    mutating func renew() {
        if channel.renew() { return }
        reader = .none
        if isReaderAwaited { owner.wakeReaders() }
        isReaderAwaited = false
    }

    static func make(_ connection: consuming Connection) throws(IPCError) -> ConnectionReference {
        let reference = try allocate(MemoryLayout<Connection>.stride).bindMemory(to: Connection.self, capacity: 1)
        reference.initialize(to: connection)
        return reference
    }

    static func destroy(_ connection: ConnectionReference) {
        connection.deinitialize(count: 1)
        free(connection)
    }
}

/// Connections in line, linked through themselves: each stands in it at most once, and leaves from anywhere at the same cost.
struct ConnectionQueue {
    /// Which of the connections' links are this line's.
    private let slot: Int
    private(set) var first: ConnectionReference?
    private var last: ConnectionReference?

    init(slot: Int) { self.slot = slot }

    var isEmpty: Bool { first == nil }

    func following(_ connection: ConnectionReference) -> ConnectionReference? { connection.pointee.links[slot].next }

    func has(_ connection: ConnectionReference) -> Bool { first == connection || connection.pointee.links[slot].previous != nil }

    @inline(__always)
    mutating func append(_ connection: ConnectionReference) {
        guard !has(connection) else { return }
        connection.pointee.links[slot] = Connection.Link(previous: last, next: nil)
        if let last { last.pointee.links[slot].next = connection } else { first = connection }
        last = connection
    }

    mutating func remove(_ connection: ConnectionReference) {
        guard has(connection) else { return }
        let link = connection.pointee.links[slot]
        connection.pointee.links[slot] = Connection.Link()
        if let previous = link.previous { previous.pointee.links[slot].next = link.next } else { first = link.next }
        if let next = link.next { next.pointee.links[slot].previous = link.previous } else { last = link.previous }
    }

    mutating func takeFirst() -> ConnectionReference? {
        defer { if let first { remove(first) } }
        return first
    }
}
