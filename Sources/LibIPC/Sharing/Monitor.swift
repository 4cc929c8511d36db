// Monitor.swift - the lock of a context, or of a stripe of descriptors, and waking the threads that wait for a change.
//
// Folder: Sharing. Uses: Base.
//
// The context may be freed while threads wait for its lock; the lock is never freed (threads.h).

typealias MonitorReference = UnsafeMutablePointer<libipc_monitor>

extension UnsafeMutablePointer where Pointee == libipc_monitor {
    @inline(__always) func lock() { libipc_lock(self) }
    @inline(__always) func unlock() { libipc_unlock(self) }

    /// Runs `body` with the lock.
    func locked<Result: ~Copyable, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }

    /// Wakes all threads that wait for events in `libipc_wait_for_change`.
    func wakeAll() { libipc_wake_all(self) }
    /// Wakes one of them.
    func wakeOne() { libipc_wake_one(self) }
    /// Wakes all threads that wait for the end of a claim.
    func wakeClaimers() { libipc_announce_claim_end(self) }
}
