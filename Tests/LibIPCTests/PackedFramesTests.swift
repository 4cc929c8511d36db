// PackedFramesTests.swift - small frames in one block: they are sent, counted, dropped and taken out one by one.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Packed frames") struct PackedFramesTests {
    /// Frames of which the first begins a block with room, and the others are packed behind it.
    private func packed(_ frames: [Frame]) throws -> Sender {
        let sender = try Sender()
        var pool = BufferPool(size: 0)
        for (index, frame) in frames.enumerated() {
            try frame.payload.withUnsafeBytes { bytes in
                if index > 0 {
                    let isPacked = sender.outbox.pack(frame.header, bytes.baseAddress)
                    return #expect(isPacked)
                }
                sender.outbox.append(try OutboundFrame.makeRoomy(frame.header, copying: bytes.baseAddress, &pool))
            }
        }
        return sender
    }

    private func frames(_ count: Int, of size: Int) -> [Frame] {
        (0..<count).map { Frame(pattern(size, seed: UInt64($0)), userType: UInt8($0 & 255)) }
    }

    /// Frames that these bytes have in part, or not at all.
    private func left(of frames: [Frame], after count: Int) -> Int {
        var end = 0
        return frames.filter { frame in
            end += frame.bytes.count
            return end > count
        }.count
    }

    @Test("A block takes frames until it is full, whatever their sizes")
    func full() throws {
        let sender = try packed([Frame("")])
        var (bytes, count) = (FrameHeader.size, 1)
        while sender.outbox.pack(Frame("12345").header, "12345") { (bytes, count) = (bytes + 11, count + 1) }
        #expect(OutboundFrame.roomyCapacity - bytes < 11)
        #expect((sender.outbox.pendingBytes, Int(sender.outbox.pendingFrames)) == (bytes, count))
        let isPacked = sender.outbox.pack(Frame("").header, nil)
        #expect(isPacked == (OutboundFrame.roomyCapacity - bytes >= FrameHeader.size))
    }

    @Test("Nothing is packed into a block that was sent, or where a frame without room is the last")
    func noRoom() throws {
        let sender = try packed([Frame("first")])
        #expect(try sender.send())
        var isPacked = sender.outbox.pack(Frame("").header, nil)
        #expect(isPacked == false)
        #expect(sender.takeSent().count == 1)
        try sender.append(Frame("alone"))
        isPacked = sender.outbox.pack(Frame("").header, nil)
        #expect(isPacked == false)
        #expect(sender.outbox.endsSmall == true)
    }

    @Test("Whatever part of a block the kernel takes, frames and bytes are counted", arguments: [1, 40, 300, 900])
    func counted(size: Int) throws {
        let all = frames(min(3800 / (size + 6), 200), of: size)
        let sender = try packed(all)
        let expected = all.flatMap(\.bytes)
        for sent in 0...expected.count {
            if sent > 0 { sender.outbox.advance(1) }
            #expect(sender.outbox.pendingBytes == expected.count - sent)
            #expect(Int(sender.outbox.pendingFrames) == left(of: all, after: sent))
        }
        #expect(sender.outbox.hasPending == false)
        #expect(sender.takeSent().count == 1)
    }

    @Test("A block that was sent in part can be dropped at any byte, with others behind it or none", arguments: [0, 1])
    func dropped(others: Int) throws {
        let all = frames(20, of: 10)
        let size = all.flatMap(\.bytes).count
        for sent in 0..<size {
            let sender = try packed(all)
            for _ in 0..<others { try sender.append(Frame("behind")) }
            sender.outbox.advance(sent)
            for _ in 0...others { #expect(sender.takePending() != nil) }
            #expect((sender.outbox.pendingBytes, sender.outbox.pendingFrames) == (0, 0))
            #expect(sender.outbox.isBegun == false)
        }
    }

    @Test("Of a dropped queue the frame that is begun stays, and nothing behind it")
    func begun() throws {
        let all = frames(20, of: 10)
        let size = all.flatMap(\.bytes).count
        for sent in 1..<size {
            let sender = try packed(all)
            try sender.append(Frame("behind"))
            sender.outbox.advance(sent)
            let isBegun = sent % 16 != 0
            #expect(sender.outbox.isBegun == isBegun)
            while let frame = sender.outbox.takeUnbegun() { OutboundFrame.destroy(frame) }
            #expect(sender.outbox.pendingBytes == (isBegun ? 16 - sent % 16 : 0))
            #expect(sender.outbox.pendingFrames == (isBegun ? 1 : 0))
        }
    }

    @Test("A call that finishes what is begun sends no byte of the next frame")
    func finished() throws {
        let all = frames(20, of: 10)
        let sender = try packed(all)
        sender.outbox.advance(35)
        let isFinished = try sender.outbox.send(to: sender.end.descriptor, finishing: true)
        #expect(isFinished)
        #expect(sender.reader.read() == Array(all[2].bytes[3...]))
        sender.outbox.advance(1)
        let failure = sender.outbox.sendPiece(to: sender.end.descriptor)
        #expect(failure == 0)
        #expect(sender.reader.read() == Array(all[3].bytes[1...]))
        #expect(Int(sender.outbox.pendingFrames) == 16)
    }

    @Test("Frames are taken out one by one")
    func takenOut() throws {
        var pool = BufferPool(size: 0)
        let all = frames(20, of: 10)
        let sender = try packed(all)
        for (index, frame) in all.enumerated() {
            #expect(Int(sender.outbox.pendingFrames) == all.count - index)
            let taken = try sender.outbox.takeFrame(&pool)
            #expect(taken.map { Frame(destroying: $0) } == frame)
        }
        let none = try sender.outbox.takeFrame(&pool)
        #expect(none == nil)
        #expect(sender.outbox.pendingBytes == 0)
        #expect(sender.takeSent().count == 1)
    }
}
