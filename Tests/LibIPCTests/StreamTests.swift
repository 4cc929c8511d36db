// StreamTests.swift - waiting for one message or one descriptor at one end of a stream, and which file its bytes belong to.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Stream") struct StreamTests {
    /// A stream at one end of a wire.
    private final class Talk {
        let wire: Wire
        var stream: LibIPC.Stream
        var pool = BufferPool()

        init(blocks: Bool = true) throws {
            wire = try Wire(blocks: blocks)
            wire.near.shrinkSendBuffer()
            stream = Talk.stream(of: wire.near)
        }

        /// In no table.
        static func stream(of end: End) -> LibIPC.Stream {
            LibIPC.Stream(end.number, owner: DescriptorTable.stripe(of: end.number))
        }

        /// Calls `body` with the inbox, taken along.
        private func withInbox<Result>(_ body: (inout Inbox) throws -> Result) rethrows -> Result {
            var inbox = Inbox()
            swap(&inbox, &stream.inbox)
            defer { swap(&inbox, &stream.inbox) }
            return try body(&inbox)
        }

        func read(_ extent: Inbox.Extent = .all) throws -> Frame? {
            let descriptor = stream.descriptor
            return try withInbox { inbox in
                try inbox.waitForFrame(from: descriptor, &pool, extent) { _ throws(IPCError) in
                    try !stream.outbox.send(to: descriptor) ? .waiting : .nothing
                }
                return inbox.takeFrame()
            }
        }

        func receiveDescriptor() throws -> End {
            try withInbox { try End(try $0.waitForDescriptor(from: stream.descriptor, &pool)) }
        }
    }

    // MARK: Messages

    @Test("Waiting for a message lasts until its last byte", arguments: [Inbox.Extent.all, .frame])
    func waits(extent: Inbox.Extent) throws {
        let talk = try Talk()
        let (far, frame) = (talk.wire.far.number, Frame(pattern(100_000)))
        try withPeer(
            over: talk.wire,
            doing: {
                for byte in frame.bytes.prefix(50) { try End.write([byte], to: far) }
                try End.write(Array(frame.bytes.dropFirst(50)), to: far)
            }
        ) {
            let read = try talk.read(extent)
            #expect(read == frame)
        }
    }

    @Test("Waiting for a message sends what is queued, for a peer that answers only what it has read")
    func sendsMeanwhile() throws {
        let talk = try Talk()
        let question = Frame(pattern(500_000))
        talk.stream.outbox.append(try question.outbound())
        let far = talk.wire.far.number
        let count = question.bytes.count
        let read = try withPeer(over: talk.wire, doing: { try reply("answer", after: count, over: far) }) {
            let answer = try talk.read()
            #expect(answer == Frame("answer"))
        }
        let isSame = read == question.bytes
        #expect(isSame)
        #expect(talk.stream.outbox.hasPending == false)
    }

    @Test("What is here already is taken without a look at the descriptor")
    func alreadyHere() throws {
        let talk = try Talk()
        try talk.wire.far.write(Frame("one"), Frame("two"), Frame(""))
        for frame in [Frame("one"), Frame("two"), Frame("")] { #expect(try talk.read() == frame) }
        #expect(talk.stream.inbox.isEmpty == true)
    }

    @Test("What a peer said before it left is read; then it has left")
    func peerLeft() throws {
        let talk = try Talk()
        try talk.wire.far.write(Frame("last"), Frame(""))
        talk.wire.far.close()
        #expect(try talk.read() == Frame("last"))
        #expect(try talk.read() == Frame(""))
        let error = #expect(throws: IPCError.self) { try talk.read() }
        #expect(error?.code == IPC_ERROR_CLOSED_RECIPIENT)
    }

    @Test("What cannot be sent while a message is waited for ends the wait, if it is said to, and loses nothing that came")
    func sendingFails() throws {
        let talk = try Talk()
        talk.stream.outbox.append(try Frame("to nobody").outbound())
        try talk.wire.far.write(Array(Frame("in two pieces").bytes.prefix(9)))
        shutdown(talk.wire.far.number, Int32(SHUT_RD))
        let error = #expect(throws: IPCError.self) { try talk.read() }
        #expect(error?.systemError == EPIPE)
        talk.stream.outbox = Outbox()
        try talk.wire.far.write(Array(Frame("in two pieces").bytes.dropFirst(9)))
        #expect(try talk.read() == Frame("in two pieces"))
    }

    @Test("A descriptor that does not block is not waited for", arguments: [false, true])
    func nonBlocking(isSending: Bool) throws {
        let talk = try Talk(blocks: false)
        if isSending { talk.stream.outbox.append(try Frame(pattern(500_000)).outbound()) }
        let error = #expect(throws: IPCError.self) { try talk.read() }
        #expect(error?.code == IPC_ERROR_USOCK_RECV)
        #expect(error?.systemError == EAGAIN)
        let passed = #expect(throws: IPCError.self) { try talk.receiveDescriptor() }
        #expect(passed?.code == IPC_ERROR_RECEIVE_FD__RECVMSG)
        #expect(passed?.systemError == EAGAIN)
    }

    @Test("A time limit of the descriptor ends the wait")
    func timeLimit() throws {
        let talk = try Talk()
        talk.wire.near.limitTime(SO_RCVTIMEO)
        let error = #expect(throws: IPCError.self) { try talk.read() }
        #expect(error?.code == IPC_ERROR_USOCK_RECV)
        #expect(error?.systemError == EAGAIN)
    }

    // MARK: Descriptors

    @Test("A descriptor is waited for, behind the message before it", arguments: [Inbox.Extent.all, .frame])
    func descriptor(extent: Inbox.Extent) throws {
        let (talk, pipe) = (try Talk(), try Wire(.pipe))
        let (far, passed) = (talk.wire.far.number, pipe.far.number)
        try withPeer(
            over: talk.wire,
            doing: {
                try End.write(Frame("OK").bytes, to: far)
                libipc_send_descriptor(far, passed)
                try End.write(Frame("and on").bytes, to: far)
            }
        ) {
            #expect(try talk.read(extent) == Frame("OK"))
            let received = try talk.receiveDescriptor()
            #expect(received.isCloseOnExec)
            try received.write([7])
            #expect(End.read(1, from: pipe.near.number) == [7])
            #expect(try talk.read(extent) == Frame("and on"))
        }
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

    @Test("A time limit ends the wait for a descriptor, too")
    func descriptorTimeLimit() throws {
        let talk = try Talk()
        talk.wire.near.limitTime(SO_RCVTIMEO)
        let error = #expect(throws: IPCError.self) { try talk.receiveDescriptor() }
        #expect(error?.code == IPC_ERROR_RECEIVE_FD__RECVMSG)
        #expect(error?.systemError == EAGAIN)
    }

    // MARK: The file behind the number

    @Test("What is held was meant for one file: a number that means another by now shows")
    func identity() throws {
        let talk = try Talk()
        let moved = try talk.wire.near.moved()
        talk.stream = Talk.stream(of: moved)
        talk.stream.identify()
        #expect(talk.stream.isCurrent == true)
        try talk.wire.far.write([1, 2, 3])
        #expect(try talk.stream.inbox.receive(from: moved.descriptor, into: &talk.pool) == .bytes)
        talk.stream.identify()
        #expect(talk.stream.isEmpty == false)
        #expect(talk.stream.isCurrent == true)

        moved.close()
        #expect(talk.stream.isCurrent == false)
        let other = try Wire().near.replacing(moved)
        #expect(talk.stream.isCurrent == false)
        talk.stream = Talk.stream(of: other)
        #expect(talk.stream.isCurrent == true)
    }

    @Test("A file is noted when something is held of it, in either direction, and not before")
    func noted() throws {
        for isOutgoing in [false, true] {
            let talk = try Talk()
            let moved = try talk.wire.near.moved()
            talk.stream = Talk.stream(of: moved)
            talk.stream.identify()
            // Nothing was held: whatever the number means now is the stream's file.
            let other = try Wire()
            let end = try other.near.replacing(moved)
            if isOutgoing {
                talk.stream.outbox.append(try Frame("held").outbound())
            } else {
                try other.far.write([1, 2, 3])
                #expect(try talk.stream.inbox.receive(from: end.descriptor, into: &talk.pool) == .bytes)
            }
            talk.stream.identify()
            #expect(talk.stream.isCurrent == true)
            let third = try Wire().near.replacing(end)
            #expect(talk.stream.isCurrent == false)
            withExtendedLifetime(third) {}
        }
    }

    // MARK: Claims

    @Test("A stream is claimed while a call has one of its directions")
    func claims() throws {
        let talk = try Talk()
        #expect(talk.stream.isClaimed == false)
        talk.stream.readClaim.begin()
        talk.stream.writeClaim.begin()
        #expect(talk.stream.isClaimed == true)
        talk.stream.readClaim.end()
        #expect(talk.stream.isClaimed == true)
        talk.stream.writeClaim.end()
        #expect(talk.stream.isClaimed == false)
    }

    @Test("When the ends of claims have been announced nobody waits for them any more")
    func announced() throws {
        let talk = try Talk()
        talk.stream.owner.locked {
            (talk.stream.readClaim.isAwaited, talk.stream.writeClaim.isAwaited) = (true, true)
            talk.stream.announceEnds()
        }
        #expect(talk.stream.readClaim.isAwaited == false)
        #expect(talk.stream.writeClaim.isAwaited == false)
    }

    @Test("A stream that carries no bytes but records is refused for frames")
    func records() throws {
        var numbers: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &numbers) == 0)
        let ends = try numbers.map { try End($0) }
        var stream = Talk.stream(of: ends[0])
        var thrown: IPCError?
        do throws(IPCError) { try stream.requireStream(IPC_ERROR_USOCK_RECV) } catch { thrown = error }
        #expect(thrown?.systemError == EPROTOTYPE)
        #expect(stream.isStream == false)
        let talk = try Talk()
        try talk.stream.requireStream(IPC_ERROR_USOCK_RECV)
        #expect(talk.stream.isStream == true)
    }
}
