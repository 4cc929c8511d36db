// InboxPassingTests.swift - descriptors that come along with bytes: each is found with its byte, and closed when that has passed.
//
// What is passed is the end of a pipe that is written to; the end that is read hangs up when the last copy is closed.

import Testing

@testable import LibIPC

@Suite("Inbox descriptors") struct InboxPassingTests {
    /// Sends `bytes`, with a new descriptor. Returns the end that shows whether it lives.
    private func pass(_ bytes: [UInt8], over receiver: Receiver) throws -> End {
        let pipe = try Wire(.pipe)
        try receiver.wire.far.write(bytes, passing: [pipe.far.number])
        pipe.far.close()
        return pipe.near
    }

    /// The descriptor that comes with the next byte of the stream.
    private func takePassed(_ receiver: Receiver) throws -> End? {
        try receiver.inbox.takeDescriptor().map { try End($0) }
    }

    @Test("A descriptor is found with its byte, close-on-exec, and is the taker's")
    func found() throws {
        let receiver = try Receiver()
        let probe = try pass([0], over: receiver)
        #expect(try receiver.receive() == .bytes)
        let passed = try #require(try takePassed(receiver))
        #expect(passed.isCloseOnExec)
        #expect(!probe.isAlone)
        passed.close()
        #expect(probe.isAlone)
        #expect(receiver.inbox.isEmpty == true)
    }

    @Test("A descriptor that came with an answer, in one read, is found behind it")
    func behindAnswer() throws {
        let receiver = try Receiver()
        try receiver.wire.far.write(Frame("OK"))
        let probe = try pass([0], over: receiver)
        #expect(try receiver.frame() == Frame("OK"))
        #expect(!probe.isAlone)
        let passed = try #require(try takePassed(receiver))
        passed.close()
        #expect(probe.isAlone)
    }

    @Test(
        "A descriptor sent in one piece with the frame before its byte is found, however that is read",
        arguments: [Inbox.Extent.all, .frame])
    func oneMessage(extent: Inbox.Extent) throws {
        let receiver = try Receiver()
        let probe = try pass(Frame("OK").bytes + [0], over: receiver)
        #expect(try receiver.frame(extent) == Frame("OK"))
        if extent == .frame { #expect(try receiver.receive(.byte) == .bytes) }
        let passed = try #require(try takePassed(receiver))
        passed.close()
        #expect(probe.isAlone)
    }

    @Test("A descriptor that nobody asked for is closed when its frame is made", arguments: [Inbox.Extent.all, .frame])
    func unaskedFor(extent: Inbox.Extent) throws {
        let receiver = try Receiver()
        let probe = try pass(Frame("unasked for").bytes, over: receiver)
        #expect(try receiver.frame(extent) == Frame("unasked for"))
        // Reading exactly, the library learns of it with the first byte, and waits for the one behind the frame.
        if extent == .frame {
            try receiver.wire.far.write(Frame("next"))
            #expect(try receiver.frame(extent) == Frame("next"))
        }
        #expect(probe.isAlone)
    }

    @Test("A descriptor that came with a part of a payload is closed with that part")
    func inPayload() throws {
        let receiver = try Receiver()
        let bytes = Frame(pattern(10_000)).bytes
        try receiver.wire.far.write(Array(bytes[..<3000]))
        let probe = try pass(Array(bytes[3000..<5000]), over: receiver)
        while try receiver.receive() == .bytes {}
        #expect(probe.isAlone)
        try receiver.wire.far.write(Array(bytes[5000...]))
        #expect(try receiver.frame()?.payload.count == 10_000)
    }

    @Test("A byte without a descriptor brings none, and one inside a frame is not taken")
    func alone() throws {
        let receiver = try Receiver()
        #expect(receiver.inbox.hasNoBytes == true)
        #expect(receiver.inbox.takeDescriptor() == nil)
        try receiver.wire.far.write([0])
        #expect(try receiver.receive() == .bytes)
        #expect(receiver.inbox.hasNoBytes == false)
        #expect(receiver.inbox.takeDescriptor() == nil)
        #expect(receiver.inbox.hasNoBytes == true)
        try receiver.wire.far.write(Array(Frame("whole").bytes.prefix(8)))
        #expect(try receiver.receive() == .bytes)
        #expect(receiver.inbox.hasNoBytes == false)
        #expect(receiver.inbox.takeDescriptor() == nil)
        try receiver.wire.far.write(Array(Frame("whole").bytes.dropFirst(8)))
        #expect(try receiver.frame() == Frame("whole"))
    }

    @Test("A descriptor belongs to its own byte, not to one before it")
    func behindByte() throws {
        let receiver = try Receiver()
        try receiver.wire.far.write([1])
        #expect(try receiver.receive() == .bytes)
        let probe = try pass([2], over: receiver)
        #expect(try receiver.receive() == .bytes)
        #expect(try takePassed(receiver) == nil)
        let passed = try #require(try takePassed(receiver))
        passed.close()
        #expect(probe.isAlone)
    }

    @Test("Descriptors that are taken one after the other keep their order")
    func order() throws {
        let receiver = try Receiver()
        for byte in 1...5 as ClosedRange<UInt8> {
            let probe = try pass([byte], over: receiver)
            #expect(try receiver.receive() == .bytes)
            let passed = try #require(try takePassed(receiver))
            try passed.write([byte])
            #expect(probe.read() == [byte])
        }
    }

    @Test("One descriptor waits; one that comes meanwhile is closed, and its byte brings none")
    func limit() throws {
        let receiver = try Receiver()
        var probes: [End] = []
        for byte in 1...3 as ClosedRange<UInt8> {
            probes.append(try pass([byte], over: receiver))
            #expect(try receiver.receive() == .bytes)
        }
        #expect(probes.map(\.isAlone) == [false, true, true])
        let passed = try #require(try takePassed(receiver))
        try passed.write([7])
        #expect(probes[0].read() == [7])
        for _ in 1...2 { #expect(try takePassed(receiver) == nil) }
        #expect(receiver.inbox.isEmpty == true)
        // The place is free again.
        let probe = try pass([4], over: receiver)
        #expect(try receiver.receive() == .bytes)
        #expect(try takePassed(receiver) != nil)
        #expect(probe.isAlone)
    }

    @Test("Of several in one message the first arrives, and none of the others is left open")
    func severalAtOnce() throws {
        let receiver = try Receiver()
        let pipes = try (1...5).map { _ in try Wire(.pipe) }
        try receiver.wire.far.write([0], passing: pipes.map(\.far.number))
        for pipe in pipes { pipe.far.close() }
        #expect(try receiver.receive() == .bytes)
        #expect(pipes.map(\.near.isAlone) == [false, true, true, true, true])
        let passed = try #require(try takePassed(receiver))
        passed.close()
        #expect(pipes[0].near.isAlone)
    }

    @Test("Many that came with a frame, unasked for: none is left open")
    func manyAtOnce() throws {
        let receiver = try Receiver()
        let pipes = try (1...20).map { _ in try Wire(.pipe) }
        try receiver.wire.far.write(Frame("many").bytes, passing: pipes.map(\.far.number))
        for pipe in pipes { pipe.far.close() }
        #expect(try receiver.frame() == Frame("many"))
        #expect(pipes.map(\.near.isAlone) == [Bool](repeating: true, count: 20))
    }

    @Test("What was not asked for is closed with its inbox")
    func closedAtTheEnd() throws {
        let receiver = try Receiver()
        let probe = try pass([1, 2, 3], over: receiver)
        #expect(try receiver.receive() == .bytes)
        #expect(!probe.isAlone)
        receiver.inbox = Inbox()
        #expect(probe.isAlone)
    }
}
