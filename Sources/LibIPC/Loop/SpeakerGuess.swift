// SpeakerGuess.swift - which connection is read first after a sleep.
//
// A wait sleeps in poll(2) on the epoll set, which reports that a descriptor is ready, but not which. epoll_wait(2) costs about 700
// ns more. With one peer that asks and answers, which is the usual case, the connection that sent last sends next: receiving from it
// at once costs nothing more if the guess is right. So the guess is tried only after the poller has reported this connection, and no
// other, twice in a row. After 64 right guesses epoll_wait(2) is called anyway, so that no other connection waits for long.

struct SpeakerGuess {
    private static let trustNeeded = 2
    private static let longestRun = 64

    private(set) var speaker = Registration.waker
    /// How often in a row the poller reported only this connection.
    private var trust = 0
    /// Right guesses since the poller was last asked.
    private var run = 0
    /// A guess is being tried.
    private var isOpen = false

    var isWorthTrying: Bool { trust >= SpeakerGuess.trustNeeded }
    /// The last guess was right: the poller need not be asked before the next sleep.
    var isGood: Bool { run > 0 && !isOpen && run < SpeakerGuess.longestRun }

    /// A wait that does not sleep may receive without asking the poller before.
    var mayReplaceQuestion: Bool { isWorthTrying && run < SpeakerGuess.longestRun && !isOpen }

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

    /// The poller has reported several connections.
    mutating func distrust() { (isOpen, run, trust) = (false, 0, 0) }

    /// The poller has reported this connection and no other.
    mutating func named(_ registration: Registration) {
        // After 64 right guesses the poller is asked, so that other connections are served.
        let wasWrong = isOpen && registration != speaker
        trust = registration == speaker && !wasWrong ? min(trust + 1, SpeakerGuess.trustNeeded) : 1
        (speaker, isOpen, run) = (registration, false, 0)
    }
}
