// SpeakerGuess.swift - which connection is asked first after a sleep.
//
// A wait sleeps in poll(2) on the epoll set, which says that there is something and not what. To ask the set costs about 700 ns.
// Where one peer is asked and answers, as most clients and services do, the one that spoke last speaks again: receiving from
// it at once costs nothing more when that is right. So the guess is tried only where the poller has named that connection, and no
// other, twice in a row; and the set is asked all the same after 64 right guesses, so that nobody else waits for long.

struct SpeakerGuess {
    private static let trustNeeded = 2
    private static let longestRun = 64

    private(set) var speaker = Registration.alarm
    /// How often in a row the poller named the speaker alone.
    private var trust = 0
    /// Right guesses since the poller was asked.
    private var run = 0
    /// A guess is out.
    private var isOpen = false

    var isWorthTrying: Bool { trust >= SpeakerGuess.trustNeeded }
    /// The last guess was right: the poller need not be asked before the next sleep.
    var isGood: Bool { run > 0 && !isOpen && run < SpeakerGuess.longestRun }

    mutating func begin() {
        isOpen = true
        if run >= SpeakerGuess.longestRun { run = 0 }
    }

    /// Bytes have come from this connection.
    @inline(__always)
    mutating func heard(_ registration: Registration) {
        if isOpen, registration == speaker {
            isOpen = false
            run += 1
        }
    }

    /// The poller is asked, without a guess.
    mutating func skip() { (isOpen, run) = (false, 0) }

    /// The poller has named several connections.
    mutating func distrust() { (isOpen, run, trust) = (false, 0, 0) }

    /// The poller has named this connection and no other.
    mutating func named(_ registration: Registration) {
        // After a run of right guesses the poller is asked for the others' sake.
        let wasWrong = isOpen && registration != speaker
        trust = registration == speaker && !wasWrong ? min(trust + 1, SpeakerGuess.trustNeeded) : 1
        (speaker, isOpen, run) = (registration, false, 0)
    }
}
