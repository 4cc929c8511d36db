// ContextSwitchingTests.swift - pairs whose messages go from one end to the other, neither faster than the other one reads.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context switching") struct ContextSwitchingTests {
    let test: TestContext

    init() throws { test = try TestContext() }

    @Test("A message goes from one end to the other, in both directions")
    func passes() throws {
        let (left, right) = try test.connectPair()
        try left.far.write(Frame("there", type: 9, userType: 1))
        #expect(try test.all() == [.switched(from: left.near), .sent(to: right.near)])
        #expect(right.far.read() == Frame("there", type: 9, userType: 1).bytes)
        try right.far.write(Frame("and back"), Frame(""))
        let events = try test.all()
        #expect(events.filter { $0 == .switched(from: right.near) }.count == 2)
        #expect(events.filter { $0 == .sent(to: left.near) }.count == 2)
        #expect(left.far.read() == Frame("and back").bytes + Frame("").bytes)
    }

    @Test("Pairs do not mix")
    func pairs() throws {
        let (first, second) = (try test.connectPair(), try test.connectPair())
        try first.0.far.write(Frame("first"))
        try second.1.far.write(Frame("second"))
        #expect(try test.all().count == 4)
        #expect(first.1.far.read() == Frame("first").bytes)
        #expect(second.0.far.read() == Frame("second").bytes)
        #expect(first.0.far.read() == [])
        #expect(second.1.far.read() == [])
    }

    @Test("An end that is in no pair is an error, told once; tied, its messages go on")
    func unpaired() throws {
        let (left, right) = (try test.connect(.switched), try test.connect(.switched))
        try left.far.write(Frame("where to?"))
        #expect(try test.all() == [.error(left.near, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD)])
        #expect(test.has(left.near))
        try test.pair(left.near, right.near)
        #expect(try test.all() == [.switched(from: left.near), .sent(to: right.near)])
        #expect(right.far.read() == Frame("where to?").bytes)
    }

    @Test("A pair counts in either order when the next event is looked for")
    func eitherOrder() throws {
        let (left, right) = (try test.connect(.switched), try test.connect(.switched))
        try left.far.write(Frame("where to?"))
        #expect(try test.next() == .error(left.near, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD))
        try test.pair(right.near, left.near)
        #expect(try test.all() == [.switched(from: left.near), .sent(to: right.near)])
    }

    // MARK: Tying

    /// A service's end, which has been added last.
    private func makePair(_ client: Wire, to service: Wire) throws {
        test.keep(client.near)
        try test.context.pointee.makePair(client.near.number, to: service.near.number)
    }

    @Test("Tying adds a client that is not there")
    func tieNew() throws {
        let (service, client) = (try test.connect(.switched), try Wire())
        try client.far.write(Frame("there"))
        try makePair(client, to: service)
        #expect(test.descriptors == [service.near.number, client.near.number])
        #expect(test.context.pointee.view.kind(at: 1) == .switched)
        #expect(try test.all() == [.switched(from: client.near), .sent(to: service.near)])
        try service.far.write(Frame("and back"))
        #expect(try test.all() == [.switched(from: service.near), .sent(to: client.near)])
        #expect(client.far.read() == Frame("and back").bytes)
    }

    @Test(
        "A client of another type is a switched end from then on, with what was read ahead of it",
        arguments: [ConnectionKind.ipc, .external])
    func tieKnown(kind: ConnectionKind) throws {
        let client = try test.connect(kind)
        try client.far.write(Frame("for the program"), Frame("for the service"))
        if kind == .ipc {
            #expect(try test.next() == .message(Frame("for the program"), from: client.near))
        } else {
            #expect(try test.next() == .readable(client.near))
            #expect(End.read(Frame("for the program").bytes.count, from: client.near.number) == Frame("for the program").bytes)
        }
        let service = try test.connect(.switched)
        try makePair(client, to: service)
        #expect(test.context.pointee.view.kind(at: 0) == .switched)
        #expect(try test.all() == [.switched(from: client.near), .sent(to: service.near)])
        #expect(service.far.read() == Frame("for the service").bytes)
    }

    @Test("Where no pair can be made the service's entry goes, its descriptor stays open, and the client is what it was")
    func tieFails() throws {
        let (client, service) = (try test.connect(), try test.connect(.switched))
        test.context.pointee.view.refusesPairs = true
        #expect(throws: IPCError.self) { try makePair(client, to: service) }
        #expect(test.descriptors == [client.near.number])
        #expect(service.near.isOpen)
        try client.far.write(Frame("still here"))
        #expect(try test.all() == [.message(Frame("still here"), from: client.near)])
    }

    // MARK: Leaving

    @Test("When an end leaves both entries go, after its last messages, and neither descriptor is closed", arguments: [false, true])
    func leaves(first: Bool) throws {
        let pair = try test.connectPair()
        let (leaver, stayer) = first ? (pair.0, pair.1) : (pair.1, pair.0)
        try leaver.far.write(Frame("last words").bytes + Frame("never whole").bytes.prefix(9))
        leaver.far.close()
        let end = Happening.disconnection(leaver.near, IPC_ERROR_CLOSED_RECIPIENT)
        #expect(try test.all() == [.switched(from: leaver.near), .sent(to: stayer.near), end])
        #expect(stayer.far.read() == Frame("last words").bytes)
        #expect(test.descriptors == [])
        #expect(leaver.near.isOpen)
        #expect(stayer.near.isOpen)
        #expect(test.context.pointee.view.counterpart(of: stayer.near.number) == nil)
    }

    @Test("An end that breaks the protocol takes the pair along, and neither descriptor is closed")
    func protocolError() throws {
        let (left, right) = try test.connectPair()
        try left.far.write(Frame("before").bytes + Frame.headerBytes(length: .max))
        let events = try test.all()
        #expect(events.prefix(2) == [.switched(from: left.near), .sent(to: right.near)])
        #expect(events.count == 3)
        #expect(events.last == .error(left.near, IPC_ERROR_CLOSED_RECIPIENT))
        #expect(events.last?.reason == "the peer announced 4294967295 bytes")
        #expect(right.far.read() == Frame("before").bytes)
        #expect(test.descriptors == [])
        #expect(left.near.isOpen)
        #expect(right.near.isOpen)
    }

    @Test("The last messages of an end that left wait for an end that reads slowly, and then the pair goes")
    func lastWordsWait() throws {
        let (left, right) = try test.connectPair()
        right.near.shrinkSendBuffer()
        let frames = (0..<10).map { Frame(pattern(5000, seed: $0)) }
        try left.far.write(frames.flatMap(\.bytes))
        left.far.close()
        var events = try test.all()
        #expect(!events.contains { $0.kind == .disconnection })
        var bytes: [UInt8] = []
        for _ in 1...1000 where !test.descriptors.isEmpty {
            bytes += right.far.read()
            events += try test.all()
        }
        bytes += right.far.read()
        #expect(events.last == .disconnection(left.near, IPC_ERROR_CLOSED_RECIPIENT))
        #expect(events.filter { $0 == .sent(to: right.near) }.count == 10)
        let isSame = bytes == frames.flatMap(\.bytes)
        #expect(isSame)
    }

    // MARK: Pressure

    @Test("An end that does not read stops the other one, not the library's memory; and then all arrives")
    func pressure() throws {
        let (left, right) = try test.connectPair()
        let other = try test.connect()
        right.near.shrinkSendBuffer()
        let frame = Frame(pattern(20_000))
        let (far, count) = (left.far.number, 100)
        let target = try test.stream(of: right.near)
        var bytes: [UInt8] = []
        _ = try withPeer(over: left, doing: { for _ in 0..<count { try End.write(frame.bytes, to: far) } }) {
            // Read until the sender is stopped: what waits is the window, and a message.
            while target.pointee.outbox.pendingBytes < switchingWindow {
                let event = try test.next(waiting: 10_000)
                try #require(event != .timer)
            }
            #expect(try test.all().count < count)
            let pending = target.pointee.outbox.pendingBytes
            #expect(pending < switchingWindow + frame.bytes.count)
            // Somebody else is not kept waiting.
            try other.far.write(Frame("meanwhile"))
            let event = try test.next()
            #expect(event == .message(Frame("meanwhile"), from: other.near))
            for _ in 1...10_000 where bytes.count < count * frame.bytes.count {
                bytes += right.far.read()
                _ = try test.next(waiting: 1)
            }
        }
        try #require(bytes.count == count * frame.bytes.count)
        let isSame = (0..<count).allSatisfy { bytes[$0 * frame.bytes.count..<($0 + 1) * frame.bytes.count].elementsEqual(frame.bytes) }
        #expect(isSame)
    }

    @Test("Both ends may speak at once, to one that reads slowly")
    func crossing() throws {
        let (left, right) = try test.connectPair()
        for wire in [left, right] { wire.near.shrinkSendBuffer() }
        let (toRight, toLeft) = (Frame(pattern(60_000)), Frame(pattern(60_000, seed: 2)))
        try left.far.write(toRight)
        try right.far.write(toLeft)
        var (atLeft, atRight): ([UInt8], [UInt8]) = ([], [])
        for _ in 1...1000 where atLeft.count < toLeft.bytes.count || atRight.count < toRight.bytes.count {
            _ = try test.all()
            atLeft += left.far.read()
            atRight += right.far.read()
        }
        #expect(atLeft.elementsEqual(toLeft.bytes))
        #expect(atRight.elementsEqual(toRight.bytes))
    }

    @Test("An end that is held back is looked at again when it gets another pair, or another type", arguments: [true, false])
    func heldBack(isTied: Bool) throws {
        let (left, right) = try test.connectPair()
        right.near.shrinkSendBuffer()
        let other = try test.connect(.switched)
        for _ in 1...3 {
            try left.far.write(Frame(pattern(100_000)))
            #expect(try test.all() == [.switched(from: left.near)])
        }
        try left.far.write(Frame("where to now?"))
        #expect(try test.all() == [])
        if isTied {
            test.context.pointee.view.unpair(left.near.number)
            try test.pair(left.near, other.near)
            #expect(try test.all() == [.switched(from: left.near), .sent(to: other.near)])
            #expect(other.far.read() == Frame("where to now?").bytes)
        } else {
            test.context.pointee.setKind(.ipc, of: try test.connection(of: left.near))
            #expect(try test.all() == [.message(Frame("where to now?"), from: left.near)])
        }
    }

    // MARK: By hand

    @Test("One step reads, one sends and reports")
    func steps() throws {
        let (left, right) = try test.connectPair()
        try left.far.write(Frame("step by step"))
        let (source, target) = (try test.connection(of: left.near), try test.connection(of: right.near))
        #expect(
            try test.happening { context, event throws(IPCError) in try context.stepReading(source, &event) } == .switched(from: left.near))
        #expect(right.far.read() == [])
        #expect(try test.happening { context, event throws(IPCError) in try context.stepWriting(target, &event) } == .sent(to: right.near))
        #expect(right.far.read() == Frame("step by step").bytes)
        #expect(try test.next() == .timer)
    }
}
