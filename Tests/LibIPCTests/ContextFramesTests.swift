// ContextFramesTests.swift - messages in both directions, what is reported of them, and how peers go.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context frames") struct ContextFramesTests {
    let test: TestContext

    init() throws { test = try TestContext() }

    // MARK: Receiving

    @Test("A message tells who sent it")
    func message() throws {
        let wires = try (0..<3).map { _ in try test.connect() }
        try wires[1].far.write(Frame("hello", type: 7, userType: 8))
        let event = try test.next()
        #expect(event == .message(Frame("hello", type: 7, userType: 8), from: wires[1].near))
        #expect(event.index == 1)
        #expect(try test.next() == .timer)
    }

    @Test("Messages come in order, the empty ones too, and are no news before their last byte")
    func order() throws {
        let wire = try test.connect()
        let frames = [Frame("one"), Frame(""), Frame(""), Frame(pattern(100_000)), Frame("five")]
        for byte in frames[0].bytes.dropLast() {
            try wire.far.write([byte])
            #expect(try test.next() == .timer)
        }
        try wire.far.write(frames[0].bytes.suffix(1) + frames[1...].flatMap(\.bytes))
        #expect(try test.all() == frames.map { .message($0, from: wire.near) })
    }

    @Test("What a peer sent before it left comes first; then its entry and its descriptor go", arguments: [0, 3, 6, 9])
    func disconnection(cut: Int) throws {
        let (wire, other) = (try test.connect(), try test.connect())
        try wire.far.write(Frame("one").bytes + Frame("").bytes + Frame("never whole").bytes.prefix(cut))
        wire.far.close()
        #expect(try test.next() == .message(Frame("one"), from: wire.near))
        #expect(try test.next() == .message(Frame(""), from: wire.near))
        let event = try test.next()
        #expect(event == .disconnection(wire.near))
        #expect(event.index == 0)
        #expect(!wire.near.isOpen)
        #expect(test.descriptors == [other.near.number])
        #expect(try test.next() == .timer)
    }

    @Test("A peer that says no more has left, though it would still listen")
    func shutDown() throws {
        let wire = try test.connect()
        shutdown(wire.far.number, Int32(SHUT_WR))
        #expect(try test.next() == .disconnection(wire.near))
        #expect(wire.far.isAlone)
    }

    @Test("A peer that left without reading what it was sent has left, not failed")
    func unread() throws {
        let wire = try test.connect()
        try test.write(Frame("never read"), to: wire.near)
        #expect(try test.next() == .sent(to: wire.near))
        wire.far.close()
        #expect(try test.all() == [.disconnection(wire.near)])
    }

    @Test("A peer that breaks the protocol goes, with a reason, and is no error of the call")
    func protocolError() throws {
        let (bad, good) = (try test.connect(), try test.connect())
        try bad.far.write(Frame("before").bytes + Frame.headerBytes(length: 1_999_995))
        #expect(try test.next() == .message(Frame("before"), from: bad.near))
        let event = try test.next()
        #expect(event == .error(bad.near, IPC_ERROR_NONE))
        #expect(event.reason == "the peer announced 1999995 bytes")
        #expect(bad.far.isAlone)
        try good.far.write(Frame("after"))
        #expect(try test.all() == [.message(Frame("after"), from: good.near)])
        #expect(test.descriptors == [good.near.number])
    }

    // MARK: Sending

    @Test("Each message is reported once it has been handed over, and all arrive in order")
    func sending() throws {
        let wires = (try test.connect(), try test.connect())
        let frames = (0..<100).map { Frame("message \($0)", userType: UInt8($0)) } + [Frame("")]
        for frame in frames {
            try test.write(frame, to: wires.0.near)
            try test.write(frame, to: wires.1.near)
        }
        #expect(test.queued.count == 202)
        let events = try test.all()
        #expect(events.filter { $0 == .sent(to: wires.0.near) }.count == 101)
        #expect(events.filter { $0 == .sent(to: wires.1.near) }.count == 101)
        #expect(events.count == 202)
        #expect(test.queued == [])
        for wire in [wires.0, wires.1] { #expect(wire.far.read() == frames.flatMap(\.bytes)) }
    }

    @Test("What was queued is a copy")
    func copy() throws {
        let wire = try test.connect()
        var payload = Array("before".utf8)
        try payload.withUnsafeMutableBytes { bytes in
            try test.context.pointee.queue(Frame("before").header, copying: bytes.baseAddress, for: wire.near.number)
            bytes.copyBytes(from: "after!".utf8)
        }
        #expect(try test.all() == [.sent(to: wire.near)])
        #expect(wire.far.read() == Frame("before").bytes)
    }

    @Test("A receiver that does not read waits for itself: nothing is reported too early, and nobody else waits")
    func backpressure() throws {
        let (slow, quick) = (try test.connect(), try test.connect())
        slow.near.shrinkSendBuffer()
        let large = Frame(pattern(200_000))
        try test.write(large, to: slow.near)
        try test.write(Frame("behind it"), to: slow.near)
        #expect(try test.all() == [])
        try quick.far.write(Frame("question"))
        #expect(try test.next() == .message(Frame("question"), from: quick.near))
        try test.write(Frame("answer"), to: quick.near)
        #expect(try test.all() == [.sent(to: quick.near)])

        var (bytes, events): ([UInt8], [Happening]) = ([], [])
        for _ in 1...1000 where events.count < 2 {
            bytes += slow.far.read()
            events += try test.all()
        }
        #expect(events == [.sent(to: slow.near), .sent(to: slow.near)])
        let isSame = bytes + slow.far.read() == large.bytes + Frame("behind it").bytes
        #expect(isSame)
    }

    @Test("A peer that went away gets nothing, and nothing is reported of it")
    func sendingFails() throws {
        let wire = try test.connect()
        try test.write(Frame("one"), to: wire.near)
        try test.write(Frame("two"), to: wire.near)
        wire.far.close()
        #expect(try test.all() == [.disconnection(wire.near)])
        #expect(test.queued == [])
    }

    @Test("What a peer sent before it stopped listening still comes, and then its failure")
    func stoppedListening() throws {
        let wire = try test.connect()
        try wire.far.write(Frame("last"))
        shutdown(wire.far.number, Int32(SHUT_RD))
        try test.write(Frame("to nobody"), to: wire.near)
        let events = try test.all()
        #expect(events == [.message(Frame("last"), from: wire.near), .error(wire.near, IPC_ERROR_NONE)])
        #expect(wire.far.isAlone)
        #expect(test.queued == [])
    }

    @Test("What a peer was sent is reported before it is told that the peer left, or failed", arguments: [false, true])
    func reportedFirst(fails: Bool) throws {
        let (busy, leaver) = (try test.connect(), try test.connect())
        try busy.far.write(Frame("hello"))
        if fails { try leaver.far.write(Frame.headerBytes(length: .max)) } else { shutdown(leaver.far.number, Int32(SHUT_WR)) }
        // One look names both; the end of the second is not found yet when it is sent something.
        #expect(try test.next() == .message(Frame("hello"), from: busy.near))
        try test.write(Frame("welcome"), to: busy.near)
        #expect(try test.next() == .sent(to: busy.near))
        for number in 1...3 { try test.write(Frame("farewell \(number)"), to: leaver.near) }
        let end = fails ? Happening.error(leaver.near, IPC_ERROR_NONE) : .disconnection(leaver.near)
        #expect(try test.all() == [Happening](repeating: .sent(to: leaver.near), count: 3) + [end])
        #expect(leaver.far.read() == (1...3).flatMap { Frame("farewell \($0)").bytes })
        #expect(test.queued == [])
    }

    @Test("A receiver that is not in the context is an error")
    func notHere() throws {
        let stranger = try Wire().near
        let error = #expect(throws: IPCError.self) { try test.write(Frame("lost"), to: stranger) }
        #expect(error?.code == IPC_ERROR_WRITE__FD_NOT_FOUND)
        #expect(test.queued == [])
    }

    @Test("A full queue refuses a message and keeps the others; each receiver has its own")
    func queueLimit() throws {
        let (wire, other) = (try test.connect(), try test.connect())
        wire.near.shrinkSendBuffer()
        let frame = Frame(pattern(994))
        test.context.pointee.queueLimit = 3000
        for _ in 1...3 { try test.write(frame, to: wire.near) }
        let error = #expect(throws: IPCError.self) { try test.write(Frame(""), to: wire.near) }
        #expect(error?.code == IPC_ERROR_WRITE__QUEUE_FULL)
        #expect(test.queued.count == 3)
        try test.write(frame, to: other.near)
        #expect(try test.all().count == 4)
        _ = wire.far.read()
        try test.write(Frame(""), to: wire.near)
        #expect(try test.all() == [.sent(to: wire.near)])
    }

    @Test("A message larger than the limit is refused, whatever the queue", arguments: [0, 5])
    func largerThanLimit(limit: Int) throws {
        let wire = try test.connect()
        test.context.pointee.queueLimit = limit
        let error = #expect(throws: IPCError.self) { try test.write(Frame(""), to: wire.near) }
        #expect(error?.code == IPC_ERROR_WRITE__QUEUE_FULL)
    }

    @Test("What is queued for an entry goes with it, and nothing is reported")
    func removedWithQueue() throws {
        let (wire, other) = (try test.connect(), try test.connect())
        for end in [wire.near, other.near, wire.near] { try test.write(Frame("for \(end.number)"), to: end) }
        test.context.pointee.remove(try test.connection(of: wire.near), .released)
        #expect(test.queued == [Frame("for \(other.near.number)")])
        #expect(try test.all() == [.sent(to: other.near)])
        #expect(wire.far.read() == [])
        #expect(wire.near.isOpen)
    }

    // MARK: Frames that are begun

    /// An entry that has sent a part of a frame, with another one behind it. Returns what its peer has read.
    private func begin(_ frame: Frame, over wire: Wire, in test: TestContext) throws -> [UInt8] {
        wire.near.shrinkSendBuffer()
        try test.write(frame, to: wire.near)
        try test.write(Frame("dropped"), to: wire.near)
        #expect(try test.all() == [])
        return wire.far.read()
    }

    @Test("A frame that is begun is finished, though its entry is gone, by whoever writes next", arguments: [true, false])
    func finishedElsewhere(isContextGone: Bool) throws {
        let (wire, begun) = (try Wire(), Frame(pattern(100_000)))
        var bytes: [UInt8]
        do {
            let former = try TestContext()
            try former.add(wire.near)
            bytes = try begin(begun, over: wire, in: former)
            if !isContextGone {
                former.context.pointee.remove(try former.connection(of: wire.near), .released)
                #expect(former.queued == [])
            }
        }
        try test.add(wire.near)
        try test.write(Frame("next"), to: wire.near)
        var events: [Happening] = []
        for _ in 1...1000 where events.isEmpty {
            events += try test.all()
            bytes += wire.far.read()
        }
        #expect(events == [.sent(to: wire.near)])
        let isSame = bytes == begun.bytes + Frame("next").bytes
        #expect(isSame)
    }

    @Test("A frame that is begun is finished, though what is queued was dropped, and nobody is told")
    func finishedHere() throws {
        let (wire, begun) = (try test.connect(.external), Frame(pattern(100_000)))
        var bytes = try begin(begun, over: wire, in: test)
        try test.context.pointee.closeDescriptor(try test.connection(of: wire.near))
        #expect(test.queued == [])
        for _ in 1...1000 where bytes.count < begun.bytes.count {
            #expect(try test.all() == [])
            bytes += wire.far.read()
        }
        let isSame = bytes == begun.bytes
        #expect(isSame)
    }
}
