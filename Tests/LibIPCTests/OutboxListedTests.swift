// OutboxListedTests.swift - of which frames a program is to be told; outboxes that are put together; and pieces of frames that a call
// sends while it waits for room.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Outbox, listed frames and pieces") struct OutboxListedTests {
    let sender: Sender

    init() throws { sender = try Sender() }

    // MARK: Listed frames

    @Test("Frames that the kernel has are taken out as they were listed, in order")
    func takenOut() throws {
        for number in 0..<6 { try sender.append(Frame("\(number)"), isListed: number % 2 == 1) }
        #expect(try sender.send())
        var listed: [Bool] = []
        while let frame = sender.outbox.takeSent() {
            listed.append(frame.pointee.isListed)
            #expect(Frame(destroying: frame) == Frame("\(listed.count - 1)"))
        }
        #expect(listed == [false, true, false, true, false, true])
    }

    @Test("Of an outbox that is unlisted nobody is told of a pending frame, though all are sent")
    func unlistAll() throws {
        for text in ["sent", "one", "two"] {
            try sender.append(Frame(text), isListed: true)
            if text == "sent" { #expect(try sender.send()) }
        }
        sender.outbox.unlist()
        #expect(try sender.send())
        var listed: [Bool] = []
        while let frame = sender.outbox.takeSent() {
            listed.append(frame.pointee.isListed)
            OutboundFrame.destroy(frame)
        }
        #expect(listed == [true, false, false])
    }

    // MARK: Outboxes that are put together

    @Test("What was queued meanwhile goes behind what a call has taken along", arguments: [false, true])
    func putTogether(isBegun: Bool) throws {
        let frames = [Frame(isBegun ? pattern(100_000) : pattern(10)), Frame("second")]
        for frame in frames { try sender.append(frame, isListed: true) }
        if isBegun { #expect(try sender.send() == false) }
        let other = try Sender()
        for text in ["third", "", "fifth"] { try other.append(Frame(text), isListed: text != "") }
        let pending = sender.outbox.pendingBytes + other.outbox.pendingBytes
        sender.outbox.append(contentsOf: &other.outbox)
        #expect(other.outbox.hasPending == false)
        #expect((other.outbox.pendingBytes, other.outbox.pendingFrames) == (0, 0))
        #expect(sender.outbox.pendingBytes == pending)
        #expect(sender.outbox.pendingFrames == 5)
        let all = frames + ["third", "", "fifth"].map { Frame($0) }
        let isSame = try sender.sendAll().bytes == all.flatMap(\.bytes)
        #expect(isSame)
        #expect(sender.takeSent() == all)
    }

    @Test(
        "The rest of a frame of which a call has sent a part goes first, and what is queued then behind it", arguments: [1, 5, 6, 7, 505])
    func rest(sent: Int) throws {
        let frame = Frame(pattern(500))
        sender.outbox.append(try frame.outbound(), sent: sent)
        #expect(sender.outbox.isBegun == true)
        #expect(sender.outbox.begun.map { Frame($0) } == frame)
        #expect(sender.outbox.pendingBytes == frame.bytes.count - sent)
        try sender.append(Frame("behind"))
        #expect(try sender.sendAll().bytes == frame.bytes.dropFirst(sent) + Frame("behind").bytes)
        #expect(sender.takeSent() == [frame, Frame("behind")])
        #expect((sender.outbox.pendingBytes, sender.outbox.isBegun) == (0, false))
    }

    @Test("Only the rest of a begun frame is sent when that alone is to be finished; nothing, if none is begun")
    func finishing() throws {
        try sender.append(Frame("whole"))
        #expect(try sender.outbox.send(to: sender.end.descriptor, finishing: true))
        #expect(sender.reader.read() == [])
        #expect(sender.takePending() == Frame("whole"))
        sender.outbox.append(try Frame("begun").outbound(), sent: 8)
        try sender.append(Frame("whole"))
        #expect(try sender.outbox.send(to: sender.end.descriptor, finishing: true))
        #expect(sender.reader.read() == Array(Frame("begun").bytes.dropFirst(8)))
        #expect(sender.outbox.pendingFrames == 1)
    }

    // MARK: Pieces

    @Test("A frame goes in pieces of at most 1 KiB, header and payload apart where those lie apart", arguments: Sender.Place.allCases)
    func pieces(place: Sender.Place) throws {
        let frame = Frame(pattern(2500))
        try sender.append(frame, place)
        try sender.append(Frame("behind"), place)
        var (bytes, sizes): ([UInt8], [Int]) = ([], [])
        while bytes.count < frame.bytes.count {
            #expect(sender.outbox.sendPiece(to: sender.end.descriptor) == 0)
            let piece = sender.reader.read()
            (bytes, sizes) = (bytes + piece, sizes + [piece.count])
            #expect(sender.outbox.pendingBytes == frame.bytes.count + Frame("behind").bytes.count - bytes.count)
            #expect(sender.outbox.isBegun == (bytes.count < frame.bytes.count))
        }
        #expect(bytes == frame.bytes)
        #expect(sizes == (place == .copied ? [1024, 1024, 458] : [6, 1024, 1024, 452]))
        #expect(sender.takeSent() == [frame])
        #expect(try sender.sendAll().bytes == Frame("behind").bytes)
    }

    @Test("A piece that finds no peer gives the system's reason, and the frame stays")
    func noPeer() throws {
        try sender.append(Frame("to nobody"))
        sender.reader.close()
        #expect(sender.outbox.sendPiece(to: sender.end.descriptor) == EPIPE)
        #expect(sender.takePending() == Frame("to nobody"))
    }

    @Test("Without a frame no piece is sent")
    func nothing() {
        #expect(sender.outbox.sendPiece(to: sender.end.descriptor) == 0)
        #expect(sender.reader.read() == [])
    }

    @Test("Pieces and whole sends can follow each other", arguments: seeds)
    func mixed(seed: UInt64) throws {
        var generator = Seeded(seed)
        let frames = (0..<30).map { _ in generator.frame() }
        for frame in frames { try sender.append(frame, Sender.Place.allCases.randomElement(using: &generator) ?? .copied) }
        var bytes: [UInt8] = []
        for _ in 0..<100_000 where sender.outbox.hasPending {
            if Bool.random(using: &generator), sender.end.descriptor.poll(POLLOUT, timeout: 0) != 0 {
                #expect(sender.outbox.sendPiece(to: sender.end.descriptor) == 0)
            } else {
                _ = try sender.send()
            }
            bytes += sender.reader.read()
        }
        let isSame = bytes == frames.flatMap(\.bytes)
        #expect(isSame, "seed \(seed)")
        #expect(sender.takeSent() == frames)
    }
}
