// CallTests.swift - the calls that know no context: one message or one descriptor, behind what was queued before and from what
// was read ahead.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Calls without a context") struct CallTests {
    let wire: Wire
    /// A number that no other test gets: what is left for it stays this test's.
    let near: End

    init() throws {
        wire = try Wire()
        wire.near.shrinkSendBuffer()
        near = try wire.near.moved()
    }

    /// Nothing is left for the descriptor.
    private var isForgotten: Bool { DescriptorTable.left(near.number) == nil }

    /// Runs `body` while `peer` has the other end, in a thread of its own.
    private func withFar<Result: Sendable>(
        _ peer: @escaping @Sendable (Int32) throws -> Result, _ body: () throws -> Void
    ) throws -> Result {
        let far = wire.far.number
        return try withPeer(doing: { try peer(far) }, stop: { shutdown(near.number, Int32(SHUT_RDWR)) }, body)
    }

    // MARK: Reading

    @Test("Messages are read one by one; what a peer said before it left, then that it has left", arguments: [false, true])
    func peerLeft(isSending: Bool) throws {
        if isSending { try leave(Frame("to nobody"), for: near) }
        try wire.far.write(Frame("last"), Frame(""))
        wire.far.close()
        #expect(try Call.read(near.number) == Frame("last"))
        #expect(try Call.read(near.number) == Frame(""))
        let error = #expect(throws: CallError.self) { try Call.read(near.number) }
        #expect(error?.code == IPC_ERROR_CLOSED_RECIPIENT.rawValue)
        if !isSending { #expect(isForgotten) }
    }

    @Test("Reading sends what is queued, for a peer that answers only what it has read")
    func sendsMeanwhile() throws {
        let question = Frame(pattern(500_000))
        try leave(question, for: near)
        let count = question.bytes.count
        let read = try withFar({ try reply("answer", after: count, over: $0) }) {
            let answer = try Call.read(near.number)
            #expect(answer == Frame("answer"))
        }
        let isSame = read == question.bytes
        #expect(isSame)
        #expect(isForgotten)
    }

    // MARK: Writing

    @Test("A message goes behind what is queued")
    func behindQueue() throws {
        try leave(Frame("first"), Frame(""), for: near)
        try Call.write(Frame("third"), to: near.number)
        #expect(wire.far.read() == [Frame("first"), Frame(""), Frame("third")].flatMap(\.bytes))
        #expect(isForgotten)
    }

    @Test("A message goes behind one that is sent in part, and is gone when the call returns")
    func behindHalf() throws {
        let (first, second) = (Frame(pattern(300_000)), Frame(pattern(300_000, seed: 2)))
        try leave(first, for: near)
        try withStray(near.number) { stream in
            let isAll = try stream.pointee.outbox.send(to: near.descriptor)
            #expect(!isAll)
            #expect(stream.pointee.outbox.isBegun == true)
        }
        let count = first.bytes.count + second.bytes.count
        let read = try withFar({ End.read(count, from: $0) }) { try Call.write(second, to: near.number) }
        let isSame = read == first.bytes + second.bytes
        #expect(isSame)
        #expect(isForgotten)
    }

    @Test("A message that finds no room is waited for, and is answered")
    func answered() throws {
        let other = try Wire()
        let number = try other.near.moved()
        number.shrinkSendBuffer()
        let question = Frame(pattern(200_000))
        let (far, count) = (other.far.number, question.bytes.count)
        let stop = { _ = shutdown(number.number, Int32(SHUT_RDWR)) }
        let read = try withPeer(doing: { try reply("answer", after: count, over: far) }, stop: stop) {
            try Call.write(question, to: number.number)
            let answer = try Call.read(number.number)
            #expect(answer == Frame("answer"))
        }
        let isSame = read == question.bytes
        #expect(isSame)
    }

    @Test("A peer that left before a message is another error than one that left in the middle")
    func writingFails() throws {
        try withFar({ far in
            _ = End.read(1000, from: far)
            shutdown(far, Int32(SHUT_RDWR))
        }) {
            let error = #expect(throws: CallError.self) { try Call.write(Frame(pattern(500_000)), to: near.number) }
            #expect(error?.code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA.rawValue)
        }
        let error = #expect(throws: CallError.self) { try Call.write(Frame("too late"), to: near.number) }
        #expect(error?.code == IPC_ERROR_USOCK_SEND.rawValue)
        #expect(error?.text.hasSuffix("Broken pipe") == true)
        #expect(isForgotten)
    }

    @Test("A time limit of the descriptor ends a write: the rest of what is begun is kept, what is not is not sent")
    func timeLimit() throws {
        near.limitTime(SO_SNDTIMEO)
        let frame = Frame(pattern(500_000))
        let begun = #expect(throws: CallError.self) { try Call.write(frame, to: near.number) }
        #expect(begun?.code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA.rawValue)
        let unbegun = #expect(throws: CallError.self) { try Call.write(Frame("no room"), to: near.number) }
        #expect(unbegun?.code == IPC_ERROR_USOCK_SEND.rawValue)
        #expect(unbegun?.text.hasSuffix("Resource temporarily unavailable") == true)
        let count = frame.bytes.count + Frame("next").bytes.count
        let read = try withFar({ End.read(count, from: $0) }) {
            for _ in 0..<1000 where (try? Call.write(Frame("next"), to: near.number)) != nil { break }
        }
        let isSame = read == frame.bytes + Frame("next").bytes
        #expect(isSame)
        #expect(isForgotten)
    }

    @Test("Messages that two threads write at once stay whole, though there is room for neither")
    func twoWriters() throws {
        let number = near.number
        let frames = [Frame(pattern(150_000)), Frame(pattern(150_000, seed: 2), userType: 7)]
        let count = 10 * frames[0].bytes.count
        let bytes = try withFar({ End.read(count, from: $0) }) {
            try withPeer(doing: { for _ in 0..<5 { try Call.write(frames[0], to: number) } }, stop: {}) {
                for _ in 0..<5 { try Call.write(frames[1], to: number) }
            }
        }
        try #require(bytes.count == count)
        let size = frames[0].bytes.count
        let parts = stride(from: 0, to: count, by: size).map { Array(bytes[$0..<$0 + size]) }
        for frame in frames { #expect(parts.count { $0 == frame.bytes } == 5) }
        #expect(isForgotten)
    }

    // MARK: Descriptors

    @Test("A descriptor goes from one end to the other, behind what is queued")
    func passing() throws {
        let pipe = try Wire(.pipe)
        try leave(Frame("OK"), for: near)
        try Call.pass(pipe.far.number, over: near.number)
        pipe.far.close()
        try Call.write(Frame("and on"), to: near.number)

        let other = try wire.far.moved()
        #expect(try Call.read(other.number) == Frame("OK"))
        let received = try Call.receiveDescriptor(over: other.number)
        #expect(received.isCloseOnExec)
        try received.write([7])
        #expect(pipe.near.read() == [7])
        received.close()
        #expect(pipe.near.isAlone)
        #expect(try Call.read(other.number) == Frame("and on"))
    }

    @Test("A descriptor waits for room")
    func passingWaits() throws {
        let first = Frame(pattern(300_000))
        try leave(first, for: near)
        let count = first.bytes.count + 1
        let read = try withFar({ End.read(count, from: $0) }) { try Call.pass(0, over: near.number) }
        let isSame = read == first.bytes + [0]
        #expect(isSame)
    }

    @Test("What cannot be passed is an error")
    func cannotPass() throws {
        let notOpen = #expect(throws: CallError.self) { try Call.pass(-1, over: near.number) }
        #expect(notOpen?.code == IPC_ERROR_PROVIDE_FD__SENDMSG.rawValue)
        wire.far.close()
        let left = #expect(throws: CallError.self) { try Call.pass(0, over: near.number) }
        #expect(left?.text.hasSuffix("Broken pipe") == true)
    }
}
