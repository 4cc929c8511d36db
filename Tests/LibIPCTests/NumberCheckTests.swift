// NumberCheckTests.swift - numbers are compared before a sleep, in turn, and seldom.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("NumberCheck") struct NumberCheckTests {
    /// The check of one context.
    private final class Check {
        private var check = NumberCheck()

        func decide(_ call: UInt32) -> NumberCheck.Decision { check.decide(call) }
        func nextIndex(of count: Int) -> Int { check.nextIndex(of: count) }
    }

    /// Two calls within one tick of the coarse clock: their check, and what the second one decided.
    private func inOneTick() throws -> (Check, NumberCheck.Decision) {
        for _ in 0..<1000 {
            let tick = libipc_coarse_tick()
            let check = Check()
            #expect(check.decide(1) == .compare)
            let decision = check.decide(2)
            if tick == libipc_coarse_tick() { return (check, decision) }
        }
        throw CancellationError()
    }

    @Test("The first call compares before its sleep, and not again")
    func first() {
        let check = Check()
        #expect(check.decide(1) == .compare)
        for _ in 1...3 { #expect(check.decide(1) == .nothing) }
    }

    @Test("In the tick of the last comparison a call sleeps for a short time first, and compares then, once")
    func sameTick() throws {
        let (check, decision) = try inOneTick()
        #expect(decision == .shorten)
        #expect(check.decide(2) == .compare)
        #expect(check.decide(2) == .nothing)
    }

    @Test("In another tick a call compares at once")
    func otherTick() {
        let check = Check()
        #expect(check.decide(1) == .compare)
        let tick = libipc_coarse_tick()
        while libipc_coarse_tick() == tick { sched_yield() }
        #expect(check.decide(2) == .compare)
        #expect(check.decide(2) == .nothing)
    }

    @Test("Entries are taken in turn, from the front again behind the last one")
    func inTurn() {
        let check = Check()
        #expect((0..<7).map { _ in check.nextIndex(of: 3) } == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test("Entries that come and go meanwhile are met, and none that is not there")
    func changing() {
        let check = Check()
        #expect((0..<5).map { _ in check.nextIndex(of: 10) } == [0, 1, 2, 3, 4])
        #expect(check.nextIndex(of: 5) == 0)
        #expect(check.nextIndex(of: 1) == 0)
        #expect((0..<4).map { _ in check.nextIndex(of: 4) } == [1, 2, 3, 0])
    }
}
