// ChannelTests.swift - the calls that wait, for one message or for one descriptor, and the order of both directions.

import CLibIPC
import Testing

@testable import LibIPC

/// Answers when it has read `count` bytes, and returns those.
private func answer(_ text: String, after count: Int, over number: Int32) throws -> [UInt8] {
    let bytes = End.read(count, from: number)
    try End.write(Frame(text).bytes, to: number)
    return bytes
}

@Suite("Channel") struct ChannelTests {
    /// A channel at one end of a wire.
    private final class Talk {
        let wire: Wire
        var channel: Channel
        var scratch = Scratch()

        init(blocks: Bool = true) throws {
            wire = try Wire(blocks: blocks)
            wire.near.shrinkSendBuffer()
            channel = Channel(wire.near.number)
        }

        func read(_ extent: Inbox.Extent = .all) throws -> Frame? {
            try channel.waitForFrame(&scratch, extent)
            return channel.inbox.takeFrame()
        }

        func write(_ frame: Frame) throws {
            var payload = frame.payload
            try payload.withUnsafeMutableBytes { try channel.write(frame.header, $0.baseAddress, &scratch) }
        }

        func receiveDescriptor() throws -> End { try End(try channel.receiveDescriptor(&scratch)) }
    }

    // MARK: Reading

    @Test("Waiting for a message lasts until its last byte")
    func waits() throws {
        let talk = try Talk()
        let (far, frame) = (talk.wire.far.number, Frame(pattern(100_000)))
        try withPeer(
            over: talk.wire,
            doing: {
                for byte in frame.bytes.prefix(50) { try End.write([byte], to: far) }
                try End.write(Array(frame.bytes.dropFirst(50)), to: far)
            }
        ) {
            let read = try talk.read()
            #expect(read == frame)
        }
    }

    @Test("Waiting for a message sends what is queued, for a peer that answers only what it has read")
    func sendsMeanwhile() throws {
        let talk = try Talk()
        let question = Frame(pattern(500_000))
        talk.channel.outbox.append(try question.outbound())
        let far = talk.wire.far.number
        let count = question.bytes.count
        let read = try withPeer(over: talk.wire, doing: { try answer("answer", after: count, over: far) }) {
            let answer = try talk.read()
            #expect(answer == Frame("answer"))
        }
        let isSame = read == question.bytes
        #expect(isSame)
        #expect(talk.channel.outbox.hasPending == false)
    }

    @Test("What a peer said before it left is read; then it has left", arguments: [false, true])
    func peerLeft(isSending: Bool) throws {
        let talk = try Talk()
        if isSending { talk.channel.outbox.append(try Frame("to nobody").outbound()) }
        try talk.wire.far.write(Frame("last"), Frame(""))
        talk.wire.far.close()
        #expect(try talk.read() == Frame("last"))
        #expect(try talk.read() == Frame(""))
        let error = #expect(throws: IPCError.self) { try talk.read() }
        #expect(error?.code == IPC_ERROR_CLOSED_RECIPIENT)
    }

    @Test("A descriptor that does not block is waited for all the same")
    func nonBlocking() throws {
        let talk = try Talk(blocks: false)
        let far = talk.wire.far.number
        let question = Frame(pattern(200_000))
        let count = question.bytes.count
        let read = try withPeer(over: talk.wire, doing: { try answer("answer", after: count, over: far) }) {
            try talk.write(question)
            let answer = try talk.read()
            #expect(answer == Frame("answer"))
        }
        let isSame = read == question.bytes
        #expect(isSame)
    }

    @Test("A descriptor with a patience of its own ends the wait")
    func patience() throws {
        let talk = try Talk()
        var limit = timeval(tv_sec: 0, tv_usec: 1000)
        setsockopt(talk.wire.near.number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let error = #expect(throws: IPCError.self) { try talk.read() }
        #expect(error?.systemError == EAGAIN)
    }

    // MARK: Writing

    @Test("A message goes behind what is queued")
    func behindQueue() throws {
        let talk = try Talk()
        talk.channel.outbox.append(try Frame("first").outbound())
        talk.channel.outbox.append(try Frame("").outbound())
        try talk.write(Frame("third"))
        #expect(talk.wire.far.read() == [Frame("first"), Frame(""), Frame("third")].flatMap(\.bytes))
        #expect(talk.channel.outbox.hasPending == false)
        #expect(talk.channel.outbox.hasSent == true)
    }

    @Test("A message goes behind one that is half sent, and is gone when the call returns")
    func behindHalf() throws {
        let talk = try Talk()
        let (first, second) = (Frame(pattern(300_000)), Frame(pattern(300_000, seed: 2)))
        talk.channel.outbox.append(try first.outbound())
        #expect(try talk.channel.outbox.send(to: talk.wire.near.descriptor) == false)
        let far = talk.wire.far.number
        let count = first.bytes.count + second.bytes.count
        let read = try withPeer(over: talk.wire, doing: { End.read(count, from: far) }) { try talk.write(second) }
        let isSame = read == first.bytes + second.bytes
        #expect(isSame)
    }

    @Test("A peer that left before a message is another error than one that left in the middle")
    func writingFails() throws {
        let talk = try Talk()
        let far = talk.wire.far.number
        try withPeer(
            over: talk.wire,
            doing: {
                _ = End.read(1000, from: far)
                shutdown(far, Int32(SHUT_RDWR))
            }
        ) {
            let error = #expect(throws: IPCError.self) { try talk.write(Frame(pattern(500_000))) }
            #expect(error?.code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
        }
        let error = #expect(throws: IPCError.self) { try talk.write(Frame("too late")) }
        #expect(error?.code == IPC_ERROR_USOCK_SEND)
        #expect(error?.systemError == EPIPE)
    }

    // MARK: Descriptors

    @Test("A descriptor goes from one channel to another, behind the message before it", arguments: [Inbox.Extent.all, .frame])
    func passing(extent: Inbox.Extent) throws {
        let talk = try Talk()
        let other = try Talk()
        other.channel = Channel(talk.wire.far.number)
        let pipe = try Wire(.pipe)
        talk.channel.outbox.append(try Frame("OK").outbound())
        try talk.channel.sendDescriptor(pipe.far.number)
        pipe.far.close()
        try talk.write(Frame("and on"))

        #expect(try other.read(extent) == Frame("OK"))
        let received = try other.receiveDescriptor()
        #expect(received.isCloseOnExec)
        try received.write([7])
        #expect(pipe.near.read() == [7])
        received.close()
        #expect(pipe.near.isAlone)
        #expect(try other.read(extent) == Frame("and on"))
    }

    @Test("A byte without a descriptor is an error, and so is a peer that has left")
    func noDescriptor() throws {
        let talk = try Talk()
        try talk.wire.far.write([0])
        let missing = #expect(throws: IPCError.self) { try talk.receiveDescriptor() }
        #expect(missing?.code == IPC_ERROR_RECEIVE_FD__RECVMSG)
        talk.wire.far.close()
        let left = #expect(throws: IPCError.self) { try talk.receiveDescriptor() }
        #expect(left?.code == IPC_ERROR_RECEIVE_FD__RECVMSG)
    }

    @Test("What cannot be passed is an error")
    func cannotPass() throws {
        let talk = try Talk()
        let notOpen = #expect(throws: IPCError.self) { try talk.channel.sendDescriptor(-1) }
        #expect(notOpen?.code == IPC_ERROR_PROVIDE_FD__SENDMSG)
        talk.wire.far.close()
        let left = #expect(throws: IPCError.self) { try talk.channel.sendDescriptor(0) }
        #expect(left?.systemError == EPIPE)
    }

    // MARK: The file behind the number

    @Test("What is held was meant for one file: a number that means another by now shows")
    func identity() throws {
        let talk = try Talk()
        let moved = try talk.wire.near.moved()
        talk.channel = Channel(moved.number)
        talk.channel.identify()
        #expect(talk.channel.isCurrent == true)
        try talk.wire.far.write([1, 2, 3])
        #expect(try talk.channel.inbox.receive(from: moved.descriptor, into: &talk.scratch) == .bytes)
        talk.channel.identify()
        #expect(talk.channel.isEmpty == false)
        #expect(talk.channel.isCurrent == true)

        moved.close()
        #expect(talk.channel.isCurrent == false)
        let other = try Wire().near.replacing(moved)
        #expect(talk.channel.isCurrent == false)
        talk.channel = Channel(other.number)
        #expect(talk.channel.isCurrent == true)
    }
}
