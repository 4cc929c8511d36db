// Turns.swift - when a wait sends what is queued, and when it asks the poller again.
//
// Messages that are here already are handed out first, at no system call. Meanwhile the program may queue replies, and other
// connections may get something to read. A turn is one message, one receive or one accept.
//
//   A wait finds                                                  | It
//   --------------------------------------------------------------|----------------------------
//   frames to send, and no message that is here                   | sends them
//   frames to send, and a message; sent less than `quick` ago     | hands the message out
//   frames to send, and a message; sent longer ago                | sends, then hands it out
//   `budget` turns were taken since the poller was asked          | sends, and asks the poller
//   `budget` turns, fewer than `longestBudget`, a quick program   | goes on
//
// A program is quick if less than `quick` had passed since the last sending when it last came back with frames queued and a message
// here. So a quick program that has many messages sends in few pieces and makes few system calls, and a slow one keeps nobody waiting.
// The clock is read only where frames are queued and the inbox holds a message.

struct Turns {
    /// 15 µs, in nanoseconds. The contract allows 50 µs. With more, a peer on another processor would wait where it could work.
    static var quick: Int64 { 15_000 }
    /// Turns between two questions to the poller, at most.
    static var budget: Int { 12 }
    /// The budget of a quick program.
    static var longestBudget: Int { 72 }

    /// Turns since the poller was asked.
    private var used = 0
    /// When `sendsFirst` was last true: on `Clock`, in nanoseconds. All frames that are queued now were queued later.
    private var sentAt: Int64 = 0
    /// Less than `quick` had passed since `sentAt` when `sendsFirst` was last asked.
    private var isQuick = false

    var isUsedUp: Bool { used >= Turns.budget && !(isQuick && used < Turns.longestBudget) }

    /// A connection takes a turn, or several.
    @inline(__always)
    mutating func use(_ count: Int = 1) { used += count }

    /// The poller was asked: the budget begins anew.
    @inline(__always)
    mutating func begin() { (used, isQuick) = (0, false) }

    /// Whether to send before a message is handed out, where frames are queued.
    /// - Parameter now: on `Clock`, in nanoseconds.
    mutating func sendsFirst(at now: Int64) -> Bool {
        isQuick = now - sentAt < Turns.quick
        if !isQuick { sentAt = now }
        return !isQuick
    }
}
