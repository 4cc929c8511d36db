// Claim.swift - the right of one call to a direction of a descriptor, while it waits without the lock.
//
// A call that waits for a message takes the inbox along, one that waits for room the outbox; other calls wait until it is back. The
// lock of the stream guards its two claims.

struct Claim: BitwiseCopyable {
    private var thread: UInt = 0
    /// After a fork the other threads are not there, and what they have taken along is lost.
    private var process: UInt32 = 0
    /// Another call waits for the end.
    var isAwaited = false

    fileprivate static var currentProcess: UInt32 { UInt32(truncatingIfNeeded: libipc_fork_generation()) }

    /// A call has the direction for itself.
    var isHeld: Bool { thread != 0 && process == Claim.currentProcess }
    var isHeldByOther: Bool { isHeld && thread != libipc_this_thread() }
    /// A call of this thread: a signal handler has interrupted it, or longjmp(3) has left it.
    var isHeldHere: Bool { isHeld && thread == libipc_this_thread() }

    /// The call of this thread still has it, also in the child if a signal handler has forked meanwhile.
    var isThisThreads: Bool { thread == libipc_this_thread() }

    mutating func begin() { (thread, process) = (libipc_this_thread(), Claim.currentProcess) }
    mutating func end() { thread = 0 }
}

/// The same for calls that wait for a client: several threads may accept at once.
struct SharedClaim: BitwiseCopyable {
    /// How many calls have it.
    private var count: UInt32 = 0
    /// As for `Claim`.
    private var process: UInt32 = 0

    var isHeld: Bool { count > 0 && process == Claim.currentProcess }

    mutating func begin() { (count, process) = (isHeld ? count + 1 : 1, Claim.currentProcess) }
    mutating func end() { if isHeld { count -= 1 } }
}
