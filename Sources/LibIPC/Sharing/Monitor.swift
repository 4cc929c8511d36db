// Monitor.swift - the lock in front of each context, and what a thread lets go of while it waits.
//
// What a lock guards may go while a thread waits for it; the lock itself stays (threads.h). A thread that has let go of it on the
// way is counted, so that a context which is freed meanwhile is put away by the last one that comes back.

typealias MonitorReference = UnsafeMutablePointer<libipc_monitor>

extension UnsafeMutablePointer where Pointee == libipc_monitor {
    @inline(__always) func lock() { libipc_lock(self) }
    @inline(__always) func unlock() { libipc_unlock(self) }

    /// Runs `body` with the lock, which this thread does not have.
    func locked<Result: ~Copyable, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }

    /// Wakes the threads that wait for a change.
    func wakeAll() { pthread_cond_broadcast(&pointee.changed) }
    /// Wakes the threads that wait for the end of a claim.
    func wakeReaders() { libipc_announce_return(self) }
    func wakeOne() { pthread_cond_signal(&pointee.changed) }
}

/// One thread's place in a context: it holds the connection whose event it was given last.
struct Lease: BitwiseCopyable {
    let thread: UInt
    var connection: ConnectionReference?
    /// What the last event left of its timer, in milliseconds, and the exact deadline.
    fileprivate var timer: (left: Int32, deadline: Deadline) = (0, .never)
    /// Are closed when the thread is done with the event that tells of their end: one, or both of a pair.
    fileprivate var closing: (Int32, Int32) = (-1, -1)
    fileprivate var next: LeaseReference?
}

typealias LeaseReference = UnsafeMutablePointer<Lease>

extension Lease {
    /// The deadline of a wait with this timer, in milliseconds. A program that passes what the last event left goes on towards the
    /// same deadline: with whole milliseconds alone each event would change it by up to 1 ms.
    @inline(__always)
    mutating func deadline(_ milliseconds: Int32) -> Deadline {
        if milliseconds < 0 {
            // The former timer is over: the same value is a new one from now on.
            timer.left = 0
            return .never
        }
        return milliseconds > 0 && milliseconds == timer.left ? timer.deadline : Deadline(milliseconds: milliseconds)
    }

    /// What remains of the timer after this event. At least 1 before TIMER: 0 would mean not to wait.
    mutating func leave(_ deadline: Deadline, _ kind: Event.Kind) -> Int32 {
        timer = (kind == .timer ? 0 : max(deadline.remaining, 1), deadline)
        return timer.left
    }
}

extension LeaseReference {
    func closeLater(_ descriptor: Int32) {
        if pointee.closing.0 < 0 { pointee.closing.0 = descriptor } else { pointee.closing.1 = descriptor }
    }

    @inline(__always)
    func closeDescriptors() {
        guard pointee.closing.0 >= 0 else { return }
        close(pointee.closing.0)
        if pointee.closing.1 >= 0 { close(pointee.closing.1) }
        pointee.closing = (-1, -1)
    }
}

/// The threads that a context has met.
struct Leases: ~Copyable {
    private var first: LeaseReference?

    deinit {
        var next = first
        while let lease = next {
            next = lease.pointee.next
            lease.closeDescriptors()
            free(lease)
        }
    }

    /// There is more than one.
    var areShared: Bool { first?.pointee.next != nil }

    mutating func find(_ thread: UInt) -> LeaseReference? {
        var next = first
        while let lease = next, lease.pointee.thread != thread { next = lease.pointee.next }
        return next
    }

    /// The thread's lease; made, if it has none.
    @inline(__always)
    mutating func take(_ thread: UInt) throws(IPCError) -> LeaseReference {
        if let known = find(thread) { return known }
        let lease = try allocate(MemoryLayout<Lease>.stride, IPC_ERROR_POLLER).bindMemory(to: Lease.self, capacity: 1)
        lease.initialize(to: Lease(thread: thread, connection: nil, next: first))
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
        free(dropped)
    }

    /// One of another thread.
    func other(than thread: UInt) -> LeaseReference? {
        first?.pointee.thread == thread ? first?.pointee.next : first
    }
}
