// ClaimTests.swift - a call has a direction for itself: whose call it is, and when that is over.

import Testing

@testable import LibIPC

@Suite("Claim") struct ClaimTests {
    @Test("A new claim is nobody's")
    func nobody() {
        let claim = Claim()
        #expect(
            [claim.isHeld, claim.isHeldByThisThread, claim.isHeldByOther, claim.wasBegunByThisThread, claim.isAwaited]
                == [Bool](repeating: false, count: 5))
    }

    @Test("A claim that this thread begins is held by this thread, until it ends")
    func here() {
        var claim = Claim()
        for _ in 1...2 {
            claim.begin()
            #expect([claim.isHeld, claim.isHeldByThisThread, claim.wasBegunByThisThread] == [true, true, true])
            #expect(!claim.isHeldByOther)
            claim.end()
            #expect([claim.isHeld, claim.isHeldByThisThread, claim.wasBegunByThisThread] == [false, false, false])
            #expect(!claim.isHeldByOther)
        }
    }

    @Test("A claim of another thread's call is held by an other")
    func another() throws {
        var claim = try Claim.another()
        #expect([claim.isHeld, claim.isHeldByOther] == [true, true])
        #expect([claim.isHeldByThisThread, claim.wasBegunByThisThread] == [false, false])
        claim.end()
        #expect(!claim.isHeld)
    }

    @Test("Whether somebody waits for the end is a note of its own")
    func awaited() {
        var claim = Claim()
        claim.isAwaited = true
        claim.begin()
        #expect(claim.isAwaited)
        claim.end()
        #expect(claim.isAwaited)
    }
}
