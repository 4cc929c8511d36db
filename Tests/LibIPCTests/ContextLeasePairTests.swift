// ContextLeasePairTests.swift - a pair is in one thread's hands, whichever end it was told of.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context, leased pairs") struct ContextLeasePairTests {
    let test: TestContext
    let left: Wire
    let right: Wire
    let first: UInt = 1
    let second: UInt = 2

    init() throws {
        test = try TestContext()
        (left, right) = try test.connectPair()
        for thread in [second, first] { #expect(try test.next(as: thread) == .timer) }
    }

    /// The first thread is told of a message from `end`; what was to be reported of it is done, too, by a second one.
    private func hold(_ end: Wire) throws {
        try end.far.write(Frame("held"))
        #expect(try test.next(as: first) == .switched(from: end.near))
    }

    @Test("Nobody else is told of either end, until both are given in order", arguments: [false, true])
    func bothEnds(isLeft: Bool) throws {
        let (held, other) = isLeft ? (left, right) : (right, left)
        try hold(held)
        for wire in [left, right] { try wire.far.write(Frame("one"), Frame("two")) }
        for _ in 1...3 { #expect(try test.next(as: second) == .timer) }
        try test.release(first)
        let events = try test.all(as: second)
        for wire in [left, right] { #expect(events.filter { $0 == .switched(from: wire.near) }.count == 2) }
        #expect(events.filter { $0 == .sent(to: held.near) }.count == 2)
        #expect(events.filter { $0 == .sent(to: other.near) }.count == 3)
        #expect(held.far.read() == ["one", "two"].flatMap { Frame($0).bytes })
        #expect(other.far.read() == ["held", "one", "two"].flatMap { Frame($0).bytes })
    }

    @Test("Another pair is not held with it")
    func otherPair() throws {
        let (third, fourth) = try test.connectPair()
        try hold(left)
        try third.far.write(Frame("there"))
        #expect(try test.all(as: second) == [.switched(from: third.near), .sent(to: fourth.near)])
    }

    @Test("Neither end is named by the poller while the pair is held")
    func paused() throws {
        try hold(left)
        for wire in [left, right] { try wire.far.write(Frame("put off")) }
        #expect(try test.next(as: second) == .timer)
        #expect(try test.look() == 0)
        #expect(try test.connection(of: right.near).pointee.isPaused == true)
        #expect(test.leased == 2)
        try test.release(first)
        #expect(test.leased == 0)
        #expect(try test.look() == 2)
    }

    // MARK: Callbacks

    @Test("The program's callbacks are not called for a held pair", arguments: [false, true])
    func callbacks(isReader: Bool) throws {
        if isReader {
            test.context.pointee.view.readers = [right.near.number]
        } else {
            test.context.pointee.view.writers = [right.near.number]
        }
        try hold(left)
        if isReader { try right.far.write([1]) }
        for _ in 1...2 { #expect(try test.next(as: second) == .timer) }
        try test.release(first)
        if isReader {
            var events: [Happening] = []
            while events.count < 2 { events.append(try test.next(as: second)) }
            #expect(events.contains(.callReader(right.near)))
            #expect(events.contains(.sent(to: right.near)))
        } else {
            #expect(try test.next(as: second) == .callWriter(Frame("held"), to: right.near))
        }
    }

    @Test("While a callback runs its pair is in that thread's hands")
    func duringCallback() throws {
        test.context.pointee.view.readers = [left.near.number]
        try left.far.write([1])
        #expect(try test.next(as: first) == .callReader(left.near))
        try right.far.write(Frame("put off"))
        #expect(try test.next(as: second) == .timer)
        #expect(left.near.read() == [1])
        try test.release(first)
        #expect(try test.all(as: second) == [.switched(from: right.near), .sent(to: left.near)])
    }

    // MARK: Ends

    @Test("A pair that is over is in nobody's hands, and what was put off for it is forgotten")
    func over() throws {
        try hold(left)
        try right.far.write(Frame("put off"))
        #expect(try test.next(as: second) == .timer)
        let lease = try test.lease(first)
        let event = try test.happening(for: lease) { context, event throws(IPCError) in
            try context.didRead(left.near.number, .failed, nil, holdsMore: false, &event)
        }
        #expect(event == .error(left.near, IPC_ERROR_CLOSED_RECIPIENT))
        #expect(lease.pointee.connection == nil)
        #expect(test.leased == 0)
        #expect(test.descriptors == [])
        for thread in [second, first] { #expect(try test.next(as: thread) == .timer) }
        for wire in [left, right] { #expect(wire.near.isOpen) }
    }

    @Test("Where both descriptors are closed they are when the thread that was told of it is done")
    func closed() throws {
        let wires = try (0..<2).map { _ in try Wire() }
        let ends = try wires.map { try $0.near.moved() }
        let other = try TestContext()
        for end in ends { try other.add(end, .switched) }
        try other.pair(ends[0], ends[1])
        for thread in [second, first] { #expect(try other.next(as: thread) == .timer) }
        let lease = try other.lease(first)
        let event = try other.happening(for: lease) { context, event throws(IPCError) in
            try context.didWrite(ends[0].number, .failed, &event)
        }
        #expect(event == .error(ends[0], IPC_ERROR_CLOSED_RECIPIENT))
        #expect(ends.map(\.isOpen) == [true, true])
        #expect(try other.next(as: second) == .timer)
        #expect(ends.map(\.isOpen) == [true, true])
        try other.release(first)
        #expect(ends.map(\.isOpen) == [false, false])
        #expect(wires.map(\.far.isAlone) == [true, true])
    }

    @Test("An end that is deleted leaves the other one to anybody")
    func deleted() throws {
        try hold(left)
        try right.far.write(Frame("alone"))
        #expect(try test.next(as: second) == .timer)
        test.context.pointee.remove(try test.connection(of: left.near), .released)
        let told = Happening.error(right.near, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD)
        #expect(try test.all(as: second) == [.sent(to: right.near), told])
        #expect(test.leased == 0)
    }

    @Test("An end whose type is set anew while it is held leaves the other one to anybody when it is released")
    func retyped() throws {
        try hold(left)
        try right.far.write(Frame("put off"))
        #expect(try test.next(as: second) == .timer)
        test.context.pointee.setKind(.ipc, of: try test.connection(of: left.near))
        try test.release(first)
        #expect(try test.all(as: second).contains(.switched(from: right.near)))
        #expect(left.far.read() == Frame("put off").bytes)
        #expect(test.leased == 0)
    }

    @Test("What was held for a callback is let go of, whatever is told in the end")
    func callback() throws {
        test.context.pointee.view.writers = [left.near.number]
        try right.far.write(Frame("dropped"))
        #expect(try test.next(as: first) == .switched(from: right.near))
        #expect(try test.next(as: first) == .callWriter(Frame("dropped"), to: left.near))
        _ = try test.happening(for: test.lease(first)) { context, event throws(IPCError) in
            try context.didWrite(left.near.number, .ignore, &event)
        }
        try test.release(first)
        try left.far.write(Frame("for anybody"))
        #expect(try test.next(as: second) == .switched(from: left.near))
    }

    @Test("A missing pair is told once, also when something else was put off meanwhile")
    func toldOnce() throws {
        let lonely = try test.connect(.switched)
        try lonely.far.write(Frame("where to?"))
        #expect(try test.next(as: first) == .error(lonely.near, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD))
        try test.write(Frame("out"), to: lonely.near)
        #expect(try test.next(as: second) == .timer)
        #expect(try test.all(as: first) == [.sent(to: lonely.near)])
    }
}
