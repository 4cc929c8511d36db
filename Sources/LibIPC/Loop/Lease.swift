// Lease.swift - which thread handles an event of which connection, and what a context remembers for each of its threads.
//
// While a thread handles an event of a connection, no other thread gets an event of that connection, or of the other end of its pair. The
// lease ends when the thread waits again, calls ipc_ctx_release, or ends.

/// A descriptor that the library closes later. The program may close the number meanwhile, and open another file with it.
private struct ClosingDescriptor: BitwiseCopyable {
    private let number: Int32
    private let file: FileIdentity?

    init(_ number: Int32) { (self.number, file) = (number, FileIdentity(Descriptor(number))) }

    func close() { if file != nil, file == FileIdentity(Descriptor(number)) { CLibIPC.close(number) } }
}

struct Lease: ~Copyable {
    let thread: UInt
    /// Of the last event; where a call gives several events: of all. A connection is there once.
    var connection: ConnectionReference?
    private var others = HeapArray<ConnectionReference>()
    /// The thread has events of a batch: `others`, and descriptors to close, may not be empty.
    var hasBatch = false
    /// Descriptors came with the messages of these events (received.c).
    var hasReceived = false
    /// What the last event left of the thread's timer, in milliseconds; -1: its last wait was one of 0 ms. And the exact deadline.
    private var left: Int32 = 0
    private var deadline = Deadline.never
    /// Descriptors whose end the last event tells of: one, or both ends of a pair. The library closes them when the thread is done with
    /// the event.
    private var closing: (ClosingDescriptor?, ClosingDescriptor?)
    /// Such descriptors of the events of a batch.
    private var closingAfterBatch = HeapArray<ClosingDescriptor>()
    fileprivate var next: LeaseReference?

    fileprivate init(thread: UInt, next: LeaseReference?) { (self.thread, self.next) = (thread, next) }

    // MARK: Connections

    /// Makes room for the connection of one more event, and for the descriptors that it may close.
    mutating func reserve() throws(IPCError) {
        try others.reserve()
        try closingAfterBatch.reserve(2)
    }

    /// - Parameter inBatch: the event is one of a batch. Otherwise the lease holds no other connection.
    @inline(__always)
    mutating func hold(_ connection: ConnectionReference, inBatch: Bool) {
        if !inBatch { return self.connection = connection }
        hasBatch = true
        others.appendReserved(connection)
    }

    /// Takes out one of the connections; nil: there are no more.
    mutating func takeConnection() -> ConnectionReference? {
        if let connection = connection.take() { return connection }
        return others.removeLast()
    }

    /// Removes this connection from those that the lease holds.
    mutating func release(_ released: ConnectionReference) {
        if connection == released { return connection = nil }
        // Usually it is one of the last.
        for index in (0..<others.count).reversed() where others[index] == released { return others.swapRemove(at: index) }
    }

    /// Whether this is so for one of the connections.
    func holds(where isWanted: (ConnectionReference) -> Bool) -> Bool {
        if let connection, isWanted(connection) { return true }
        for index in 0..<others.count where isWanted(others[index]) { return true }
        return false
    }

    // MARK: The timer

    /// The deadline of a wait with this timer, in milliseconds. A program that passes what the last event left goes on towards the
    /// same deadline: with whole milliseconds alone each event would change it by up to 1 ms.
    @inline(__always)
    mutating func beginTimer(_ milliseconds: Int32, _ clock: inout CallClock) -> Deadline {
        if milliseconds <= 0 {
            // The former timer has ended: from now on the same value begins a new one.
            left = milliseconds < 0 ? 0 : -1
            return milliseconds < 0 ? .never : .immediate
        }
        if milliseconds == left { return deadline }
        left = milliseconds
        deadline = Deadline(microseconds: Int64(milliseconds) * 1000, since: clock.now())
        return deadline
    }

    /// What remains of the timer after this event, rounded up, in milliseconds. At least 1 before TIMER: 0 would mean not to wait.
    /// Where the call has not read the clock, the coarse one will do: the deadline stays exact.
    mutating func endTimer(_ kind: Event.Kind, _ clock: CallClock) -> Int32 {
        left = kind == .timer ? 0 : min(left, max(deadline.remaining(at: clock.known ?? libipc_coarse_tick()), 1))
        return left
    }

    /// The last wait of the thread was one of 0 ms: it may serve another loop.
    var servesLoop: Bool { left < 0 }

    // MARK: Descriptors to close

    /// The end of the lease closes descriptors.
    var hasToClose: Bool { closing.0 != nil || closingAfterBatch.count > 0 || hasReceived }

    mutating func closeLater(_ descriptor: Int32, inBatch: Bool = false) {
        if inBatch {
            hasBatch = true
            return closingAfterBatch.appendReserved(ClosingDescriptor(descriptor))
        }
        if closing.0 == nil { closing.0 = ClosingDescriptor(descriptor) } else { closing.1 = ClosingDescriptor(descriptor) }
    }

    fileprivate var holdsDescriptors: Bool { closingAfterBatch.count > 0 }

    @inline(__always)
    mutating func closeDescriptors() { if closing.0 != nil { closeNow() } }

    @inline(never)
    mutating func closeBatch() { while let descriptor = closingAfterBatch.removeLast() { descriptor.close() } }

    /// Both, while the thread keeps its connections.
    mutating func closeAll() {
        closeDescriptors()
        closeBatch()
    }

    @inline(never)
    private mutating func closeNow() {
        closing.0?.close()
        closing.1?.close()
        closing = (nil, nil)
    }
}

typealias LeaseReference = UnsafeMutablePointer<Lease>

/// The threads that a context has met.
struct Leases: ~Copyable {
    private var first: LeaseReference?

    deinit {
        var next = first
        while let lease = next {
            next = lease.pointee.next
            lease.pointee.closeAll()
            if lease.pointee.hasReceived { libipc_close_received(lease) }
            Leases.destroy(lease)
        }
    }

    private static func destroy(_ lease: LeaseReference) {
        lease.deinitialize(count: 1)
        free(lease)
    }

    /// Some thread handles a batch, and has descriptors to be closed afterwards.
    var holdDescriptors: Bool {
        var next = first
        while let lease = next, !lease.pointee.holdsDescriptors { next = lease.pointee.next }
        return next != nil
    }

    /// More than one thread uses the context.
    @inline(__always) var areShared: Bool { first?.pointee.next != nil }

    @inline(__always)
    mutating func find(_ thread: UInt) -> LeaseReference? {
        var next = first
        while let lease = next, lease.pointee.thread != thread { next = lease.pointee.next }
        return next
    }

    /// The thread's lease; made, if it has none.
    @inline(__always)
    mutating func lease(of thread: UInt) throws(IPCError) -> LeaseReference {
        if let known = find(thread) { return known }
        return try make(thread)
    }

    @inline(never)
    private mutating func make(_ thread: UInt) throws(IPCError) -> LeaseReference {
        let lease = try allocate(MemoryLayout<Lease>.stride, IPC_ERROR_POLLER).bindMemory(to: Lease.self, capacity: 1)
        lease.initialize(to: Lease(thread: thread, next: first))
        first = lease
        libipc_watch_thread()
        return lease
    }

    /// Frees one that holds nothing.
    mutating func drop(_ dropped: LeaseReference) {
        if first == dropped { first = dropped.pointee.next }
        var next = first
        while let lease = next {
            if lease.pointee.next == dropped { lease.pointee.next = dropped.pointee.next }
            next = lease.pointee.next
        }
        Leases.destroy(dropped)
    }

    /// The lease behind this one in the list; nil: the first.
    mutating func following(_ lease: LeaseReference?) -> LeaseReference? { lease == nil ? first : lease?.pointee.next }

    /// Any lease of another thread.
    func other(than thread: UInt) -> LeaseReference? { first?.pointee.thread == thread ? first?.pointee.next : first }
}
