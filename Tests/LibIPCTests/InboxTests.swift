// InboxTests.swift - frames come out as they went in, wherever the stream is cut.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Inbox") struct InboxTests {
    /// Short ones, so that every cut can be tried; empty ones first, last, and side by side.
    static let frames = [
        Frame("", type: 0, userType: 0), Frame("a"), Frame("coucou\0", type: 200, userType: 255), Frame(""), Frame(""),
        Frame([0, 0, 0, 0, 0, 0, 0]), Frame("the last but one"), Frame("", type: 1),
    ]
    static let stream = frames.flatMap(\.bytes)

    @Test("A stream cut in two anywhere gives the same frames", arguments: Wire.Kind.allCases)
    func everyCut(kind: Wire.Kind) throws {
        for cut in 0...Self.stream.count {
            let receiver = try Receiver(kind)
            try receiver.wire.far.write(Array(Self.stream[..<cut]))
            var found = try receiver.frames()
            try receiver.wire.far.write(Array(Self.stream[cut...]))
            found += try receiver.frames()
            #expect(found == Self.frames, "cut at byte \(cut)")
        }
    }

    @Test("A stream cut in three anywhere gives the same frames")
    func everyTwoCuts() throws {
        let receiver = try Receiver()
        for first in 1..<Self.stream.count {
            for second in first..<Self.stream.count {
                var found: [Frame] = []
                for part in [Self.stream[..<first], Self.stream[first..<second], Self.stream[second...]] {
                    try receiver.wire.far.write(Array(part))
                    found += try receiver.frames()
                }
                #expect(found == Self.frames, "cut at bytes \(first) and \(second)")
            }
        }
    }

    @Test("A stream that comes byte by byte gives the same frames", arguments: Wire.Kind.allCases)
    func byteByByte(kind: Wire.Kind) throws {
        let receiver = try Receiver(kind)
        var found: [Frame] = []
        for byte in Self.stream {
            try receiver.wire.far.write([byte])
            found += try receiver.frames()
        }
        #expect(found == Self.frames)
    }

    @Test("Random frames in random pieces come out as they went in", arguments: seeds)
    func random(seed: UInt64) throws {
        var generator = Seeded(seed)
        let frames = (0..<200).map { _ in generator.frame() }
        var rest = frames.flatMap(\.bytes)[...]
        let receiver = try Receiver(scratchSize: Int.random(in: 1...40_000, using: &generator))
        var found: [Frame] = []
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...30_000, using: &generator))
            try receiver.wire.far.write(Array(piece))
            rest = rest.dropFirst(piece.count)
            // Now and then more than one piece waits, and now and then a part of one.
            let extent = [.all, .frame, .all].randomElement(using: &generator) ?? Inbox.Extent.all
            if Bool.random(using: &generator) {
                found += try receiver.frames(extent)
            } else {
                found += try receiver.frame(extent).map { [$0] } ?? []
            }
            // No more may wait than a socket holds.
            if receiver.wire.far.descriptor.poll(POLLOUT, timeout: 0) == 0 { found += try receiver.frames() }
        }
        found += try receiver.frames()
        #expect(found == frames, "seed \(seed)")
    }

    @Test("Frames that came with one receive come out without another")
    func many() throws {
        let receiver = try Receiver()
        try receiver.wire.far.write(Self.stream)
        #expect(try receiver.receive() == .message)
        #expect(receiver.wire.near.read() == [])
        var found: [Frame] = []
        while try receiver.parse(), let frame = receiver.inbox.takeFrame() { found.append(frame) }
        #expect(found == Self.frames)
        #expect(receiver.inbox.isEmpty == true)
    }

    @Test("A receive says whether it has made a message whole, wherever the stream is cut")
    func says() throws {
        let frame = Frame("whole")
        let bytes = frame.bytes + Frame("next").bytes.prefix(8)
        for cut in 1..<bytes.count {
            let receiver = try Receiver()
            try receiver.wire.far.write(Array(bytes[..<cut]))
            #expect(try receiver.receive() == (cut < frame.bytes.count ? .bytes : .message), "cut at byte \(cut)")
            if cut >= frame.bytes.count { #expect(receiver.inbox.takeFrame() == frame) }
            try receiver.wire.far.write(Array(bytes[cut...]))
            _ = try receiver.parse()
            #expect(try receiver.receive() == (cut < frame.bytes.count ? .message : .bytes), "cut at byte \(cut)")
        }
    }

    @Test("An empty frame has a payload to free, and a text a NUL behind it")
    func emptyPayload() throws {
        let receiver = try Receiver()
        try receiver.wire.far.write(Frame(""), Frame("text"))
        for text in ["", "text"] {
            let isWhole = try receiver.parse() || receiver.receive() == .message && receiver.parse()
            try #require(isWhole)
            let released = receiver.inbox.takeMessage()?.releasePayload()
            let payload = try #require(released)
            #expect(String(cString: payload.assumingMemoryBound(to: CChar.self)) == text)
            free(payload)
        }
    }

    @Test("Too long a frame is refused, again and again, behind the frames before it")
    func tooLong() throws {
        let receiver = try Receiver()
        let frames = [Frame("before"), Frame(""), Frame("it")]
        try receiver.wire.far.write(frames.flatMap(\.bytes) + Frame.headerBytes(length: 1_999_995) + [1, 2, 3])
        for frame in frames { #expect(try receiver.frame() == frame) }
        for _ in 1...2 {
            let error = #expect(throws: IPCError.self) { try receiver.parse() }
            #expect(error?.code == IPC_ERROR_USOCK_RECV__MESSAGE_SIZE)
        }
        #expect(receiver.inbox.header == nil)
    }

    @Test("Too long a frame is refused with the last byte of its header, not before")
    func tooLongAtOnce() throws {
        let receiver = try Receiver()
        let header = Frame.headerBytes(length: .max)
        try receiver.wire.far.write(header.dropLast())
        #expect(try receiver.receive() == .bytes)
        #expect(try receiver.parse() == false)
        try receiver.wire.far.write(header.suffix(1))
        let error = #expect(throws: IPCError.self) { try receiver.receive() }
        #expect(error?.code == IPC_ERROR_USOCK_RECV__MESSAGE_SIZE)
    }

    @Test("Nothing is there, or nothing more can come, in the middle of a frame or not", arguments: [0, 3, 6, 8])
    func ends(cut: Int) throws {
        let receiver = try Receiver()
        try receiver.wire.far.write(Array(Frame("never whole").bytes.prefix(cut)))
        if cut > 0 { #expect(try receiver.receive() == .bytes) }
        #expect(try receiver.receive() == .nothing)
        receiver.wire.far.close()
        #expect(try receiver.receive() == .end)
        #expect(try receiver.parse() == false)
    }

    @Test("A peer that leaves without reading what was sent to it has left, not failed")
    func reset() throws {
        let receiver = try Receiver()
        try receiver.wire.near.write([1, 2, 3])
        try receiver.wire.far.write(Frame("farewell"))
        receiver.wire.far.close()
        // Whether what it sent before still comes is the system's choice (unix(7)).
        while try receiver.frame() != nil {}
        #expect(try receiver.receive() == .end)
    }

    @Test("A descriptor that cannot be read gives the system's reason")
    func failure() throws {
        var inbox = Inbox()
        var pool = BufferPool()
        let error = #expect(throws: IPCError.self) { try inbox.receive(from: Descriptor(-1), into: &pool) }
        #expect(error?.code == IPC_ERROR_USOCK_RECV)
        #expect(error?.systemError == EBADF)
    }
}
