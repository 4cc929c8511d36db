// Connection.swift - what a context knows of one of its entries.

/// What an entry is: the contract's connection types and their numbers.
///
/// ipc: carries frames, which the library reads and writes. external: the program reads it. server: a listening socket. switched: one
/// end of a pair, whose messages the library passes to the other end.
enum ConnectionKind: UInt32 { case ipc, external, server, switched }

/// Connections stay where they are in memory, because queues and tables lead to them.
typealias ConnectionReference = UnsafeMutablePointer<Connection>

struct Connection: ~Copyable {
    /// What a connection waits for before it is read. `Context.setState` changes the state, and puts the connection into the queue that
    /// belongs to the state.
    enum State: BitwiseCopyable {
        /// There is no stream: the descriptor is closed, or its number belongs to another entry. Nothing happens here.
        case inactive
        /// The poller reports when there is something to read.
        case idle
        /// Its turn comes: in the queue `runnable`.
        case runnable
        /// Its turn came while another thread had a lease on it, or on the other end of its pair. It becomes runnable when the lease ends.
        case leased
        /// Of a switched end: too many bytes are queued for the other end. In the queue `parked`, as all states below.
        case awaitingRoom
        /// Of a switched end: it has no live partner. The program was told.
        case awaitingPartner
        /// A server that lacks a descriptor or memory for a client. It tries again after a pause.
        case starved
        /// The peer has stopped writing. It is dismissed when its queue has been sent, or at this time.
        case draining(until: Deadline)
    }

    /// What the outbox of a connection waits for.
    enum Sending: BitwiseCopyable {
        /// Nothing. The connection is in the queue `outgoing`, if it has frames to send, or sent frames to tell the program of.
        case ready
        /// The kernel had no room: the poller reports when there is.
        case blocked
        /// The system lacked space or memory. It tries again after a pause.
        case starved
        /// Sending has failed for good, for this reason (errno). What the peer sent before decides which event the program gets.
        case failed(Int32)
    }

    /// Of a switched end that has left, while its last messages wait for room at the other end.
    enum Ending { case none, left, failed(IPCError) }

    /// Of an EXTERNAL descriptor: whether the program was told of its hang-up. `repeated`: it was told, and the poller will report the
    /// same hang-up once more.
    enum HangUp { case none, told, repeated }

    /// A bit beside those of poll(2) in `reported`: the poller has not reported it, but there may be something to read.
    static var mayBeReadable: Int32 { 1 << 16 }

    let registration: Registration
    /// In the context and its public arrays.
    var index: Int
    /// nil where it is inactive.
    var stream: StreamReference?
    var state = State.inactive
    var sending = Sending.ready
    /// Its places in two queues: one of those for reading, and the one for sending (ConnectionQueue.Slot).
    var links = InlineArray<2, ConnectionQueue.Link>(repeating: ConnectionQueue.Link())

    /// What the poller was asked for.
    var interest: Interest = .read
    /// What the poller has reported and nobody has read since, as poll(2) bits.
    var reported: Int32 = 0
    /// In which call (`Context.call`) the poller last reported it. If the program reads the descriptor, an older report may be stale.
    var reportedIn: UInt32 = 0
    /// Frames that were sent, and that the program was not told of yet.
    var untold = 0
    /// The lease of the thread that handles its last event.
    var lease: LeaseReference?

    /// The system calls the file always ready (a regular file), and the poller does not watch it.
    var isAlwaysReady = false
    var hangUp = HangUp.none
    /// Value of `Context.sleeps` when the program was last told that it is readable.
    var toldAfter = UInt32.max
    var ending = Ending.none
    /// A server accepted it; and the user who connected, if that was asked (ipc_ctx_limit).
    var isAccepted = false, user: UInt32?
    /// The program's callback has said that it holds more bytes.
    var holdsMore = false
    /// Another entry of the context has this number too.
    var hasDuplicate = false
    /// Generation of the entry whose place it has taken, and which goes on when this one is deleted; 0: none.
    var replaced: UInt32 = 0
    /// Of a server; memory from `Server.make`.
    var server: UnsafeMutablePointer<Server>?
    /// Path of a closed server, from malloc(3). It is freed when free(3) may be called again (Context+Closing).
    var formerPath: UnsafeMutablePointer<CChar>?

    init(_ number: Int32, generation: UInt32, index: Int) {
        registration = Registration(descriptor: number, generation: generation)
        self.index = index
    }

    deinit {
        free(formerPath)
        free(server)
    }

    var number: Int32 { registration.descriptor }
    var isActive: Bool { stream != nil }

    /// It is not read for now, and the poller need not watch it.
    var isPaused: Bool {
        switch state {
        case .idle, .runnable: false
        // The poller watches a leased connection until it reports it once (`markReported`).
        case .leased: !interest.contains(.read)
        case .inactive, .awaitingRoom, .awaitingPartner, .starved, .draining: true
        }
    }

    var isIdle: Bool { if case .idle = state { true } else { false } }
    var isReady: Bool { if case .ready = sending { true } else { false } }
    var isBlocked: Bool { if case .blocked = sending { true } else { false } }
    /// errno; 0: sending has not failed.
    var sendFailure: Int32 { if case .failed(let number) = sending { number } else { 0 } }

    static func make(_ number: Int32, generation: UInt32, index: Int) throws(IPCError) -> ConnectionReference {
        let reference = try allocate(MemoryLayout<Connection>.stride).bindMemory(to: Connection.self, capacity: 1)
        reference.initialize(to: Connection(number, generation: generation, index: index))
        return reference
    }

    /// Frees one that is inactive, and so in no queue.
    static func destroy(_ connection: ConnectionReference) {
        connection.deinitialize(count: 1)
        free(connection)
    }
}

/// What only a listening socket has.
struct Server: BitwiseCopyable {
    /// The file of its socket. Closing the server removes this file, and no other with the same path.
    var file: SocketFile?
    /// The library made the socket: it does not block.
    var isOwn = false
    /// The socket of a server that failed permanently: the entry is inactive, but the socket is open. Closing the entry closes this
    /// socket, and no other file that has got its number.
    var failed: FileIdentity?

    static func make() throws(IPCError) -> UnsafeMutablePointer<Server> {
        let server = try allocate(MemoryLayout<Server>.stride).bindMemory(to: Server.self, capacity: 1)
        server.initialize(to: Server())
        return server
    }
}
