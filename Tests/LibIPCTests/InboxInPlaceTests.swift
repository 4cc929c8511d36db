// InboxInPlaceTests.swift - after a large message: what comes next is received into the block that one had, whatever it is.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Inbox in place") struct InboxInPlaceTests {
    private static let size = 100_000

    /// Has received a large message, and has its block again.
    private func begin() throws -> Receiver {
        let receiver = try Receiver()
        let frame = Frame(pattern(InboxInPlaceTests.size))
        try receiver.wire.far.write(frame.bytes)
        #expect(try receiver.recycledFrame() == frame)
        #expect(receiver.hasSpare)
        return receiver
    }

    @Test("The next message of that size comes in one receive, into the same block, which stays its own")
    func same() throws {
        let receiver = try begin()
        let frames = (2...3).map { Frame(pattern(InboxInPlaceTests.size, seed: $0), type: 7, userType: 8) }
        try receiver.wire.far.write(frames[0].bytes)
        #expect(try receiver.receive() == .message)
        #expect(!receiver.hasSpare)
        // Read ahead while the message is still here: it is not touched.
        let message = receiver.inbox.takeMessage()
        try receiver.wire.far.write(frames[1].bytes)
        #expect(try receiver.recycledFrame() == frames[1])
        guard let message else { return }
        #expect(Frame(message) == frames[0])
    }

    @Test("What is not as large leaves the block, and what is behind it is found", arguments: [0, 1, 65_534, 99_999])
    func smaller(size: Int) throws {
        let receiver = try begin()
        let frames = [Frame(pattern(size)), Frame("behind"), Frame("")]
        try receiver.wire.far.write(frames.flatMap(\.bytes) + [2, 0])
        for frame in frames { #expect(try receiver.recycledFrame() == frame) }
        #expect(receiver.hasSpare)
        #expect(try receiver.receive() == .nothing)
        #expect(receiver.inbox.header == nil && !receiver.inbox.isEmpty)
    }

    @Test("A small message alone is given no large block", arguments: [0, 1, 10_000])
    func small(size: Int) throws {
        let receiver = try begin()
        try receiver.wire.far.write(Frame(pattern(size)))
        #expect(try receiver.receive() == .message)
        #expect(receiver.hasSpare)
        #expect(receiver.recycle() == Frame(pattern(size)))
    }

    @Test("What is larger goes on where it began", arguments: [100_001, 150_000, 1_000_000])
    func larger(size: Int) throws {
        let receiver = try begin()
        let (frame, far) = (Frame(pattern(size)), receiver.wire.far.number)
        var found: [Frame] = []
        _ = try withPeer(over: receiver.wire, doing: { [bytes = frame.bytes] in try End.write(bytes, to: far) }) {
            while try !receiver.parse() { try #require(try receiver.receive(waiting: true) != .end) }
            found += receiver.recycle().map { [$0] } ?? []
        }
        let isSame = found == [frame]
        #expect(isSame)
    }

    @Test("It may come in pieces, cut anywhere; a few bytes hold no large block", arguments: [1, 5, 6, 7, 10_000, 50_000, 100_005])
    func pieces(cut: Int) throws {
        let receiver = try begin()
        let bytes = Frame(pattern(InboxInPlaceTests.size, seed: 2)).bytes
        try receiver.wire.far.write(Array(bytes[..<cut]))
        #expect(try receiver.receive() == .bytes)
        #expect(receiver.hasSpare == (cut <= 10_000))
        #expect(try receiver.receive() == .nothing)
        try receiver.wire.far.write(Array(bytes[cut...]))
        let found = try receiver.recycledFrame()
        #expect(found?.bytes == bytes)
    }

    @Test("Nothing, an end and a failure leave the block")
    func nothing() throws {
        let receiver = try begin()
        #expect(try receiver.receive() == .nothing)
        #expect(receiver.hasSpare)
        receiver.wire.far.close()
        #expect(try receiver.receive() == .end)
        #expect(receiver.hasSpare)
        receiver.wire.near.close()
        #expect(throws: IPCError.self) { try receiver.receive() }
        #expect(receiver.hasSpare)
    }

    @Test("A peer that announces too much is refused, and its bytes stay")
    func tooLong() throws {
        let receiver = try begin()
        try receiver.wire.far.write(Frame.headerBytes(length: 2_000_000) + [1, 2, 3])
        for _ in 1...2 {
            let error = #expect(throws: IPCError.self) { if try !receiver.parse() { _ = try receiver.receive() } }
            #expect(error?.code == IPC_ERROR_USOCK_RECV__MESSAGE_SIZE)
        }
        #expect(receiver.hasSpare)
    }

    @Test("A descriptor that comes with the message is closed; one behind it is found", arguments: [true, false])
    func passing(isBehind: Bool) throws {
        let receiver = try begin()
        let frame = Frame(pattern(InboxInPlaceTests.size, seed: 2))
        let pipe = try Wire(.pipe)
        if isBehind {
            try receiver.wire.far.write(frame.bytes)
            try receiver.wire.far.write([0], passing: [pipe.far.number])
        } else {
            try receiver.wire.far.write(frame.bytes, passing: [pipe.far.number])
        }
        pipe.far.close()
        let found = try receiver.recycledFrame()
        #expect(found == frame)
        #expect(pipe.near.isAlone == !isBehind)
        guard isBehind else { return }
        if receiver.inbox.hasNoBytes { #expect(try receiver.receive(.byte) == .bytes) }
        let taken = receiver.inbox.takeDescriptor()
        let passed = try #require(taken)
        close(passed)
        #expect(pipe.near.isAlone)
    }

    @Test("Streams of large and small messages, cut anywhere, come as they were sent", arguments: 1...20)
    func streams(seed: UInt64) throws {
        var generator = Seeded(seed)
        let receiver = try begin()
        let sizes = [0, 3, 300, 65_535, 65_536, 65_537, 70_000, 99_999, 100_000, 100_001, 140_000]
        let frames = (0..<30).map { _ in
            Frame(
                pattern(sizes[Int.random(in: 0..<sizes.count, using: &generator)], seed: generator.next()),
                userType: .random(in: 0...255, using: &generator))
        }
        var rest = frames.flatMap(\.bytes)[...]
        var found: [Frame] = []
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...150_000, using: &generator))
            try receiver.wire.far.write(Array(piece))
            rest = rest.dropFirst(piece.count)
            while let frame = try receiver.recycledFrame() { found.append(frame) }
        }
        let isSame = found == frames
        #expect(isSame, "seed \(seed)")
    }
}
