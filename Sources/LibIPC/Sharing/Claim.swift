// Claim.swift - the right of one call to a direction of a descriptor, while it waits without the lock.
//
// A call that waits for a message moves the inbox out of the stream into a variable of its own, one that waits for room the outbox.
// Other calls for the same direction wait until the claim ends. The lock of the stream's owner guards the claims.

struct Claim: BitwiseCopyable {
    /// The thread of the call, whose address is even; one more: the call has a part of a message. 0: no call has the claim.
    private var thread: UInt = 0
    /// Fork generation in which the claim began. A child has none of the other threads: their claims are void there, and the inbox or
    /// outbox that they hold is lost.
    private var process: UInt32 = 0
    /// Another call waits for the end of the claim.
    var isAwaited = false

    fileprivate static var currentProcess: UInt32 { UInt32(truncatingIfNeeded: libipc_fork_generation()) }

    /// A call has the direction for itself.
    var isHeld: Bool { thread != 0 && process == Claim.currentProcess }
    /// By another thread; or by a call of this one that has a part of a message, of which a signal handler must not read the rest.
    var isHeldByOther: Bool { isHeld && thread != libipc_this_thread() }
    /// An earlier call of this thread has it: a signal handler has interrupted that call, or longjmp(3) has left it.
    var isHeldByThisThread: Bool { isHeld && wasBegunByThisThread }

    /// This thread began it and has not ended it. Unlike `isHeldByThisThread` this is also true in a child that a signal handler has
    /// forked during the call: there the call goes on, and ends the claim.
    var wasBegunByThisThread: Bool { thread & ~1 == libipc_this_thread() }

    mutating func begin() { (thread, process) = (libipc_this_thread(), Claim.currentProcess) }
    mutating func notePart() { thread |= 1 }
    mutating func end() { thread = 0 }
}

/// A claim that several calls may have at once: threads may wait for clients of one listener together.
struct SharedClaim: BitwiseCopyable {
    /// How many calls have it.
    private var count: UInt32 = 0
    /// Fork generation, as in `Claim`.
    private var process: UInt32 = 0

    var isHeld: Bool { count > 0 && process == Claim.currentProcess }

    mutating func begin() { (count, process) = (isHeld ? count + 1 : 1, Claim.currentProcess) }
    mutating func end() { if isHeld { count -= 1 } }
}
