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
        if case .withDescriptor(let number) = receiver.inbox.takePassedByte() { return try End(number) }
        return nil
    }

    private func isAlone(_ receiver: Receiver) -> Bool {
        if case .alone = receiver.inbox.takePassedByte() { return true }
        return false
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

    @Test("A byte without a descriptor is alone, and so is one inside a frame")
    func alone() throws {
        let receiver = try Receiver()
        if case .notHere = receiver.inbox.takePassedByte() {} else { Issue.record("a byte out of nowhere") }
        try receiver.wire.far.write([0])
        #expect(try receiver.receive() == .bytes)
        #expect(isAlone(receiver))
        try receiver.wire.far.write(Frame.headerBytes(length: 5))
        #expect(try receiver.receive() == .bytes)
        #expect(isAlone(receiver))
    }

    @Test("Descriptors that come one after the other keep their order and their bytes")
    func order() throws {
        let receiver = try Receiver()
        var probes: [End] = []
        for byte in 1...5 as ClosedRange<UInt8> {
            probes.append(try pass([byte], over: receiver))
            #expect(try receiver.receive() == .bytes)
        }
        for place in 0..<5 {
            let passed = try #require(try takePassed(receiver))
            try passed.write([UInt8(place)])
            #expect(probes[place].read() == [UInt8(place)])
        }
    }

    @Test("A connection keeps eight and closes the others; with a byte goes what came with it and is not taken")
    func limit() throws {
        let receiver = try Receiver()
        let pipes = try (1...10).map { _ in try Wire(.pipe) }
        for five in [pipes[..<5], pipes[5...]] {
            try receiver.wire.far.write([0], passing: five.map(\.far.number))
            for pipe in five { pipe.far.close() }
            #expect(try receiver.receive() == .bytes)
        }
        let isKept = { pipes.map { !$0.near.isAlone } }
        #expect(isKept() == [true, true, true, true, true, true, true, true, false, false])
        let first = try #require(try takePassed(receiver))
        #expect(isKept() == [true, false, false, false, false, true, true, true, false, false])
        let second = try #require(try takePassed(receiver))
        #expect(isKept() == [true, false, false, false, false, true, false, false, false, false])
        first.close()
        second.close()
        #expect(isKept() == [Bool](repeating: false, count: 10))
    }

    @Test("More in one message than a connection keeps: none is left open")
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
