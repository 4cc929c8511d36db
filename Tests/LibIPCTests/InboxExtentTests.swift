// InboxExtentTests.swift - reading exactly: where a program reads a descriptor itself, the library takes its frame and leaves
// what follows in the kernel.

import Testing

@testable import LibIPC

@Suite("Inbox extent") struct InboxExtentTests {
    @Test("Reading one frame leaves what follows, wherever the stream is cut", arguments: Wire.Kind.allCases)
    func exact(kind: Wire.Kind) throws {
        let frame = Frame("exactly this")
        let bytes = frame.bytes + Frame("and not this").bytes
        for cut in 1...bytes.count {
            let receiver = try Receiver(kind)
            try receiver.wire.far.write(Array(bytes[..<cut]))
            var found = try receiver.frame(.frame)
            try receiver.wire.far.write(Array(bytes[cut...]))
            if found == nil { found = try receiver.frame(.frame) }
            #expect(found == frame, "cut at byte \(cut)")
            #expect(receiver.inbox.isEmpty == true)
            #expect(receiver.wire.near.read() == Frame("and not this").bytes, "cut at byte \(cut)")
        }
    }

    @Test("An empty frame is read exactly, too")
    func empty() throws {
        let receiver = try Receiver()
        try receiver.wire.far.write(Frame(""), Frame("next"))
        #expect(try receiver.frame(.frame) == Frame(""))
        #expect(receiver.wire.near.read() == Frame("next").bytes)
    }

    @Test("Frames of many sizes are read exactly, with a buffer of any size", arguments: [1, 6, 100, 5000])
    func sizes(scratchSize: Int) throws {
        let receiver = try Receiver(scratchSize: scratchSize)
        for size in [0, 1, 99, 100, 4095, 4096, 4097, 9000] {
            let frame = Frame(pattern(size))
            try receiver.wire.far.write(frame.bytes + [1, 2, 3])
            let found = try receiver.frame(.frame)
            #expect(found == frame)
            #expect(receiver.wire.near.read() == [1, 2, 3])
        }
    }

    @Test("Reading one byte leaves the next")
    func byte() throws {
        let receiver = try Receiver()
        try receiver.wire.far.write([1, 2, 3])
        #expect(try receiver.receive(.byte) == .bytes)
        #expect(receiver.wire.near.read() == [2, 3])
    }

    @Test("What a wide receive has brought is used before an exact one reads on")
    func wideThenExact() throws {
        let receiver = try Receiver()
        let second = Frame("the second, of which a part has come")
        try receiver.wire.far.write(Frame("first").bytes + second.bytes.prefix(10))
        #expect(try receiver.frame(.all) == Frame("first"))
        try receiver.wire.far.write(second.bytes.dropFirst(10) + [7, 7, 7])
        #expect(try receiver.frame(.frame) == second)
        #expect(receiver.wire.near.read() == [7, 7, 7])
    }
}
