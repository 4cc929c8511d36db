// Turns.swift - when a wait sends what is queued, and when it asks the poller again.
//
// Messages that are here already are handed out first, at no system call. Meanwhile the program may queue replies, and other
// connections may get something to read. A turn is one message, one receive or one accept.
//
//   A wait finds                                              | It
//   ----------------------------------------------------------|---------------------------------------------------------
//   frames to send, and no message that is here already       | sends them
//   frames to send, and such a message, and all was sent less | hands the message out
//     than `quick` ago                                        |
//   the same, but that is longer ago                          | sends first
//   `budget` turns since the poller was asked                 | sends, and asks the poller
//   the same, but the program is as quick as that, and not    | goes on
//     more than `longestBudget` turns                         |
//
// So a quick program that has many messages sends in few pieces and makes few system calls, and a slow one keeps nobody waiting. The
// clock is read only where frames are queued and the inbox holds a message.

struct Turns {
    /// In nanoseconds. The contract allows 50 µs. Longer than this, and a peer on another processor waits where it could work.
    static var quick: Int64 { 15_000 }
    /// Turns between two looks at the poller, at most; of a quick program.
    static var budget: Int { 12 }
    static var longestBudget: Int { 72 }

    /// Since the poller was asked.
    private var taken = 0
    /// When `sendsFirst` last said yes: on `Clock`, in nanoseconds. All frames that are queued now were queued later.
    private var sentAt: Int64 = 0
    /// The program was as quick as that when it came back.
    private var isQuick = false

    var isUsedUp: Bool { taken >= Turns.budget && !(isQuick && taken < Turns.longestBudget) }

    @inline(__always)
    mutating func take() { taken += 1 }

    /// The poller was asked.
    @inline(__always)
    mutating func begin() { (taken, isQuick) = (0, false) }

    /// Frames are queued, and the inbox holds a message: whether to send first.
    /// - Parameter now: on `Clock`.
    mutating func sendsFirst(at now: Int64) -> Bool {
        isQuick = now - sentAt < Turns.quick
        if !isQuick { sentAt = now }
        return !isQuick
    }
}
