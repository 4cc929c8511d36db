// LeaseTests.swift - the threads that a context has met, each with its lease, its timer, and what it is to close.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Leases") struct LeaseTests {
    /// Threads that take their leases one after the other.
    private final class Threads {
        var leases = Leases()
        private(set) var taken: [LeaseReference] = []

        init(_ threads: UInt...) throws { for thread in threads { taken.append(try leases.lease(of: thread)) } }

        func find(_ thread: UInt) -> LeaseReference? { leases.find(thread) }
    }

    @Test("No thread has a lease at first")
    func empty() {
        var leases = Leases()
        #expect(leases.find(1) == nil)
        #expect(leases.other(than: 1) == nil)
        #expect(leases.areShared == false)
    }

    @Test("A thread has one lease, which it finds again, and which holds nothing yet")
    func one() throws {
        let threads = try Threads(7)
        #expect(threads.find(7) == threads.taken[0])
        #expect(try threads.leases.lease(of: 7) == threads.taken[0])
        #expect(threads.taken[0].pointee.thread == 7)
        #expect(threads.taken[0].pointee.connection == nil)
        #expect(threads.find(8) == nil)
        #expect(threads.leases.areShared == false)
    }

    @Test("Each thread has its own, and from the second on they are shared")
    func several() throws {
        let threads = try Threads(1, 2, 3)
        #expect(Set(threads.taken).count == 3)
        for (thread, lease) in zip(1... as PartialRangeFrom<UInt>, threads.taken) {
            #expect(threads.find(thread) == lease)
            #expect(try threads.leases.lease(of: thread) == lease)
        }
        #expect(threads.leases.areShared == true)
    }

    @Test("Who goes leaves the others where they are", arguments: 1...3 as ClosedRange<UInt>)
    func drop(thread: UInt) throws {
        let threads = try Threads(1, 2, 3)
        threads.leases.drop(threads.taken[Int(thread) - 1])
        for other in 1...3 as ClosedRange<UInt> { #expect(threads.find(other) == (other == thread ? nil : threads.taken[Int(other) - 1])) }
        #expect(threads.leases.areShared == true)
        // A thread with the same name may come later.
        let again = try threads.leases.lease(of: thread)
        #expect(again.pointee.connection == nil)
        #expect(threads.find(thread) == again)
    }

    @Test("With the last but one that goes they are not shared any more, and with the last nobody is there", arguments: [false, true])
    func dropAll(firstComesFirst: Bool) throws {
        let threads = try Threads(1, 2)
        let order = firstComesFirst ? threads.taken : threads.taken.reversed()
        threads.leases.drop(order[0])
        #expect(threads.leases.areShared == false)
        threads.leases.drop(order[1])
        for thread in 1...2 as ClosedRange<UInt> { #expect(threads.find(thread) == nil) }
        #expect(threads.leases.other(than: 3) == nil)
    }

    @Test("Another thread than this one is found, as long as there is one")
    func other() throws {
        let threads = try Threads(1, 2, 3)
        var others: Set<UInt> = []
        while let other = threads.leases.other(than: 2) {
            others.insert(other.pointee.thread)
            threads.leases.drop(other)
        }
        #expect(others == [1, 3])
        #expect(threads.find(2) == threads.taken[1])
    }

    // MARK: Descriptors that are closed later

    @Test("Up to two descriptors are closed when the thread is done, once", arguments: 0...2)
    func closing(count: Int) throws {
        let threads = try Threads(1)
        let wires = try (0..<2).map { _ in try Wire() }
        let ends = try wires.map { try $0.near.moved() }
        for end in ends.prefix(count) { threads.taken[0].pointee.closeLater(end.number) }
        #expect(wires.map(\.far.isAlone) == [false, false])
        threads.taken[0].pointee.closeDescriptors()
        #expect(wires.map(\.far.isAlone) == [0 < count, 1 < count])
        // The numbers may mean something else by now.
        let again = try Wire().near.replacing(ends[0])
        threads.taken[0].pointee.closeDescriptors()
        #expect(again.isOpen)
        threads.taken[0].pointee.closeLater(again.number)
        threads.taken[0].pointee.closeDescriptors()
        #expect(!again.isOpen)
    }

    @Test("What was to be closed is closed with the leases")
    func closedAtTheEnd() throws {
        let wires = try (0..<3).map { _ in try Wire() }
        let ends = try wires.map { try $0.near.moved() }
        do {
            let threads = try Threads(1, 2, 3)
            for (lease, end) in zip(threads.taken, ends) { lease.pointee.closeLater(end.number) }
            #expect(wires.map(\.far.isAlone) == [false, false, false])
            withExtendedLifetime(threads) {}
        }
        #expect(wires.map(\.far.isAlone) == [true, true, true])
    }

    // MARK: Timers

    /// A clock that has been read.
    private func read() -> CallClock {
        var clock = CallClock()
        _ = clock.now()
        return clock
    }

    private func read(atLeast nanoseconds: Int64, after clock: CallClock) -> CallClock {
        var later = read()
        while let now = later.known, let before = clock.known, now - before < nanoseconds { later = read() }
        return later
    }

    private func lease() throws -> (Threads, LeaseReference) {
        let threads = try Threads(1)
        return (threads, threads.taken[0])
    }

    @Test("A timer ends so many milliseconds after the call's time")
    func timer() throws {
        let (threads, lease) = try lease()
        var clock = read()
        let now = try #require(clock.known)
        #expect(lease.pointee.beginTimer(100, &clock) == Deadline(microseconds: 100_000, since: now))
        #expect(clock.known == now)
        withExtendedLifetime(threads) {}
    }

    @Test("No timer is for ever, and a timer of 0 does not wait; neither reads the clock")
    func noTimer() throws {
        let (threads, lease) = try lease()
        var clock = CallClock()
        #expect(lease.pointee.beginTimer(-1, &clock) == .never)
        #expect(lease.pointee.beginTimer(.min, &clock) == .never)
        #expect(lease.pointee.beginTimer(0, &clock) == .immediate)
        #expect(clock.known == nil)
        withExtendedLifetime(threads) {}
    }

    @Test("An event leaves the rest of the timer, rounded up, and who passes that goes on towards the same deadline")
    func goesOn() throws {
        let (threads, lease) = try lease()
        var clock = read()
        let deadline = lease.pointee.beginTimer(100, &clock)
        var before = clock
        for nanoseconds in [0, 1, 400_000, 1_000_001, 2_500_000] as [Int64] {
            var later = read(atLeast: nanoseconds, after: before)
            let left = lease.pointee.endTimer(.message, later)
            #expect(left == deadline.remaining(at: try #require(later.known)))
            #expect((1...100).contains(left))
            #expect(lease.pointee.beginTimer(left, &later) == deadline)
            before = later
        }
        withExtendedLifetime(threads) {}
    }

    @Test("What is left does not grow, and is at least 1 ms before the timer event")
    func bounds() throws {
        let (threads, lease) = try lease()
        var clock = read()
        _ = lease.pointee.beginTimer(1, &clock)
        // Another call read the clock earlier than this one began.
        #expect(lease.pointee.endTimer(.message, clock) == 1)
        let late = read(atLeast: 2_000_000, after: clock)
        #expect(lease.pointee.endTimer(.message, late) == 1)
        #expect(lease.pointee.endTimer(.timer, late) == 0)
        withExtendedLifetime(threads) {}
    }

    @Test("Without a reading of the clock the coarse one gives the rest")
    func coarse() throws {
        let (threads, lease) = try lease()
        var clock = read()
        let deadline = lease.pointee.beginTimer(60_000, &clock)
        let left = lease.pointee.endTimer(.message, CallClock())
        #expect((1...60_000).contains(left))
        var later = read()
        #expect(lease.pointee.beginTimer(left, &later) == deadline)
        withExtendedLifetime(threads) {}
    }

    @Test("Another value is a new timer, and so is the same one after a timer event, or after a call without a timer", arguments: 0..<3)
    func newTimer(way: Int) throws {
        let (threads, lease) = try lease()
        var clock = read()
        let deadline = lease.pointee.beginTimer(100, &clock)
        var later = read(atLeast: 1000, after: clock)
        switch way {
        case 0: #expect(lease.pointee.beginTimer(101, &later) != deadline)
        case 1: #expect(lease.pointee.endTimer(.timer, later) == 0)
        default: #expect(lease.pointee.beginTimer(-1, &later) == .never)
        }
        if way > 0 { #expect(lease.pointee.beginTimer(100, &later) != deadline) }
        let now = try #require(later.known)
        #expect(lease.pointee.beginTimer(100, &later) == Deadline(microseconds: 100_000, since: now))
        withExtendedLifetime(threads) {}
    }
}
