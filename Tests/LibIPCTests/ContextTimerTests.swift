// ContextTimerTests.swift - how long a call may wait, and what it gives when the time is up.

import Testing

@testable import LibIPC

@Suite("Context timer") struct ContextTimerTests {
    let test: TestContext

    init() throws { test = try TestContext() }

    @Test("A call that must not wait looks, and returns what there is, or a timer")
    func zero() throws {
        #expect(try test.next() == .timer)
        let wire = try test.connect()
        for _ in 1...3 { #expect(try test.next() == .timer) }
        try wire.far.write(Frame("here"))
        #expect(try test.next() == .message(Frame("here"), from: wire.near))
        #expect(try test.next() == .timer)
    }

    @Test("A timer belongs to no descriptor")
    func nobody() throws {
        let event = try test.next()
        #expect(event.descriptor == 0)
        #expect(event.index == 0)
    }

    @Test("A timer comes when the time is up, not before")
    func deadline() throws {
        let wire = try test.connect()
        let deadline = Deadline(milliseconds: 30)
        #expect(try test.next(until: deadline) == .timer)
        #expect(deadline.remaining == 0)
        withExtendedLifetime(wire) {}
    }

    @Test("A message ends the wait, however long that may be", arguments: [-1, 600_000] as [Int32])
    func waits(milliseconds: Int32) throws {
        let wire = try test.connect()
        let far = wire.far.number
        try withPeer(over: wire, doing: { try End.write(Frame("at last").bytes, to: far) }) {
            let event = try test.next(waiting: milliseconds)
            #expect(event == .message(Frame("at last"), from: wire.near))
        }
    }

    @Test("A message that comes in pieces is waited for to its last byte")
    func pieces() throws {
        let wire = try test.connect()
        let (far, frame) = (wire.far.number, Frame(pattern(300)))
        try withPeer(over: wire, doing: { for byte in frame.bytes { try End.write([byte], to: far) } }) {
            let event = try test.next(waiting: -1)
            #expect(event == .message(frame, from: wire.near))
        }
    }

    @Test("Room at a receiver ends the wait, too")
    func room() throws {
        let wire = try test.connect()
        wire.near.shrinkSendBuffer()
        let frame = Frame(pattern(300_000))
        try test.write(frame, to: wire.near)
        let (far, count) = (wire.far.number, frame.bytes.count)
        let bytes = try withPeer(over: wire, doing: { End.read(count, from: far) }) {
            let event = try test.next(waiting: -1)
            #expect(event == .sent(to: wire.near))
        }
        let isSame = bytes == frame.bytes
        #expect(isSame)
    }

    @Test("For ever stays for ever, no time stays none, and time does not grow")
    func remaining() {
        #expect(Deadline(milliseconds: -1).remaining == -1)
        #expect(Deadline(milliseconds: .min).remaining == -1)
        #expect(Deadline(milliseconds: 0).remaining == 0)
        #expect((1...Int32.max).contains(Deadline(milliseconds: .max).remaining))
        let deadline = Deadline(milliseconds: 1000)
        let first = deadline.remaining
        #expect((0...1000).contains(first))
        #expect((0...first).contains(deadline.remaining))
    }
}
