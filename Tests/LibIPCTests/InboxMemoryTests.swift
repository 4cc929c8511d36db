// InboxMemoryTests.swift - what a payload costs: memory for what has come, not for what was announced, and few receives.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Inbox memory") struct InboxMemoryTests {
    @Test("A large announcement costs nothing until its bytes come")
    func announced() throws {
        let receiver = try Receiver()
        try receiver.wire.far.write(Frame.headerBytes(length: 1_999_994) + [1])
        #expect(try receiver.receive() == .bytes)
        #expect(receiver.inbox.header?.payloadSize == 1_999_994)
        #expect(malloc_usable_size(receiver.inbox.payload) < 8192)
    }

    @Test("Memory for a payload follows what has come, and ends at its size")
    func growth() throws {
        let receiver = try Receiver()
        let frame = Frame(pattern(300_000))
        var rest = frame.bytes[...]
        while !rest.isEmpty {
            try receiver.wire.far.write(Array(rest.prefix(20_000)))
            rest = rest.dropFirst(20_000)
            while try receiver.receive() == .bytes {}
            let come = frame.bytes.count - rest.count
            #expect(malloc_usable_size(receiver.inbox.payload) <= min(2 * come + 8192, frame.payload.count + 4096))
        }
        let found = try receiver.frame()
        #expect(found == frame)
    }

    @Test("A payload is received in place: what the shared buffer holds is no limit")
    func inPlace() throws {
        let receiver = try Receiver(scratchSize: 16)
        let frame = Frame(pattern(100_000))
        try receiver.wire.far.write(frame.bytes)
        var receives = 0
        while try !receiver.parse() {
            let arrival = try receiver.receive()
            try #require(arrival == .bytes || arrival == .message)
            receives += 1
        }
        // Through the buffer they would be 6,251.
        #expect(receives < 10)
        #expect(receiver.inbox.takeFrame() == frame)
    }

    @Test("The frame behind a payload that was received in place is found")
    func behindInPlace() throws {
        let receiver = try Receiver(scratchSize: 64)
        let frames = [Frame(pattern(5000)), Frame("next"), Frame(""), Frame(pattern(4096)), Frame(pattern(4097)), Frame("last")]
        try receiver.wire.far.write(frames.flatMap(\.bytes))
        #expect(try receiver.frames() == frames)
    }

    @Test("The largest payload comes whole")
    func largest() throws {
        let receiver = try Receiver()
        let frame = Frame(pattern(FrameHeader.maximumLength), type: 255, userType: 1)
        let far = receiver.wire.far.number
        let bytes = frame.bytes
        var found: [Frame] = []
        _ = try withPeer(over: receiver.wire, doing: { try End.write(bytes, to: far) }) {
            while try !receiver.parse() {
                let arrival = try receiver.receive(waiting: true)
                try #require(arrival == .bytes || arrival == .message)
            }
            found += receiver.inbox.takeFrame().map { [$0] } ?? []
        }
        let isSame = found == [frame]
        #expect(isSame)
    }
}
