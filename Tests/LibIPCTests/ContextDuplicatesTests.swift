// ContextDuplicatesTests.swift - a descriptor that is in the set twice: the entry that came last is active, the former one is inactive until
// the active one goes without closing; and a number that means another file by now.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context, duplicates") struct ContextDuplicatesTests {
    let test: TestContext

    init() throws { test = try TestContext() }

    private func isActive(at index: Int) -> Bool { test.context.pointee.connections[index].pointee.isActive }

    private func remove(_ end: End, _ fate: Context<ListView>.StreamFate = .released) throws {
        test.context.pointee.remove(try test.connection(of: end), fate)
    }

    @Test("A descriptor in the set twice is told of once, as the entry that came last")
    func last() throws {
        let wire = try test.connect()
        try test.add(wire.near)
        #expect((0...1).map { isActive(at: $0) } == [false, true])
        try wire.far.write(Frame("once"))
        try test.write(Frame("answer"), to: wire.near)
        let events = try test.all()
        #expect(events.count == 2)
        #expect(events.contains(.message(Frame("once"), from: wire.near)))
        #expect(events.contains(.sent(to: wire.near)))
        #expect(events.map(\.index) == [1, 1])
        #expect(wire.far.read() == Frame("answer").bytes)
    }

    @Test("The type of the entry that came last counts")
    func kind() throws {
        let wire = try test.connect()
        try test.add(wire.near, .external)
        try wire.far.write(Frame("raw"))
        let event = try test.next()
        #expect(event == .readable(wire.near))
        #expect(event.index == 1)
        #expect(wire.near.read() == Frame("raw").bytes)
    }

    @Test("The entry that comes last takes over what was read ahead, queued, sent in part, and sent")
    func takesOver() throws {
        let wire = try test.connect()
        wire.near.shrinkSendBuffer()
        try wire.far.write(Frame("one"), Frame("two"))
        #expect(try test.next() == .message(Frame("one"), from: wire.near))
        let frames = [Frame("first"), Frame("second"), Frame(pattern(100_000)), Frame("fourth")]
        for frame in frames { try test.write(frame, to: wire.near) }
        // Two have gone, and are in no list any more; one of them is reported; the third has begun.
        let connection = try test.connection(of: wire.near)
        #expect(
            try test.happening { context, event throws(IPCError) in try context.stepWriting(connection, &event) } == .sent(to: wire.near))
        #expect(try test.stream(of: wire.near).pointee.outbox.isBegun == true)
        try test.add(wire.near)
        #expect(test.queued.count == 2)
        var (bytes, events): ([UInt8], [Happening]) = ([], [])
        for _ in 1...1000 where events.count < 4 {
            events += try test.all()
            bytes += wire.far.read()
        }
        #expect(events.filter { $0 == .message(Frame("two"), from: wire.near) }.count == 1)
        #expect(events.filter { $0 == .sent(to: wire.near) }.count == 3)
        #expect(events.map(\.index) == [1, 1, 1, 1])
        #expect(test.queued == [])
        let isSame = bytes == frames.flatMap(\.bytes)
        #expect(isSame)
    }

    @Test("What has gone to the peer already is reported by the entry that comes last")
    func takesOverReports() throws {
        let wire = try test.connect()
        for _ in 1...2 { try test.write(Frame("gone"), to: wire.near) }
        #expect(try test.next() == .sent(to: wire.near))
        #expect(wire.far.read() == Frame("gone").bytes + Frame("gone").bytes)
        try test.add(wire.near)
        let events = try test.all()
        #expect(events == [.sent(to: wire.near)])
        #expect(events.first?.index == 1)
        #expect(test.queued == [])
    }

    @Test("When the active entry goes the other one is active again", arguments: [false, true])
    func activeAgain(isDiscarded: Bool) throws {
        let wire = try test.connect()
        try test.add(wire.near)
        try remove(wire.near, isDiscarded ? .discarded : .released)
        #expect(test.descriptors == [wire.near.number])
        #expect(isActive(at: 0))
        try wire.far.write(Frame("again"))
        try test.write(Frame("answer"), to: wire.near)
        let events = try test.all()
        #expect(events.count == 2)
        #expect(events.contains(.message(Frame("again"), from: wire.near)))
        #expect(wire.far.read() == Frame("answer").bytes)
        try remove(wire.near)
        #expect(!test.has(wire.near))
        #expect(wire.near.isOpen)
    }

    @Test("What a deleted entry had read ahead is told by the other one")
    func readAhead() throws {
        let wire = try test.connect()
        try test.add(wire.near)
        try wire.far.write(Frame("one"), Frame("two"))
        #expect(try test.next() == .message(Frame("one"), from: wire.near))
        try remove(wire.near, .released)
        #expect(try test.all() == [.message(Frame("two"), from: wire.near)])
    }

    @Test("When the inactive entry goes the active one stays")
    func inactiveGoes() throws {
        let (wire, other) = (try test.connect(), try test.connect())
        try test.add(wire.near)
        test.context.pointee.remove(test.context.pointee.connections[0], .released)
        #expect(test.descriptors == [wire.near.number, other.near.number])
        try wire.far.write(Frame("still here"))
        try test.write(Frame("answer"), to: wire.near)
        let events = try test.all()
        #expect(events.contains(.message(Frame("still here"), from: wire.near)))
        #expect(events.map(\.index) == [0, 0])
        #expect(wire.far.read() == Frame("answer").bytes)
    }

    @Test("When the descriptor is closed the other entry stays inactive", arguments: [false, true])
    func closed(isRemoved: Bool) throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        for _ in 1...2 { try test.add(end) }
        if isRemoved { try remove(end, .closed) } else { try test.context.pointee.closeDescriptor(try test.connection(of: end)) }
        #expect(wire.far.isAlone)
        for index in 0..<test.descriptors.count { #expect(!isActive(at: index)) }
        #expect(try test.all() == [])
        #expect(throws: IPCError.self) { try test.write(Frame("to nobody"), to: end) }
    }

    @Test("A peer that leaves takes the entry that is active, and the descriptor")
    func peerLeaves() throws {
        let wire = try test.connect()
        try test.add(wire.near)
        wire.far.close()
        let events = try test.all()
        #expect(events == [.disconnection(wire.near)])
        #expect(events.first?.index == 1)
        #expect(!wire.near.isOpen)
        #expect(test.descriptors == [wire.near.number])
    }

    @Test("An entry that is active again sends, though it waited for room when it was replaced")
    func blocked() throws {
        let wire = try test.connect()
        wire.near.shrinkSendBuffer()
        let large = Frame(pattern(100_000))
        try test.write(large, to: wire.near)
        #expect(try test.all() == [])
        try test.add(wire.near)
        var (bytes, events): ([UInt8], [Happening]) = ([], [])
        for _ in 1...1000 where events.isEmpty {
            bytes += wire.far.read()
            events += try test.all()
        }
        #expect(events == [.sent(to: wire.near)])
        bytes += wire.far.read()
        try remove(wire.near, .released)
        try test.write(Frame("again"), to: wire.near)
        #expect(try test.all() == [.sent(to: wire.near)])
        bytes += wire.far.read()
        let isSame = bytes == large.bytes + Frame("again").bytes
        #expect(isSame)
    }

    @Test("An entry that is active again is read, though it was paused when it was replaced")
    func paused() throws {
        let wire = try test.connect(.switched)
        try wire.far.write(Frame("where to?"))
        #expect(try test.all() == [.error(wire.near, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD)])
        try test.add(wire.near)
        #expect(try test.all() == [.message(Frame("where to?"), from: wire.near)])
        try remove(wire.near, .released)
        let other = try test.connect(.switched)
        try test.pair(wire.near, other.near)
        try wire.far.write(Frame("again"))
        #expect(try test.all() == [.switched(from: wire.near), .sent(to: other.near)])
    }

    @Test("Of three the last is active, and each is active again when those behind it have gone")
    func three() throws {
        let wire = try test.connect()
        for _ in 1...2 { try test.add(wire.near) }
        for left in [2, 1, 0] {
            try wire.far.write(Frame("to one of \(left + 1)"))
            let events = try test.all()
            #expect(events == [.message(Frame("to one of \(left + 1)"), from: wire.near)])
            #expect(events.first?.index == left)
            try remove(wire.near, .released)
            #expect(test.descriptors.count == left)
        }
    }

    // MARK: Another file

    @Test("A number that means another file by now belongs to the entry that came last")
    func reused() throws {
        let (former, latter) = (try Wire(), try Wire())
        let end = try former.near.moved()
        try test.add(end)
        try test.write(Frame("for the former"), to: end)
        let again = try latter.near.replacing(end)
        try test.add(again, .external)
        try latter.far.write([1, 2, 3])
        #expect(test.context.pointee.active(again.number)?.pointee.index == 1)
        let event = try test.next()
        #expect(event == .readable(again))
        #expect(event.index == 1)
        #expect(again.read() == [1, 2, 3])
        #expect(latter.far.read() == [])
        #expect(test.queued == [])
    }

    @Test("What was read ahead of another file, or has begun to be sent to it, is not the last entry's")
    func otherFile() throws {
        let (former, latter) = (try Wire(), try Wire())
        former.near.shrinkSendBuffer()
        let end = try former.near.moved()
        try test.add(end)
        try former.far.write(Frame("one"), Frame("two"))
        #expect(try test.next() == .message(Frame("one"), from: end))
        try test.write(Frame(pattern(100_000)), to: end)
        let connection = try test.connection(of: end)
        _ = try test.happening { context, event throws(IPCError) in
            try context.send(connection, &event)
            event.kind = .timer
        }
        #expect(try test.stream(of: end).pointee.outbox.isBegun == true)
        let again = try latter.near.replacing(end)
        try test.add(again)
        #expect(test.queued == [])
        try latter.far.write(Frame("mine"))
        #expect(try test.all() == [.message(Frame("mine"), from: again)])
        #expect(latter.far.read() == [])
    }
}
