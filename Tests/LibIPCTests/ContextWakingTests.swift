// ContextWakingTests.swift - what one thread does to a context is at once known to those that wait in it; and what it queues is sent at
// once, because nobody else would come by.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context, waiting and waking") struct ContextWakingTests {
    let test: TestContext

    init() throws { test = try TestContext() }

    // MARK: Sent at once

    @Test("While somebody waits a message is sent when it is queued; otherwise with the next call", arguments: [0, 1, 2])
    func sentAtOnce(waiting: Int) throws {
        let wires = try (0..<2).map { _ in try test.connect() }
        test.context.pointee.waiting = waiting
        for number in 0..<3 { for wire in wires { try test.write(Frame("\(number)"), to: wire.near) } }
        let bytes = (0..<3).flatMap { Frame("\($0)").bytes }
        for wire in wires { #expect(wire.far.read() == (waiting > 0 ? bytes : [])) }
        for wire in wires { #expect(try test.stream(of: wire.near).pointee.outbox.hasPending == (waiting == 0)) }
        #expect(test.context.pointee.hasUnsent == (waiting == 0))
        test.context.pointee.waiting = 0
        let events = try test.all()
        for wire in wires {
            #expect(events.filter { $0 == .sent(to: wire.near) }.count == 3)
            #expect(wire.far.read() == (waiting > 0 ? [] : bytes))
        }
        #expect(test.queued == [])
    }

    @Test("What a receiver has no room for is sent when there is, in order")
    func blocked() throws {
        let wire = try test.connect()
        wire.near.shrinkSendBuffer()
        test.context.pointee.waiting = 1
        let frames = [Frame(pattern(100_000)), Frame("behind it"), Frame("")]
        for frame in frames { try test.write(frame, to: wire.near) }
        let connection = try test.connection(of: wire.near)
        #expect(connection.pointee.isBlocked == true)
        #expect(connection.pointee.interest == [.read, .write])
        #expect(test.context.pointee.outgoing.isEmpty == true)
        test.context.pointee.waiting = 0
        var (bytes, events): ([UInt8], [Happening]) = ([], [])
        for _ in 1...1000 where events.count < 3 {
            bytes += wire.far.read()
            events += try test.all()
        }
        #expect(events == [Happening](repeating: .sent(to: wire.near), count: 3))
        bytes += wire.far.read()
        let isSame = bytes == frames.flatMap(\.bytes)
        #expect(isSame)
    }

    @Test("A peer that has left shows when its end is read: who writes to it is not told")
    func peerHasLeft() throws {
        let wire = try test.connect()
        wire.far.close()
        test.context.pointee.waiting = 1
        try test.write(Frame("to nobody"), to: wire.near)
        #expect(test.queued == [])
        test.context.pointee.waiting = 0
        #expect(try test.all() == [.disconnection(wire.near)])
    }

    @Test(
        "What goes through a pair is sent at once, too; but not to a callback: that is called by those who wait", arguments: [false, true])
    func pair(hasWriter: Bool) throws {
        let (left, right) = try test.connectPair()
        if hasWriter { test.context.pointee.view.writers = [right.near.number] }
        let source = try test.connection(of: left.near)
        try left.far.write(Frame("there"))
        test.context.pointee.waiting = 1
        #expect(
            try test.happening { context, event throws(IPCError) in try context.stepReading(source, &event) } == .switched(from: left.near))
        #expect(right.far.read() == (hasWriter ? [] : Frame("there").bytes))
        test.context.pointee.waiting = 0
        #expect(try test.next() == (hasWriter ? .callWriter(Frame("there"), to: right.near) : .sent(to: right.near)))
    }

    // MARK: Waking

    @Test("A message that is queued while a thread waits is sent, and told to that thread")
    func queued() throws {
        let wire = try test.connect()
        for _ in 1...20 {
            let event = try test.whileWaiting {
                try test.locked(as: 1) { try test.write(Frame("out"), to: wire.near) }
                #expect(End.read(Frame("out").bytes.count, from: wire.far.number) == Frame("out").bytes)
            }
            #expect(event == .sent(to: wire.near))
        }
    }

    @Test("An entry that is added while a thread waits is heard by that thread, though there was none before")
    func added() throws {
        for _ in 1...20 {
            let (wire, test) = (try Wire(), try TestContext())
            try wire.far.write(Frame("hello"))
            let event = try test.whileWaiting { try test.locked(as: 1) { try test.add(wire.near) } }
            #expect(event == .message(Frame("hello"), from: wire.near))
        }
    }

    @Test("A type that changes while a thread waits counts at once")
    func retyped() throws {
        let wire = try test.connect(.external, .pipe)
        wire.far.close()
        #expect(try test.all() == [.disconnection(wire.near)])
        let event = try test.whileWaiting {
            try test.locked(as: 1) { test.context.pointee.setKind(.ipc, of: try test.connection(of: wire.near)) }
        }
        #expect(event == .disconnection(wire.near))
    }

    @Test("What a thread had in hand is told to the one that waits when it is done, or has ended", arguments: [false, true])
    func released(hasEnded: Bool) throws {
        let wire = try test.connect()
        #expect(try test.next(as: 2) == .timer)
        try wire.far.write(Frame("one"), Frame("two"))
        #expect(try test.next(as: 1) == .message(Frame("one"), from: wire.near))
        let event = try test.whileWaiting {
            if hasEnded { test.locked { test.context.pointee.leave(1) } } else { try test.release(1) }
        }
        #expect(event == .message(Frame("two"), from: wire.near))
    }

    @Test("What a thread has read before it ended is no news for the one that waits, though that heard of it in the same call")
    func oldNews() throws {
        let (external, wire) = (try test.connect(.external), try test.connect())
        #expect(try test.next(as: 2) == .timer)
        try external.far.write([1])
        #expect(try test.next(as: 1) == .readable(external.near))
        let event = try test.whileWaiting {
            try test.until { test.leased == 1 }
            #expect(external.near.read() == [1])
            test.monitor.locked {
                test.context.pointee.leave(1)
                test.context.pointee.alert(nil)
            }
            try test.until { test.context.pointee.runnable.isEmpty }
            try wire.far.write(Frame("news"))
        }
        #expect(event == .message(Frame("news"), from: wire.near))
    }

    @Test("Of two threads that wait each is told of one message, though one of them asks the poller for both")
    func leaderAndFollower() throws {
        let wires = try (0..<2).map { _ in try test.connect() }
        for number in 1...20 {
            let frame = Frame("\(number)")
            var others: [Happening] = []
            let event = try test.whileWaiting {
                others.append(try test.whileWaiting(as: 3) { for wire in wires { try wire.far.write(frame) } })
            }
            #expect(Set([event.descriptor] + others.map(\.descriptor)) == Set(wires.map(\.near.number)))
            #expect(event.frame == frame)
            #expect(others.map(\.frame) == [frame])
            for thread in [2, 3] as [UInt] { try test.release(thread) }
        }
    }

    @Test("A thread that asks while another one leads waits for what that finds, not longer than it wishes")
    func followerTimes() throws {
        let wire = try test.connect()
        let event = try test.whileWaiting {
            #expect(try test.next(as: 3) == .timer)
            #expect(try test.next(waiting: 10, as: 3) == .timer)
            try wire.far.write(Frame("for the leader"))
        }
        #expect(event == .message(Frame("for the leader"), from: wire.near))
    }

    @Test("Who waits with nothing to ask for asks again when the poller has to be made anew")
    func rebuilt() throws {
        let wire = try test.connect()
        let event = try test.whileWaiting {
            test.locked(as: 1) { test.context.pointee.poller.needsRebuild = true }
            // Woken, it has a new poller and waits again, or has the message already.
            try test.until { !test.context.pointee.poller.needsRebuild }
            try wire.far.write(Frame("hello"))
        }
        #expect(event == .message(Frame("hello"), from: wire.near))
    }
}

extension TestContext {
    /// Runs `body` once this thread waits for ever. Returns what that is told.
    fileprivate func whileWaiting(as thread: UInt = 2, _ body: () throws -> Void) throws -> Happening {
        let count = monitor.locked { context.pointee.waiting } + 1
        // Should the test fail, something else ends the wait.
        let rescue = try Wire()
        var isDone = false
        return try withPeer(
            doing: { try self.next(waiting: -1, as: thread) },
            stop: {
                if isDone { return }
                locked {
                    try? context.pointee.add(rescue.near.number, .external)
                    rescue.far.close()
                }
            },
            {
                try until { context.pointee.waiting >= count }
                try body()
                isDone = true
            })
    }
}
