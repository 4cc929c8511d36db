// OutboxTests.swift - frames leave in order, as much as the kernel takes at a time, and each is accounted for until it has gone.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Outbox") struct OutboxTests {
    private typealias Place = Sender.Place

    /// All are sent, and can be taken out.
    private func expectSent(_ frames: [Frame], _ sender: Sender) {
        #expect(sender.takeSent() == frames)
        #expect(sender.outbox.pendingBytes == 0)
        #expect(sender.outbox.pendingFrames == 0)
    }

    @Test("Frames go in order, whatever holds their payload", arguments: Wire.Kind.allCases, Sender.Place.allCases)
    func order(kind: Wire.Kind, place: Sender.Place) throws {
        let sender = try Sender(kind)
        let frames = [Frame("one"), Frame(""), Frame("two", type: 0), Frame("", userType: 0), Frame(pattern(500))]
        for frame in frames { try sender.append(frame, place) }
        let (bytes, _) = try sender.sendAll()
        #expect(bytes == frames.flatMap(\.bytes))
        expectSent(frames, sender)
    }

    @Test("More frames than fit one call go in order, too")
    func manyFrames() throws {
        let sender = try Sender()
        let frames = (0..<1000).map { Frame("frame \($0)", type: UInt8($0 & 255)) }
        let places = (0..<1000).map { Place.allCases[$0 % 2] }
        for (frame, place) in zip(frames, places) { try sender.append(frame, place) }
        let (bytes, _) = try sender.sendAll()
        #expect(bytes == frames.flatMap(\.bytes))
        expectSent(frames, sender)
    }

    @Test("Large payloads go piece by piece, and arrive whole", arguments: Wire.Kind.allCases, Sender.Place.allCases)
    func pieces(kind: Wire.Kind, place: Sender.Place) throws {
        let sender = try Sender(kind)
        let frames = [Frame(pattern(150_000)), Frame("between"), Frame(""), Frame(pattern(70_000, seed: 2))]
        for frame in frames { try sender.append(frame, place) }
        let (bytes, sends) = try sender.sendAll()
        #expect(sends > 2)
        let isSame = bytes == frames.flatMap(\.bytes)
        #expect(isSame)
        expectSent(frames, sender)
    }

    @Test("Random frames arrive whole through a small buffer", arguments: seeds)
    func random(seed: UInt64) throws {
        var generator = Seeded(seed)
        let sender = try Sender()
        let frames = (0..<100).map { _ in generator.frame() }
        let places = frames.map { _ in Place.allCases.randomElement(using: &generator) ?? .copied }
        for (frame, place) in zip(frames, places) { try sender.append(frame, place) }
        let (bytes, _) = try sender.sendAll()
        let isSame = bytes == frames.flatMap(\.bytes)
        #expect(isSame, "seed \(seed)")
        expectSent(frames, sender)
    }

    @Test("Bytes are pending until the kernel has them, and a frame until it has all of them")
    func accounting() throws {
        let sender = try Sender()
        let frames = [Frame("short"), Frame(pattern(100_000))]
        let total = frames.flatMap(\.bytes).count
        for frame in frames { try sender.append(frame) }
        #expect(sender.outbox.pendingBytes == total)
        #expect(sender.outbox.isBegun == false)
        #expect(sender.takeSent() == [])

        #expect(try sender.send() == false)
        let arrived = sender.reader.read().count
        #expect(arrived > 0)
        #expect(sender.outbox.pendingBytes == total - arrived)
        #expect(sender.outbox.hasPending == true)
        #expect(sender.outbox.isBegun == true)
        #expect(sender.takeSent() == [Frame("short")])

        _ = try sender.sendAll()
        #expect(sender.outbox.pendingBytes == 0)
        #expect(sender.outbox.hasPending == false)
        #expect(sender.outbox.isBegun == false)
        #expect(sender.takeSent() == [frames[1]])
    }

    @Test("A frame that is taken out takes its share of the pending bytes with it, half sent or not")
    func takenOut() throws {
        let sender = try Sender()
        let frames = [Frame(pattern(100_000)), Frame("second"), Frame("third")]
        for frame in frames { try sender.append(frame) }
        #expect(try sender.send() == false)
        #expect(sender.outbox.isBegun == true)
        #expect(sender.takePending() == frames[0])
        #expect(sender.outbox.isBegun == false)
        #expect(sender.outbox.pendingBytes == frames[1].bytes.count + frames[2].bytes.count)
        #expect(sender.takePending() == frames[1])
        #expect(sender.takePending() == frames[2])
        #expect(sender.takePending() == nil)
        #expect(sender.outbox.pendingBytes == 0)
    }

    @Test("What is begun stays when the others are taken, and is finished alone")
    func begun() throws {
        let sender = try Sender()
        let frames = [Frame(pattern(50_000)), Frame("second"), Frame("third")]
        for frame in frames { try sender.append(frame) }
        #expect(sender.outbox.begun == nil)
        #expect(try sender.send() == false)
        #expect(sender.outbox.begun.map { Frame($0) } == frames[0])
        #expect(sender.takeUnbegun() == frames[1])
        try sender.append(Frame("fourth"))

        var bytes = sender.reader.read()
        while try !sender.outbox.send(to: sender.end.descriptor, finishing: true) { bytes += sender.reader.read() }
        bytes += sender.reader.read()
        let isFirst = bytes == frames[0].bytes
        #expect(isFirst)
        #expect(sender.outbox.begun == nil)
        #expect(sender.outbox.pendingBytes == frames[2].bytes.count + Frame("fourth").bytes.count)
        for frame in [frames[2], Frame("fourth")] { #expect(sender.takeUnbegun() == frame) }
        #expect(sender.takeUnbegun() == nil)
        #expect(sender.outbox.pendingBytes == 0)
        #expect(sender.takeSent() == [frames[0]])
    }

    @Test("When all but the begun frame is taken that goes to its end, and what is queued next goes behind it", arguments: Place.allCases)
    func onlyBegun(place: Sender.Place) throws {
        let sender = try Sender()
        let begun = Frame(pattern(50_000))
        for frame in [Frame("sent before"), begun, Frame("dropped")] { try sender.append(frame, place) }
        #expect(try sender.send() == false)
        #expect(sender.takeUnbegun() == Frame("dropped"))
        #expect(sender.takeUnbegun() == nil)
        #expect(sender.outbox.pendingFrames == 1)
        try sender.append(Frame("after"))
        let bytes = try sender.sendAll().bytes
        let isSame = bytes == Frame("sent before").bytes + begun.bytes + Frame("after").bytes
        #expect(isSame)
        #expect(sender.takeSent() == [Frame("sent before"), begun, Frame("after")])
    }

    @Test("A frame that comes after the last was taken goes like any other")
    func afterEmpty() throws {
        let sender = try Sender()
        for frame in [Frame("first"), Frame("second")] {
            try sender.append(frame)
            #expect(try sender.sendAll().bytes == frame.bytes)
            #expect(sender.takeSent() == [frame])
        }
        try sender.append(Frame("third"))
        #expect(sender.takePending() == Frame("third"))
        try sender.append(Frame("fourth"))
        #expect(try sender.sendAll().bytes == Frame("fourth").bytes)
    }

    @Test("Sending to a peer that has left fails, without a signal, and what is queued stays", arguments: Wire.Kind.allCases)
    func peerHasLeft(kind: Wire.Kind) throws {
        let sender = try Sender(kind)
        try sender.append(Frame("to nobody"))
        sender.reader.close()
        let error = #expect(throws: IPCError.self) { try sender.outbox.send(to: sender.end.descriptor) }
        #expect(error?.code == IPC_ERROR_USOCK_SEND)
        #expect(error?.systemError == EPIPE)
        #expect(sender.takeSent() == [])
        #expect(sender.takePending() == Frame("to nobody"))
    }

    @Test("A send never waits, and who waits for room sends all, while somebody reads", arguments: Wire.Kind.allCases)
    func waiting(kind: Wire.Kind) throws {
        let sender = try Sender(kind)
        let frame = Frame(pattern(300_000))
        try sender.append(frame)
        #expect(try sender.send() == false)
        let (reader, count) = (sender.reader.number, frame.bytes.count)
        let bytes = try withPeer(over: sender.wire, doing: { End.read(count, from: reader) }) {
            while try !sender.send() { try sender.end.descriptor.waitForRoom(IPC_ERROR_USOCK_SEND) }
        }
        let isSame = bytes == frame.bytes
        #expect(isSame)
    }
}
