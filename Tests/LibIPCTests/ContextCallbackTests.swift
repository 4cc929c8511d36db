// ContextCallbackTests.swift - switched ends that a program reads or writes itself: the context says what it needs, and is told
// the answer.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context callbacks") struct ContextCallbackTests {
    let test: TestContext
    /// A pair; the program speaks to the left one in its own way.
    let left: Wire
    let right: Wire

    init() throws {
        test = try TestContext()
        (left, right) = try test.connectPair()
    }

    /// What the program's callback read from the left end.
    private func didRead(_ answer: CallbackAnswer, _ text: String? = nil, holdsMore: Bool = false) throws -> Happening {
        try test.happening { context, event throws(IPCError) in
            try context.didRead(left.near.number, answer, text.map { message($0) }, holdsMore: holdsMore, &event)
        }
    }

    /// What became of the frame that it was given to write there.
    private func didWrite(_ answer: CallbackAnswer) throws -> Happening {
        try test.happening { context, event throws(IPCError) in try context.didWrite(left.near.number, answer, &event) }
    }

    private func message(_ text: String) -> Message {
        Message(Frame(text).header, adopting: UnsafeMutableRawPointer(strdup(text)))
    }

    private func letRead() { test.context.pointee.view.readers = [left.near.number] }
    private func letWrite() { test.context.pointee.view.writers = [left.near.number] }

    // MARK: Reading

    @Test("An end with a reader is not read, but told of")
    func reader() throws {
        letRead()
        try left.far.write([1, 2, 3])
        #expect(try test.next() == .callReader(left.near))
        #expect(left.near.read() == [1, 2, 3])
        #expect(try didRead(.done, "three bytes") == .switched(from: left.near))
        #expect(try test.all() == [.sent(to: right.near)])
        #expect(right.far.read() == Frame("three bytes").bytes)
    }

    @Test("A reader that says no more than that it read has nothing to pass on")
    func ignores() throws {
        letRead()
        try left.far.write([1])
        #expect(try test.next() == .callReader(left.near))
        #expect(left.near.read() == [1])
        #expect(try didRead(.ignore) == .switched(from: left.near))
        #expect(try test.all() == [])
        #expect(right.far.read() == [])
    }

    @Test("A reader that holds more is called again, without a byte to read")
    func holdsMore() throws {
        letRead()
        try left.far.write([1])
        #expect(try test.next() == .callReader(left.near))
        #expect(left.near.read() == [1])
        #expect(try didRead(.done, "one", holdsMore: true) == .switched(from: left.near))
        var events: [Happening] = []
        while !events.contains(.callReader(left.near)), events.count < 3 { events.append(try test.next()) }
        #expect(events.last == .callReader(left.near))
        #expect(try didRead(.done, "two") == .switched(from: left.near))
        #expect(try test.all().allSatisfy { $0 == .sent(to: right.near) })
        #expect(right.far.read() == Frame("one").bytes + Frame("two").bytes)
    }

    @Test("A reader that found a hang-up ends the pair; neither descriptor is closed")
    func readerCloses() throws {
        letRead()
        try left.far.write([1])
        #expect(try test.next() == .callReader(left.near))
        #expect(try didRead(.closing) == .disconnection(left.near, IPC_ERROR_CLOSED_RECIPIENT))
        #expect(test.descriptors == [])
        #expect(left.near.isOpen)
        #expect(right.near.isOpen)
    }

    @Test("What went to the other end is reported before a reader's hang-up is told")
    func reportedFirst() throws {
        letRead()
        try left.far.write([1])
        #expect(try test.next() == .callReader(left.near))
        for text in ["one", "two", "three"] { #expect(try didRead(.done, text) == .switched(from: left.near)) }
        let target = try test.connection(of: right.near)
        #expect(try test.happening { context, event throws(IPCError) in try context.stepWriting(target, &event) } == .sent(to: right.near))
        #expect(right.far.read() == ["one", "two", "three"].flatMap { Frame($0).bytes })
        #expect(try didRead(.closing) == .sent(to: right.near))
        #expect(try test.all() == [.sent(to: right.near), .disconnection(left.near, IPC_ERROR_CLOSED_RECIPIENT)])
        #expect(test.queued == [])
    }

    @Test("A reader that fails ends the pair, and so does one whose message is too long, or missing; neither descriptor is closed")
    func readerFails() throws {
        for (answer, length) in [(CallbackAnswer.failed, nil), (.unparsable, nil), (.done, UInt32(1_999_995)), (.done, nil)] {
            let test = try TestContext()
            let (left, right) = try test.connectPair()
            test.context.pointee.view.readers = [left.near.number]
            try left.far.write([1])
            #expect(try test.next() == .callReader(left.near))
            let event = try test.happening { context, event throws(IPCError) in
                let message = length.map { Message(FrameHeader(type: 2, userType: 0, length: $0), adopting: nil) }
                try context.didRead(left.near.number, answer, message, holdsMore: false, &event)
            }
            #expect(event == .error(left.near, IPC_ERROR_CLOSED_RECIPIENT))
            #expect(test.descriptors == [])
            #expect(left.near.isOpen)
            #expect(right.near.isOpen)
        }
    }

    // MARK: Writing

    @Test("What is meant for an end with a writer is given to that")
    func writer() throws {
        letWrite()
        try right.far.write(Frame("for the callback"))
        #expect(try test.next() == .switched(from: right.near))
        #expect(try test.next() == .callWriter(Frame("for the callback"), to: left.near))
        #expect(left.far.read() == [])
        #expect(try didWrite(.done) == .sent(to: left.near))
        #expect(try test.all() == [])
        #expect(test.queued == [])
    }

    @Test("A writer gets one message after the other, in order")
    func writerOrder() throws {
        letWrite()
        try right.far.write(Frame("one"), Frame("two"), Frame("three"))
        var written: [Frame] = []
        while true {
            let event = try test.next()
            if event == .timer { break }
            guard event.kind == .callback, let frame = event.frame else { continue }
            written.append(frame)
            #expect(try didWrite(.done) == .sent(to: left.near))
        }
        #expect(written == [Frame("one"), Frame("two"), Frame("three")])
    }

    @Test("A writer that drops a message is no failure")
    func writerIgnores() throws {
        letWrite()
        try right.far.write(Frame("dropped"))
        #expect(try test.next() == .switched(from: right.near))
        #expect(try test.next() == .callWriter(Frame("dropped"), to: left.near))
        #expect(try didWrite(.ignore) == .switched(from: right.near))
        #expect(test.descriptors.count == 2)
        #expect(try test.all() == [])
    }

    @Test("A writer that found a hang-up ends the pair; neither descriptor is closed")
    func writerCloses() throws {
        letWrite()
        try right.far.write(Frame("too late"))
        #expect(try test.next() == .switched(from: right.near))
        #expect(try test.next() == .callWriter(Frame("too late"), to: left.near))
        #expect(try didWrite(.closing) == .disconnection(left.near, IPC_ERROR_CLOSED_RECIPIENT))
        #expect(test.descriptors == [])
        #expect(left.near.isOpen)
        #expect(right.near.isOpen)
    }

    @Test("A writer that fails ends the pair, and both descriptors are closed")
    func writerFails() throws {
        letWrite()
        try right.far.write(Frame("in vain"))
        #expect(try test.next() == .switched(from: right.near))
        #expect(try test.next() == .callWriter(Frame("in vain"), to: left.near))
        #expect(try didWrite(.failed) == .error(left.near, IPC_ERROR_CLOSED_RECIPIENT))
        #expect(test.descriptors == [])
        #expect(left.far.isAlone)
        #expect(right.far.isAlone)
    }

    @Test("An answer about an entry that is gone by now changes nothing")
    func goneMeanwhile() throws {
        letRead()
        try left.far.write([1])
        #expect(try test.next() == .callReader(left.near))
        test.context.pointee.remove(try test.connection(of: left.near), .released)
        #expect(try didRead(.done, "too late").kind == .none)
        #expect(try didWrite(.failed).kind == .none)
        #expect(test.descriptors == [right.near.number])
    }
}
