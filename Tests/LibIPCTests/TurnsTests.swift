// TurnsTests.swift - the table of Turns.swift row by row, with given times.

import Testing

@testable import LibIPC

@Suite("Turns") struct TurnsTests {
    /// The turns of one context.
    private final class Loop {
        private var turns = Turns()

        func use(_ count: Int = 1) { for _ in 0..<count { turns.use() } }
        func begin() { turns.begin() }
        func sendsFirst(at time: Int64) -> Bool { turns.sendsFirst(at: time) }
        var isUsedUp: Bool { turns.isUsedUp }
    }

    /// Some time after the clock began, in nanoseconds.
    private let start: Int64 = 5_000_000_000
    private let turns = Loop()

    // MARK: Frames to send, and a message that is here

    @Test("The first frames are sent before the message is handed out")
    func firstFrames() {
        #expect(turns.sendsFirst(at: start))
    }

    @Test("Less than 15 µs after a send the message is handed out, from then on frames are sent first")
    func limit() {
        for (passed, isFirst) in [(0, false), (1, false), (14_999, false), (15_000, true), (1_000_000, true)] as [(Int64, Bool)] {
            let turns = Loop()
            #expect(turns.sendsFirst(at: start))
            #expect(turns.sendsFirst(at: start + passed) == isFirst, "\(passed) ns")
        }
    }

    @Test("Messages that are handed out do not put off the send: 15 µs count from the last one")
    func countedFromSend() {
        #expect(turns.sendsFirst(at: start))
        for passed in stride(from: 1000, to: 15_000, by: 1000) as StrideTo<Int64> { #expect(!turns.sendsFirst(at: start + passed)) }
        #expect(turns.sendsFirst(at: start + 15_000))
        #expect(!turns.sendsFirst(at: start + 29_999))
        #expect(turns.sendsFirst(at: start + 30_000))
    }

    // MARK: Turns since the poller was asked

    @Test("After 12 turns the poller is asked, and then 12 turns are free again")
    func budget() {
        for _ in 1...3 {
            turns.use(11)
            #expect(!turns.isUsedUp)
            turns.use()
            #expect(turns.isUsedUp)
            turns.begin()
            #expect(!turns.isUsedUp)
        }
    }

    @Test("A program that came back within 15 µs goes on until its 72nd turn")
    func quick() {
        #expect(turns.sendsFirst(at: start))
        #expect(!turns.sendsFirst(at: start + 14_999))
        turns.use(71)
        #expect(!turns.isUsedUp)
        turns.use()
        #expect(turns.isUsedUp)
    }

    @Test("A program that was slow has 12 turns, however quick it was before")
    func slowAgain() {
        #expect(turns.sendsFirst(at: start))
        #expect(!turns.sendsFirst(at: start + 1))
        turns.use(12)
        #expect(!turns.isUsedUp)
        #expect(turns.sendsFirst(at: start + 15_000))
        #expect(turns.isUsedUp)
    }

    @Test("A program that has nothing to send is not known to be quick: 12 turns")
    func nothingToSend() {
        #expect(turns.sendsFirst(at: start))
        #expect(!turns.sendsFirst(at: start + 1))
        turns.begin()
        turns.use(12)
        #expect(turns.isUsedUp)
    }

    @Test("When the poller is asked the time of the last send is kept")
    func begin() {
        #expect(turns.sendsFirst(at: start))
        turns.begin()
        #expect(!turns.sendsFirst(at: start + 14_999))
        #expect(turns.sendsFirst(at: start + 15_000))
    }

    @Test("What waits is sent within the 50 µs of the contract, whatever the program's pace", arguments: seeds)
    func contract(seed: UInt64) {
        var generator = Seeded(seed)
        var (now, lastSend) = (start, start)
        #expect(turns.sendsFirst(at: now))
        for _ in 0..<10_000 {
            now += Int64.random(in: 0...20_000, using: &generator)
            if turns.sendsFirst(at: now) { lastSend = now }
            #expect(now - lastSend < 50_000, "seed \(seed)")
        }
    }
}
