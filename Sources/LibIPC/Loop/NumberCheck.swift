// NumberCheck.swift - when numbers are compared with the files that were added.
//
// A program may close a descriptor and get its number for another file, which epoll(7) does not report. So waits that sleep compare
// numbers, at most 64 in turn, once in each tick of the coarse clock: waits in quick succession cost nothing more. A wait in the same
// tick as the last comparison sleeps for a short time first, and compares when it sleeps again.

struct NumberCheck: BitwiseCopyable {
    /// Numbers compared at a time: about 10 µs.
    static var atOnce: Int { 64 }

    private var lastTick: Int64 = 0
    /// The entry to continue with.
    private(set) var next = 0
    /// The call in which numbers were last compared, and the one in which a sleep was shortened for it.
    private var comparedIn: UInt32 = 0, shortenedIn: UInt32 = 0

    enum Decision { case compare, shorten, nothing }

    /// What to do before a sleep of this call.
    mutating func decide(_ call: UInt32) -> Decision {
        if comparedIn == call { return .nothing }
        let tick = libipc_coarse_tick()
        if tick == lastTick, shortenedIn != call {
            shortenedIn = call
            return .shorten
        }
        (lastTick, comparedIn) = (tick, call)
        return .compare
    }

    /// Index of the next of `count` entries to compare.
    mutating func nextIndex(of count: Int) -> Int {
        let index = next < count ? next : 0
        next = index + 1
        return index
    }
}
