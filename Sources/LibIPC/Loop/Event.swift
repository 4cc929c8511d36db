// Event.swift - the result of a search: an event for the program, or what the engine needs from its caller first.

/// A call fills it in. It may also throw an error, which belongs to the event.
struct Event: ~Copyable {
    enum Kind: UInt32 {
        /// The contract's events and their numbers.
        case none, error, readable, switched, connection, disconnection, message, lookup, timer, sent, wake
        /// The caller calls the program's callback for the switched end `descriptor`: to write `frame`, and then `Context.didWrite`;
        /// or, without a frame, to read, and then `Context.didRead`.
        case callback
        /// The caller waits until there is something, and then calls `Context.search`.
        case waiting
    }

    var kind = Kind.none
    var index = 0
    var descriptor: Int32 = 0
    /// Tells the entry from others that had this number.
    var generation: UInt32 = 0
    var message: Message?
    var frame: FrameReference?
    /// The lease of the thread that waits for the event; nil: a single step, which is given no connection.
    let lease: LeaseReference?
    /// It is an event of a batch, for which the lease has room.
    let isBatch: Bool
    var clock = CallClock()
    /// How many descriptors the poller reported last, and how often this call has asked it.
    var reported = 1, polls = 0

    init(_ lease: LeaseReference? = nil, isBatch: Bool = false) { (self.lease, self.isBatch) = (lease, isBatch) }

    /// Fills the event in, and gives the connection to the thread that waits for it; unless another thread has it, which can only be
    /// while this one's callback was at work.
    @inline(__always)
    mutating func give(_ kind: Kind, _ connection: ConnectionReference) {
        (self.kind, index, descriptor) = (kind, connection.pointee.index, connection.pointee.number)
        generation = connection.pointee.registration.generation
        guard let lease, connection.pointee.lease == nil else { return }
        lease.pointee.hold(connection, inBatch: isBatch)
        connection.pointee.lease = lease
    }
}

/// What a program's callback answers about a switched end: the contract's numbers.
enum CallbackAnswer: UInt32 { case done, closing, failed, unparsable, ignore }
