// OutboxLentTests.swift - frames that are lent by a call that waits for them: who lends one learns what became of it, gets it back
// if it asks in time, and frees it in any case.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Outbox, lent frames") struct OutboxLentTests {
    let sender: Sender

    init() throws { sender = try Sender() }

    private var listed: Int { sender.outbox.listed }

    @Test("A lent frame is queued, then sent, and nobody is told")
    func sent() throws {
        let frame = try sender.lend(Frame("lent"))
        #expect(frame.pointee.fate == .queued)
        #expect(frame.pointee.listing == nil)
        #expect(sender.outbox.hasPending == true)
        #expect(try sender.send())
        #expect(frame.pointee.fate == .sent)
        #expect(sender.outbox.hasPending == false)
        #expect(sender.outbox.hasSent == false)
        #expect(sender.reader.read() == Frame("lent").bytes)
        #expect(Frame(frame) == Frame("lent"))
    }

    @Test("A large one is queued until the kernel has all of it")
    func sentInPieces() throws {
        let frame = try sender.lend(Frame(pattern(100_000)))
        #expect(try sender.send() == false)
        #expect(frame.pointee.fate == .queued)
        let isSame = try sender.sendAll().bytes == Frame(pattern(100_000)).bytes
        #expect(isSame)
        #expect(frame.pointee.fate == .sent)
    }

    @Test("Of frames that were sent those are to be reported that were not lent, in order")
    func between() throws {
        for number in 0..<6 { try sender.append(Frame("\(number)"), number % 2 == 0 ? .lent : .copied) }
        #expect(try sender.send())
        #expect(sender.takeSent() == [Frame("1"), Frame("3"), Frame("5")])
        #expect(sender.fates == [.sent, .sent, .sent])
        try sender.append(Frame("after"))
        #expect(try sender.send())
        #expect(sender.takeSent() == [Frame("after")])
        #expect(sender.reader.read() == ["0", "1", "2", "3", "4", "5", "after"].flatMap { Frame($0).bytes })
    }

    // MARK: Dropped

    enum Way: CaseIterable { case dropped, taken, gone }

    @Test("A lent frame that is dropped stays its lender's, who learns of it", arguments: Way.allCases)
    func dropped(way: Way) throws {
        let frame = try sender.lend(Frame("lent"))
        switch way {
        case .dropped: sender.outbox.drop()
        case .taken: #expect(sender.takePending() == Frame("lent"))
        case .gone: sender.outbox = Outbox()
        }
        #expect(frame.pointee.fate == .dropped)
        #expect(sender.outbox.hasPending == false)
        #expect(sender.outbox.takeBack(frame, keeping: false) == .notHere)
        #expect(Frame(frame) == Frame("lent"))
    }

    @Test("One that is begun is not dropped: it goes to its end")
    func begunStays() throws {
        let frame = try sender.lend(Frame(pattern(100_000)))
        let other = try sender.lend(Frame("other"))
        #expect(try sender.send() == false)
        sender.outbox.drop()
        #expect(frame.pointee.fate == .queued)
        #expect(other.pointee.fate == .dropped)
        let isSame = try sender.sendAll().bytes == Frame(pattern(100_000)).bytes
        #expect(isSame)
        #expect(frame.pointee.fate == .sent)
    }

    // MARK: Taken back

    @Test("A frame that waits is taken back whole, from wherever it stands, and the others go in order", arguments: 0..<4, [false, true])
    func whole(place: Int, isBehindSent: Bool) throws {
        if isBehindSent {
            try sender.append(Frame("sent before"))
            #expect(try sender.send())
        }
        var lent: FrameReference?
        let frames = (0..<4).map { Frame("frame \($0)") }
        for (number, frame) in zip(0..., frames) {
            if number == place { lent = try sender.lend(frame) } else { try sender.append(frame) }
        }
        let frame = try #require(lent)
        #expect(sender.outbox.takeBack(frame, keeping: false) == .whole)
        #expect(frame.pointee.fate == .queued)
        #expect(Frame(frame) == frames[place])
        let others = (0..<4).filter { $0 != place }.map { frames[$0] } + [Frame("after")]
        try sender.append(Frame("after"))
        #expect(sender.outbox.pendingBytes == others.flatMap(\.bytes).count)
        #expect(try sender.send())
        #expect(sender.takeSent() == (isBehindSent ? [Frame("sent before")] : []) + others)
        #expect(sender.reader.read() == (isBehindSent ? Frame("sent before").bytes : []) + others.flatMap(\.bytes))
    }

    @Test("The only frame is taken back, and leaves an outbox like a new one")
    func only() throws {
        let frame = try sender.lend(Frame("only"))
        #expect(sender.outbox.takeBack(frame, keeping: false) == .whole)
        #expect(sender.outbox.hasPending == false)
        #expect(sender.outbox.pendingBytes == 0)
        #expect(try sender.send())
        try sender.append(Frame("next"))
        #expect(try sender.sendAll().bytes == Frame("next").bytes)
    }

    @Test("The rest of a frame that is begun stays, in a copy: its payload is the lender's again", arguments: [false, true])
    func rest(isLast: Bool) throws {
        try sender.append(Frame("sent before"))
        let (begun, behind) = (Frame(pattern(100_000)), Frame("behind it"))
        let frame = try sender.lend(begun)
        if !isLast { try sender.append(behind) }
        #expect(try sender.send() == false)
        let pending = sender.outbox.pendingBytes
        #expect(sender.outbox.takeBack(frame, keeping: true) == .copied)
        memset(frame.pointee.payload, 255, 100_000)
        #expect(sender.outbox.isHalfSent == true)
        #expect(sender.outbox.pendingBytes == pending)
        if isLast { try sender.append(behind) }
        let isSame = try sender.sendAll().bytes == Frame("sent before").bytes + begun.bytes + behind.bytes
        #expect(isSame)
        #expect(sender.takeSent() == [Frame("sent before"), behind])
    }

    // MARK: Claims

    @Test("While a thread has a claim nobody sends, and what it sends of the first frame is begun")
    func claim() throws {
        let frames = [Frame("first"), Frame("second")]
        for frame in frames { try sender.append(frame) }
        var piece = [UInt8](repeating: 0, count: 8)
        let count = piece.withUnsafeMutableBytes { sender.outbox.copyNext(into: $0) }
        #expect(count == 8)
        #expect(piece == Array(frames[0].bytes.prefix(8)))
        sender.outbox.claim(count)
        #expect(sender.outbox.isClaimed == true)
        #expect(sender.outbox.isClaimedByOther == false)
        #expect(try sender.send() == false)
        #expect(sender.outbox.isHalfSent == true)
        sender.outbox.drop()
        try sender.end.write(piece)
        sender.outbox.unclaim(sent: count)
        #expect(sender.outbox.isClaimed == false)
        #expect(try sender.sendAll().bytes == frames[0].bytes)
    }

    @Test("A claim without a piece begins no frame")
    func emptyClaim() throws {
        try sender.append(Frame("gone"))
        sender.outbox.claim(0)
        #expect(sender.outbox.isHalfSent == false)
        sender.outbox.drop()
        #expect(sender.outbox.isClaimed == true)
        sender.outbox.unclaim(sent: 0)
        try sender.append(Frame("next"))
        #expect(try sender.sendAll().bytes == Frame("next").bytes)
    }

    // MARK: What is taken back

    @Test("A frame of which the kernel has a part is taken back half sent, and what waits behind it counts alone")
    func halfSent() throws {
        try sender.append(Frame("sent before"))
        let frame = try sender.lend(Frame(pattern(100_000)))
        try sender.append(Frame("behind it"))
        #expect(try sender.send() == false)
        #expect(sender.outbox.begun == frame)
        #expect(sender.outbox.takeBack(frame, keeping: false) == .cut)
        #expect(sender.outbox.begun == nil)
        #expect(sender.outbox.isHalfSent == false)
        #expect(sender.outbox.pendingBytes == Frame("behind it").bytes.count)
        #expect(sender.takeSent() == [Frame("sent before")])
        #expect(sender.takePending() == Frame("behind it"))
    }

    @Test("A frame from behind one that is begun is taken back whole; the begun one goes on")
    func behindBegun() throws {
        let begun = Frame(pattern(100_000))
        try sender.append(begun)
        let frames = [try sender.lend(Frame("middle")), try sender.lend(Frame("last"))]
        #expect(try sender.send() == false)
        var bytes = sender.reader.read()
        for frame in frames { #expect(sender.outbox.takeBack(frame, keeping: false) == .whole) }
        #expect(sender.outbox.isHalfSent == true)
        #expect(sender.outbox.pendingBytes == begun.bytes.count - bytes.count)
        bytes += try sender.sendAll().bytes
        let isSame = bytes == begun.bytes
        #expect(isSame)
        #expect(sender.outbox.pendingBytes == 0)
    }

    @Test("A frame that has gone, or is in another outbox, is not taken back, and nothing is disturbed")
    func notHere() throws {
        let gone = try sender.lend(Frame("gone"))
        #expect(try sender.send())
        let other = try Sender()
        let elsewhere = try other.lend(Frame("elsewhere"))
        try sender.append(Frame("here"))
        for frame in [gone, elsewhere] { #expect(sender.outbox.takeBack(frame, keeping: false) == .notHere) }
        #expect(try sender.sendAll().bytes == Frame("gone").bytes + Frame("here").bytes)
        #expect(other.outbox.takeBack(elsewhere, keeping: false) == .whole)
    }

    // MARK: What an outbox holds

    @Test("An outbox says whether a call waits for one of its frames, wherever that stands")
    func holdsLent() throws {
        #expect(sender.outbox.holdsLent == false)
        try sender.append(Frame("copied"))
        try sender.append(Frame("adopted"), .adopted)
        #expect(sender.outbox.holdsLent == false)
        let frame = try sender.lend(Frame("lent"))
        try sender.append(Frame("behind it"))
        #expect(sender.outbox.holdsLent == true)
        #expect(sender.outbox.takeBack(frame, keeping: false) == .whole)
        #expect(sender.outbox.holdsLent == false)
        _ = try sender.lend(Frame("sent"))
        #expect(sender.outbox.holdsLent == true)
        #expect(try sender.send())
        #expect(sender.outbox.holdsLent == false)
    }

    @Test("Listed are the frames that wait and those that are to be reported; not those of which nobody is told")
    func counted() throws {
        #expect(listed == 0)
        try sender.append(Frame("one"))
        _ = try sender.lend(Frame("lent"))
        try sender.append(Frame(pattern(100_000)))
        try sender.append(Frame("three"))
        #expect(listed == 3)
        #expect(try sender.send() == false)
        #expect(listed == 3)
        #expect(sender.takeSent() == [Frame("one")])
        #expect(listed == 2)
        sender.outbox.drop()
        #expect(sender.outbox.hasPending == true)
        #expect(listed == 0)
    }
}
