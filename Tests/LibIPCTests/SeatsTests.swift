// SeatsTests.swift - the threads that a context has met, each with its place.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Seats") struct SeatsTests {
    /// Threads that take their seats one after the other.
    private final class Room {
        var seats = Seats()
        private(set) var taken: [SeatReference] = []

        init(_ threads: UInt...) throws { for thread in threads { taken.append(try seats.take(thread)) } }

        func find(_ thread: UInt) -> SeatReference? { seats.find(thread) }
    }

    @Test("Nobody sits in a new room")
    func empty() {
        var seats = Seats()
        #expect(seats.find(1) == nil)
        #expect(seats.other(than: 1) == nil)
        #expect(seats.areShared == false)
    }

    @Test("A thread has one seat, which it finds again, and which holds nothing yet")
    func one() throws {
        let room = try Room(7)
        #expect(room.find(7) == room.taken[0])
        #expect(try room.seats.take(7) == room.taken[0])
        #expect(room.taken[0].pointee.thread == 7)
        #expect(room.taken[0].pointee.connection == nil)
        #expect(room.find(8) == nil)
        #expect(room.seats.areShared == false)
    }

    @Test("Each thread has its own, and from the second on they are shared")
    func several() throws {
        let room = try Room(1, 2, 3)
        #expect(Set(room.taken).count == 3)
        for (thread, seat) in zip(1... as PartialRangeFrom<UInt>, room.taken) {
            #expect(room.find(thread) == seat)
            #expect(try room.seats.take(thread) == seat)
        }
        #expect(room.seats.areShared == true)
    }

    @Test("Who goes leaves the others where they are", arguments: 1...3 as ClosedRange<UInt>)
    func drop(thread: UInt) throws {
        let room = try Room(1, 2, 3)
        room.seats.drop(room.taken[Int(thread) - 1])
        for other in 1...3 as ClosedRange<UInt> { #expect(room.find(other) == (other == thread ? nil : room.taken[Int(other) - 1])) }
        #expect(room.seats.areShared == true)
        // A thread with the same name may come later.
        let again = try room.seats.take(thread)
        #expect(again.pointee.connection == nil)
        #expect(room.find(thread) == again)
    }

    @Test("With the last but one that goes they are not shared any more, and with the last nobody is there", arguments: [false, true])
    func dropAll(firstComesFirst: Bool) throws {
        let room = try Room(1, 2)
        let order = firstComesFirst ? room.taken : room.taken.reversed()
        room.seats.drop(order[0])
        #expect(room.seats.areShared == false)
        room.seats.drop(order[1])
        for thread in 1...2 as ClosedRange<UInt> { #expect(room.find(thread) == nil) }
        #expect(room.seats.other(than: 3) == nil)
    }

    @Test("Another thread than this one is found, as long as there is one")
    func other() throws {
        let room = try Room(1, 2, 3)
        var others: Set<UInt> = []
        while let other = room.seats.other(than: 2) {
            others.insert(other.pointee.thread)
            room.seats.drop(other)
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
            for (seat, end) in zip(room.taken, ends) { seat.closeLater(end.number) }
            #expect(wires.map(\.far.isAlone) == [false, false, false])
            withExtendedLifetime(room) {}
        }
        #expect(wires.map(\.far.isAlone) == [true, true, true])
    }
}
