// SeatsTests.swift - the threads that a context has met, each with its place.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Leases") struct SeatsTests {
    /// Threads that take their leases one after the other.
    private final class Room {
        var leases = Leases()
        private(set) var taken: [LeaseReference] = []

        init(_ threads: UInt...) throws { for thread in threads { taken.append(try leases.take(thread)) } }

        func find(_ thread: UInt) -> LeaseReference? { leases.find(thread) }
    }

    @Test("Nobody sits in a new room")
    func empty() {
        var leases = Leases()
        #expect(leases.find(1) == nil)
        #expect(leases.other(than: 1) == nil)
        #expect(leases.areShared == false)
    }

    @Test("A thread has one lease, which it finds again, and which holds nothing yet")
    func one() throws {
        let room = try Room(7)
        #expect(room.find(7) == room.taken[0])
        #expect(try room.leases.take(7) == room.taken[0])
        #expect(room.taken[0].pointee.thread == 7)
        #expect(room.taken[0].pointee.connection == nil)
        #expect(room.find(8) == nil)
        #expect(room.leases.areShared == false)
    }

    @Test("Each thread has its own, and from the second on they are shared")
    func several() throws {
        let room = try Room(1, 2, 3)
        #expect(Set(room.taken).count == 3)
        for (thread, lease) in zip(1... as PartialRangeFrom<UInt>, room.taken) {
            #expect(room.find(thread) == lease)
            #expect(try room.leases.take(thread) == lease)
        }
        #expect(room.leases.areShared == true)
    }

    @Test("Who goes leaves the others where they are", arguments: 1...3 as ClosedRange<UInt>)
    func drop(thread: UInt) throws {
        let room = try Room(1, 2, 3)
        room.leases.drop(room.taken[Int(thread) - 1])
        for other in 1...3 as ClosedRange<UInt> { #expect(room.find(other) == (other == thread ? nil : room.taken[Int(other) - 1])) }
        #expect(room.leases.areShared == true)
        // A thread with the same name may come later.
        let again = try room.leases.take(thread)
        #expect(again.pointee.connection == nil)
        #expect(room.find(thread) == again)
    }

    @Test("With the last but one that goes they are not shared any more, and with the last nobody is there", arguments: [false, true])
    func dropAll(firstComesFirst: Bool) throws {
        let room = try Room(1, 2)
        let order = firstComesFirst ? room.taken : room.taken.reversed()
        room.leases.drop(order[0])
        #expect(room.leases.areShared == false)
        room.leases.drop(order[1])
        for thread in 1...2 as ClosedRange<UInt> { #expect(room.find(thread) == nil) }
        #expect(room.leases.other(than: 3) == nil)
    }

    @Test("Another thread than this one is found, as long as there is one")
    func other() throws {
        let room = try Room(1, 2, 3)
        var others: Set<UInt> = []
        while let other = room.leases.other(than: 2) {
            others.insert(other.pointee.thread)
            room.leases.drop(other)
        }
        #expect(others == [1, 3])
        #expect(room.find(2) == room.taken[1])
    }

    // MARK: Descriptors that are closed later

    @Test("Up to two descriptors are closed when the thread is done, once", arguments: 0...2)
    func closing(count: Int) throws {
        let room = try Room(1)
        let wires = try (0..<2).map { _ in try Wire() }
        let ends = try wires.map { try $0.near.moved() }
        for end in ends.prefix(count) { room.taken[0].closeLater(end.number) }
        #expect(wires.map(\.far.isAlone) == [false, false])
        room.taken[0].closeDescriptors()
        #expect(wires.map(\.far.isAlone) == [0 < count, 1 < count])
        // The numbers may mean something else by now.
        let again = try Wire().near.replacing(ends[0])
        room.taken[0].closeDescriptors()
        #expect(again.isOpen)
        room.taken[0].closeLater(again.number)
        room.taken[0].closeDescriptors()
        #expect(!again.isOpen)
    }

    @Test("What was to be closed is closed when the room is")
    func closedAtTheEnd() throws {
        let wires = try (0..<3).map { _ in try Wire() }
        let ends = try wires.map { try $0.near.moved() }
        do {
            let room = try Room(1, 2, 3)
            for (lease, end) in zip(room.taken, ends) { lease.closeLater(end.number) }
            #expect(wires.map(\.far.isAlone) == [false, false, false])
            withExtendedLifetime(room) {}
        }
        #expect(wires.map(\.far.isAlone) == [true, true, true])
    }
}
