// Settings.swift - what a program has set for a context beside the limit of its queues: which events it wants, and further limits.

struct Settings: BitwiseCopyable {
    /// The program has set something, which lasts until it frees the context.
    private(set) var isSet = false
    /// Events that the program is not told: a bit for each number of `Event.Kind`.
    private var quiet: UInt32 = 0

    @inline(__always)
    func tells(_ kind: Event.Kind) -> Bool { quiet & (1 << kind.rawValue) == 0 }

    mutating func leaveOut(_ kinds: UInt32) { (quiet, isSet) = (kinds, true) }
}
