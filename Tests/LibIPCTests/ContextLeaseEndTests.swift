// ContextLeaseEndTests.swift - threads and connections that go while one has the other in hand, pairs that are held at both ends, and
// connections that a call for one message reads.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context, leases that end") struct ContextLeaseEndTests {
    let test: TestContext
    let first: UInt = 1
    let second: UInt = 2

    init() throws {
        test = try TestContext()
        for thread in [second, first] { #expect(try test.next(as: thread) == .timer) }
    }

    private func hold(_ wire: Wire) throws { try hold(wire.near, wire.far) }

    private func hold(_ near: End, _ far: End) throws {
        try far.write(Frame("held"))
        #expect(try test.next(as: first) == .message(Frame("held"), from: near))
    }

    // MARK: Connections that go

    @Test("A peer that leaves is told to one thread, which holds nothing then; its descriptor is closed when that one is done")
    func disconnection() throws {
        let (wire, end) = try moved()
        shutdown(wire.far.number, Int32(SHUT_WR))
        #expect(try test.next(as: first) == .disconnection(end))
        #expect(try test.lease(first).pointee.connection == nil)
        #expect(test.descriptors == [])
        // Until then nobody else is given the number.
        #expect(end.isOpen)
        #expect(try test.next(as: second) == .timer)
        #expect(end.isOpen)
        #expect(try test.next(as: first) == .timer)
        #expect(!end.isOpen)
        #expect(wire.far.isAlone)
    }

    @Test("With one thread the descriptor of a peer that left is closed at once")
    func disconnectionAlone() throws {
        test.context.pointee.leave(second)
        let (wire, end) = try moved()
        shutdown(wire.far.number, Int32(SHUT_WR))
        #expect(try test.next(as: first) == .disconnection(end))
        #expect(!end.isOpen)
    }

    /// An entry whose number no other test gets.
    private func moved() throws -> (Wire, End) {
        let wire = try Wire()
        let end = try wire.near.moved()
        try test.add(end)
        return (wire, end)
    }

    enum Way: CaseIterable { case deleted, removed, closed, addedAgain }

    @Test("A held connection that goes lets go of its thread, and what was put off for it is forgotten", arguments: Way.allCases)
    func goes(way: Way) throws {
        let (wire, end) = try moved()
        try hold(end, wire.far)
        try wire.far.write(Frame("put off"))
        #expect(try test.next(as: second) == .timer)
        #expect(test.leased == 1)
        let connection = try test.connection(of: end)
        switch way {
        case .deleted: test.context.pointee.remove(connection, .released)
        case .removed: test.context.pointee.remove(connection, .closed)
        case .closed: try test.context.pointee.closeDescriptor(connection)
        case .addedAgain: try test.add(end)
        }
        #expect(try test.lease(first).pointee.connection == nil)
        #expect(test.leased == 0)
        // A new entry of this number is nobody's.
        if way == .deleted { try test.add(end) }
        let isFreed = way == .closed || way == .removed
        #expect(try test.all(as: second) == (isFreed ? [] : [.message(Frame("put off"), from: end)]))
        #expect(try test.all(as: first) == [])
    }

    @Test("A context that goes lets go of all, and what was to be closed is closed")
    func dissolves() throws {
        let (wire, end) = try moved()
        try hold(test.connect())
        shutdown(wire.far.number, Int32(SHUT_WR))
        #expect(try test.next(as: second) == .disconnection(end))
        #expect(end.isOpen)
        test.context.pointee.dissolve()
        #expect(!end.isOpen)
        #expect(test.context.pointee.leases.areShared == false)
        #expect(test.context.pointee.connections.count == 0)
    }

    // MARK: Threads that go

    @Test("What a thread that has ended had in hand goes to the others, in order", arguments: [false, true])
    func leaves(isPutOff: Bool) throws {
        let wire = try test.connect()
        try hold(wire)
        try wire.far.write(Frame("one"), Frame("two"))
        if isPutOff { #expect(try test.next(as: second) == .timer) }
        test.locked { test.context.pointee.leave(first) }
        #expect(test.context.pointee.leases.find(first) == nil)
        #expect(try test.all(as: second) == [Frame("one"), Frame("two")].map { .message($0, from: wire.near) })
    }

    @Test("What a thread that has ended was to close is closed")
    func leavesClosing() throws {
        let (wire, end) = try moved()
        shutdown(wire.far.number, Int32(SHUT_WR))
        #expect(try test.next(as: first) == .disconnection(end))
        test.context.pointee.leave(first)
        #expect(!end.isOpen)
        #expect(wire.far.isAlone)
    }

    @Test("A thread that was never here leaves nothing, and takes nothing along")
    func stranger() throws {
        let wire = try test.connect()
        try hold(wire)
        test.context.pointee.leave(3)
        #expect(try test.lease(first).pointee.connection == test.connection(of: wire.near))
        #expect(test.context.pointee.leases.areShared == true)
    }

    @Test("After a fork this thread alone is there, with what it has in hand, and nobody waits")
    func forgets() throws {
        let wires = try (0..<3).map { _ in try test.connect() }
        let this = libipc_this_thread()
        for (thread, wire) in zip([first, this, second], wires) {
            try wire.far.write(Frame("one"), Frame("two"))
            #expect(try test.next(as: thread) == .message(Frame("one"), from: wire.near))
        }
        (test.context.pointee.waiting, test.context.pointee.isLed) = (2, true)
        test.context.pointee.forgetThreads()
        #expect((test.context.pointee.waiting, test.context.pointee.isLed) == (0, false))
        #expect(test.context.pointee.leases.areShared == false)
        #expect(try test.lease(this).pointee.connection == test.connection(of: wires[1].near))
        let events = try test.all(as: this)
        #expect(events.count == 3)
        for wire in wires { #expect(events.contains(.message(Frame("two"), from: wire.near))) }
    }

    // MARK: Connections that a call reads

    @Test("A connection that a call reads gives no messages meanwhile, and is not named again and again; what is sent is told")
    func reader() throws {
        let wire = try test.connect()
        let connection = try test.connection(of: wire.near)
        try test.stream(of: wire.near).pointee.readClaim = .another()
        try wire.far.write(Frame("one"), Frame("two"))
        try test.write(Frame("out"), to: wire.near)
        #expect(try test.all(as: first) == [.sent(to: wire.near)])
        #expect(connection.pointee.isPaused == true)
        #expect(try test.look() == 0)
        // Its holder is done: that is no reason to read it.
        try test.release(first)
        #expect(try test.all(as: second) == [])
        try test.stream(of: wire.near).pointee.readClaim.end()
        test.context.pointee.restoreTurn(connection)
        #expect(try test.all(as: second) == [Frame("one"), Frame("two")].map { .message($0, from: wire.near) })
    }

    @Test("What is queued for a connection that a call reads is sent at once: its peer may answer that alone")
    func readerIsAnswered() throws {
        let (wire, other) = (try test.connect(), try test.connect())
        let stream = try test.stream(of: wire.near)
        stream.pointee.readClaim = try .another()
        // Whoever gets the number next would go on reading.
        defer { stream.pointee.readClaim.end() }
        for end in [wire.near, other.near] { try test.write(Frame("question"), to: end) }
        #expect(wire.far.read() == Frame("question").bytes)
        #expect(other.far.read() == [])
        #expect(try test.all().count == 2)
        #expect(other.far.read() == Frame("question").bytes)
    }

    @Test("What is queued for a connection that a call writes waits for that, and is sent and told then")
    func writer() throws {
        let wire = try test.connect()
        let connection = try test.connection(of: wire.near)
        let stream = try test.stream(of: wire.near)
        stream.pointee.writeClaim = try .another()
        try test.write(Frame("behind"), to: wire.near)
        #expect(try test.all() == [])
        #expect(wire.far.read() == [])
        #expect(test.queued == [Frame("behind")])
        // It is read all the same.
        try wire.far.write(Frame("in"))
        #expect(try test.all() == [.message(Frame("in"), from: wire.near)])
        stream.pointee.writeClaim.end()
        test.context.pointee.restoreTurn(connection)
        #expect(try test.all() == [.sent(to: wire.near)])
        #expect(wire.far.read() == Frame("behind").bytes)
    }

    @Test(
        "A descriptor that another call reads, or writes, is shut down, not closed; what is queued is offered before, unless that call has it",
        arguments: [false, true])
    func closedUnderCall(isRead: Bool) throws {
        let (wire, end) = try moved()
        let connection = try test.connection(of: end)
        let stream = try test.stream(of: end)
        try test.write(Frame("queued"), to: end)
        if isRead { stream.pointee.readClaim = try .another() } else { stream.pointee.writeClaim = try .another() }
        try test.context.pointee.closeDescriptor(connection)
        #expect(wire.far.read() == (isRead ? Frame("queued").bytes : []))
        #expect(wire.far.isAlone)
        #expect(end.isOpen)
        #expect(test.queued == [])
        stream.pointee.owner.locked {
            stream.pointee.readClaim.end()
            stream.pointee.writeClaim.end()
            DescriptorTable.freeIfUnneeded(stream)
        }
        #expect(!end.isOpen)
    }
}
