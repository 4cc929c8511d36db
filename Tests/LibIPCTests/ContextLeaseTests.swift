// ContextLeaseTests.swift - a connection whose event a thread was given last is that thread's: others are given nothing of it until the
// thread comes back, and then all of it, in order.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context, leases") struct ContextLeaseTests {
    let test: TestContext
    /// Threads; the first of them is given an event, and the second asks for more.
    let first: UInt = 1
    let second: UInt = 2

    init() throws {
        test = try TestContext()
        // Both are known: with one thread nothing is kept from anybody.
        for thread in [second, first] { #expect(try test.next(as: thread) == .timer) }
    }

    /// A wire of whose messages the first thread has one.
    private func hold(_ frame: Frame = Frame("held"), behind others: Frame...) throws -> Wire {
        let wire = try test.connect()
        try wire.far.write([frame.bytes, others.flatMap(\.bytes)].flatMap { $0 })
        #expect(try test.next(as: first) == .message(frame, from: wire.near))
        return wire
    }

    /// What the poller would say to somebody who waits.
    private func look() throws -> Int { try test.look() }

    // MARK: Messages

    @Test("Nobody else is given a message of a held connection, whether it was read ahead or not", arguments: [false, true])
    func messages(isReadAhead: Bool) throws {
        let wire = try isReadAhead ? hold(Frame("one"), behind: Frame("two")) : hold(Frame("one"))
        if !isReadAhead { try wire.far.write(Frame("two")) }
        for _ in 1...3 { #expect(try test.next(as: second) == .timer) }
        #expect(try test.next(as: first) == .message(Frame("two"), from: wire.near))
        #expect(try test.next(as: second) == .timer)
    }

    @Test("Others are heard meanwhile, and accepted, and told of")
    func others() throws {
        let held = try hold(Frame("one"), behind: Frame("two"))
        let place = try Place()
        let server = try place.listen("service")
        try test.add(server, .server)
        let (other, external) = (try test.connect(), try test.connect(.external))
        try other.far.write(Frame("hello"), Frame("and on"))
        try external.far.write([1])
        let client = try place.connect("service")
        try test.write(Frame("answer"), to: other.near)
        var events: [Happening] = []
        while events.count < 5 {
            let event = try test.next(as: second)
            try #require(event.kind != .timer)
            if event == .readable(external.near) { #expect(external.near.read() == [1]) }
            events.append(event)
        }
        #expect(Set(events.map(\.kind)) == [.message, .readable, .connection, .sent])
        #expect(events.filter { $0.kind == .message }.map(\.frame) == [Frame("hello"), Frame("and on")])
        #expect(!events.contains { $0.descriptor == held.near.number })
        #expect(try test.next(as: first) == .message(Frame("two"), from: held.near))
        withExtendedLifetime(client) {}
    }

    @Test("What came meanwhile is given in order to whoever comes first", arguments: [1, 2] as [UInt])
    func released(taker: UInt) throws {
        let wire = try hold(Frame("0"), behind: Frame("1"), Frame("2"))
        #expect(try test.next(as: second) == .timer)
        try wire.far.write(Frame("3"), Frame(""), Frame(pattern(100_000)))
        #expect(try test.next(as: second) == .timer)
        try test.release(first)
        let frames = ["1", "2", "3", ""].map { Frame($0) } + [Frame(pattern(100_000))]
        #expect(try test.all(as: taker) == frames.map { .message($0, from: wire.near) })
    }

    @Test("Two threads in turn are given all messages, none twice, in order")
    func inTurn() throws {
        let wires = try (0..<2).map { _ in try test.connect() }
        for number in 0..<50 { for wire in wires { try wire.far.write(Frame("\(number)")) } }
        var events: [Happening] = []
        for turn in 0..<1000 where events.count < 100 {
            let event = try test.next(as: [first, second, second, first, second][turn % 5])
            if event != .timer { events.append(event) }
        }
        for wire in wires {
            let frames = events.filter { $0.descriptor == wire.near.number }.map(\.frame)
            #expect(frames == (0..<50).map { Frame("\($0)") })
        }
        for thread in [first, second] { #expect(try test.next(as: thread) == .timer) }
    }

    @Test("Steps by hand hold nothing, and nothing is kept from them")
    func byHand() throws {
        let wire = try hold()
        for number in 1...2 { try test.write(Frame("\(number)"), to: wire.near) }
        let connection = try test.connection(of: wire.near)
        #expect(
            try test.happening { context, event throws(IPCError) in try context.stepWriting(connection, &event) } == .sent(to: wire.near))
        #expect(try test.lease(first).pointee.connection == connection)
        #expect(try test.next(as: second) == .timer)
    }

    @Test("Without a second thread nothing is held back, though that one's turn was put off before it ended", arguments: [false, true])
    func alone(isPutOff: Bool) throws {
        let wire = try hold(Frame("one"), behind: Frame("two"))
        if isPutOff { #expect(try test.next(as: second) == .timer) }
        test.context.pointee.leave(second)
        #expect(try test.next(as: first) == .message(Frame("two"), from: wire.near))
        #expect(test.leased == 0)
    }

    // MARK: What was sent

    @Test("Of what was sent over a held connection its holder alone is told")
    func sent() throws {
        let (wire, other) = (try test.connect(), try test.connect())
        for _ in 1...3 { try test.write(Frame("out"), to: wire.near) }
        #expect(try test.next(as: first) == .sent(to: wire.near))
        try test.write(Frame("out"), to: other.near)
        #expect(try test.next(as: second) == .sent(to: other.near))
        #expect(try test.next(as: second) == .timer)
        #expect(wire.far.read() == [Frame](repeating: Frame("out"), count: 3).flatMap(\.bytes))
        #expect(try test.next(as: first) == .sent(to: wire.near))
        #expect(try test.next(as: second) == .timer)
        try test.release(first)
        #expect(try test.all(as: second) == [.sent(to: wire.near)])
        #expect(test.queued == [])
    }

    @Test("What is queued for a held connection is sent at once, and told later")
    func queued() throws {
        let wire = try hold()
        try test.write(Frame("answer"), to: wire.near)
        #expect(try test.next(as: second) == .timer)
        #expect(wire.far.read() == Frame("answer").bytes)
        #expect(try test.all(as: first) == [.sent(to: wire.near)])
    }

    @Test("A connection that is full goes on when there is room, though it is held")
    func blocked() throws {
        let wire = try hold()
        wire.near.shrinkSendBuffer()
        let frame = Frame(pattern(100_000))
        try test.write(frame, to: wire.near)
        var bytes: [UInt8] = []
        for _ in 1...1000 where bytes.count < frame.bytes.count {
            #expect(try test.next(as: second) == .timer)
            bytes += wire.far.read()
        }
        let isSame = bytes == frame.bytes
        #expect(isSame)
        #expect(try test.all(as: first) == [.sent(to: wire.near)])
    }

    // MARK: The poller

    @Test("A held connection that stays readable is not named again and again", arguments: [ConnectionKind.ipc, .external])
    func paused(kind: ConnectionKind) throws {
        let wire = try test.connect(kind)
        try wire.far.write(Frame("one"))
        #expect(try test.next(as: first).descriptor == wire.near.number)
        try wire.far.write(Frame("two"))
        #expect(try look() == 1)
        #expect(try test.next(as: second) == .timer)
        let connection = try test.connection(of: wire.near)
        #expect(try test.isLeased(wire.near))
        #expect(connection.pointee.isPaused == true)
        #expect(test.leased == 1)
        #expect(try look() == 0)
        // Nor is what comes behind it, nor an end.
        try wire.far.write(Frame("three"))
        wire.far.close()
        #expect(try test.next(as: second) == .timer)
        #expect(try look() == 0)
        try test.release(first)
        #expect(try !test.isLeased(wire.near))
        #expect(connection.pointee.isPaused == false)
        #expect(test.leased == 0)
        #expect(try look() == 1)
        if kind == .ipc {
            let frames = [Frame("two"), Frame("three")]
            #expect(try test.all(as: second) == frames.map { .message($0, from: wire.near) } + [.disconnection(wire.near)])
        } else {
            #expect(try test.next(as: second) == .readable(wire.near))
        }
    }

    @Test("What its holder has read of a program's descriptor is no news for the next thread")
    func oldNews() throws {
        let wire = try test.connect(.external)
        try wire.far.write([1])
        #expect(try test.next(as: first) == .readable(wire.near))
        #expect(try test.next(as: second) == .timer)
        #expect(wire.near.read() == [1])
        try test.release(first)
        #expect(try test.next(as: second) == .timer)
        try wire.far.write([2])
        #expect(try test.next(as: second) == .readable(wire.near))
        #expect(try test.next(as: first) == .timer)
    }

    @Test("A held connection that is not ready is watched, and nothing is put off")
    func notReady() throws {
        let wire = try hold()
        for _ in 1...2 { #expect(try test.next(as: second) == .timer) }
        #expect(test.leased == 0)
        #expect(try test.connection(of: wire.near).pointee.isPaused == false)
    }
}
