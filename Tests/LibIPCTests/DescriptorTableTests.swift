// RegistryTests.swift - what a context or a call leaves behind is found by the next one, unless the number means something else by
// then; and who reads it goes on.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("DescriptorTable") struct RegistryTests {
    /// Lends its lock to connections that it does not know.
    let test: TestContext

    init() throws { test = try TestContext() }

    /// Runs `body` with a connection that is in no table; it is freed afterwards.
    private func withConnection<Result>(_ number: Int32, _ body: (ConnectionReference) throws -> Result) throws -> Result {
        let connection = try Connection.make(Connection(Channel(number), owner: test.monitor))
        defer { Connection.destroy(connection) }
        return try body(connection)
    }

    private func found(_ number: Int32) -> ConnectionReference? { DescriptorTable[number, DescriptorTable.stripe(of: number)] }

    /// A descriptor of which two frames were received and one taken: the other is left.
    private func leaveFrame(_ frame: Frame, reader: Reader = .none) throws -> (end: End, far: End) {
        let wire = try Wire()
        let end = try wire.near.moved()
        try wire.far.write(Frame("taken"), frame)
        try withConnection(end.number) { connection in
            var pool = BufferPool()
            try connection.pointee.channel.inbox.waitForFrame(from: end.descriptor, &pool, .all) { false }
            #expect(connection.pointee.channel.inbox.takeFrame() == Frame("taken"))
            DescriptorTable.register(connection)
            connection.pointee.reader = reader
            DescriptorTable.leave(connection)
            #expect(connection.pointee.channel.isEmpty == true)
        }
        return (end, wire.far)
    }

    private func takeFrame(_ number: Int32) throws -> Frame? {
        try withConnection(number) { taker in
            DescriptorTable.take(taker)
            defer { DescriptorTable.unregister(taker) }
            var pool = BufferPool()
            return try taker.pointee.channel.inbox.settle(&pool) ? taker.pointee.channel.inbox.takeFrame() : nil
        }
    }

    @Test("What is left is found once")
    func left() throws {
        let (end, _) = try leaveFrame(Frame("left"))
        #expect(DescriptorTable.owner(of: end.number) == DescriptorTable.stripe(of: end.number))
        #expect(found(end.number) != nil)
        #expect(try takeFrame(end.number) == Frame("left"))
        #expect(found(end.number) == nil)
        #expect(try takeFrame(end.number) == nil)
    }

    @Test("A channel that holds nothing leaves nothing")
    func nothing() throws {
        let end = try Wire().near.moved()
        try withConnection(end.number) {
            DescriptorTable.register($0)
            DescriptorTable.leave($0)
        }
        #expect(found(end.number) == nil)
        #expect(libipc_owner(end.number) == nil)
    }

    @Test("What was left for another file of this number is gone")
    func anotherFile() throws {
        let (end, _) = try leaveFrame(Frame("for another"))
        let other = try Wire().near.replacing(end)
        #expect(try takeFrame(other.number) == nil)
        #expect(found(other.number) == nil)
    }

    @Test("What was left goes with the descriptor that the library closes")
    func closed() throws {
        let (end, far) = try leaveFrame(Frame("closed"))
        try Socket.close(end.number)
        #expect(found(end.number) == nil)
        #expect(far.isAlone)
    }

    @Test("A descriptor that waits in what was left is closed with it")
    func passedDescriptor() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        let pipe = try Wire(.pipe)
        try wire.far.write([1, 2, 3], passing: [pipe.far.number])
        pipe.far.close()
        try withConnection(end.number) { connection in
            var pool = BufferPool()
            let arrival = try connection.pointee.channel.inbox.receive(from: end.descriptor, into: &pool)
            #expect(arrival == .bytes)
            DescriptorTable.register(connection)
            DescriptorTable.leave(connection)
        }
        #expect(!pipe.near.isAlone)
        try Socket.close(end.number)
        #expect(pipe.near.isAlone)
    }

    // MARK: Whose a descriptor is

    @Test("What belongs to a context is not given away, nor covered by what another one leaves")
    func contexts() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        let other = try TestContext()
        try other.add(end)
        let connection = try other.connection(of: end)
        #expect(DescriptorTable.owner(of: end.number) == other.monitor)
        #expect(DescriptorTable[end.number, test.monitor] == nil)
        try wire.far.write([1, 2, 3])
        try withConnection(end.number) { former in
            var pool = BufferPool()
            let arrival = try former.pointee.channel.inbox.receive(from: end.descriptor, into: &pool)
            #expect(arrival == .bytes)
            DescriptorTable.leave(former)
            DescriptorTable.unregister(former)
        }
        #expect(DescriptorTable[end.number, other.monitor] == connection)
        DescriptorTable.unregister(connection)
        #expect(DescriptorTable.owner(of: end.number) == DescriptorTable.stripe(of: end.number))
    }

    @Test("Of two contexts that have one descriptor the last has it, and the first is not in its way when it goes")
    func twoContexts() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        try test.add(end)
        do {
            let other = try TestContext()
            try other.context.pointee.add(end.number, .ipc)
            #expect(DescriptorTable.owner(of: end.number) == other.monitor)
            test.context.pointee.remove(try test.connection(of: end), keeping: true)
            #expect(DescriptorTable.owner(of: end.number) == other.monitor)
            try wire.far.write(Frame("one"), Frame("two"))
            #expect(try other.next() == .message(Frame("one"), from: end))
        }
        #expect(try takeFrame(end.number) == Frame("two"))
    }

    @Test("Numbers that no descriptor can have are nobody's", arguments: [-1, .min, 1 << 20, .max] as [Int32])
    func outOfRange(number: Int32) throws {
        try withConnection(number) { connection in
            #expect(found(number) == nil)
            DescriptorTable.register(connection)
            #expect(DescriptorTable[number, test.monitor] == nil)
            #expect(DescriptorTable.owner(of: number) == DescriptorTable.stripe(of: number))
            DescriptorTable.unregister(connection)
        }
    }

    // MARK: Calls

    @Test("A call finds what the one before it left, and leaves what it cannot hand on; nothing is kept for nothing")
    func calls() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        try withLoose(end.number) { _ in }
        #expect(found(end.number) == nil)
        try wire.far.write(Frame("one"), Frame("two"))
        var pool = BufferPool()
        let known = try withLoose(end.number) { connection in
            try connection.pointee.channel.inbox.waitForFrame(from: end.descriptor, &pool, .all) { false }
            #expect(connection.pointee.channel.inbox.takeFrame() == Frame("one"))
            return connection
        }
        #expect(found(end.number) == known)
        try withLoose(end.number) { connection in
            #expect(connection == known)
            let isWhole = try connection.pointee.channel.inbox.settle(&pool)
            #expect(isWhole)
            #expect(connection.pointee.channel.inbox.takeFrame() == Frame("two"))
        }
        #expect(found(end.number) == nil)
    }

    @Test("A call for another file of this number begins anew")
    func callsAnotherFile() throws {
        let (end, _) = try leaveFrame(Frame("for another"))
        let other = try Wire().near.replacing(end)
        try withLoose(other.number) { #expect($0.pointee.channel.isEmpty == true) }
        #expect(found(other.number) == nil)
    }

    // MARK: Readers

    @Test("Nobody reads, or this thread does, or another one")
    func readers() throws {
        let another = try Reader.another()
        #expect([Reader.none, .this, another].map(\.isThere) == [false, true, true])
        #expect([Reader.none, .this, another].map(\.isAnother) == [false, false, true])
        #expect(another != .this)
    }

    @Test("Who reads a descriptor goes on: when a context leaves it, while calls come and go, and when a context takes it over")
    func reader() throws {
        let (end, reader) = (try Wire().near.moved(), try Reader.another())
        try withConnection(end.number) { connection in
            DescriptorTable.register(connection)
            connection.pointee.reader = reader
            DescriptorTable.leave(connection)
        }
        try withLoose(end.number) { #expect($0.pointee.reader == reader) }
        #expect(found(end.number) != nil)
        try withConnection(end.number) { taker in
            DescriptorTable.take(taker)
            #expect(taker.pointee.reader == reader)
            DescriptorTable.unregister(taker)
        }
        #expect(found(end.number) == nil)
        try withConnection(end.number) { taker in
            DescriptorTable.take(taker)
            #expect(taker.pointee.reader == .none)
            DescriptorTable.unregister(taker)
        }
    }

    @Test("A context that takes over a descriptor that is being read waits for the reader's end before it reads")
    func readerInContext() throws {
        let (end, far) = try leaveFrame(Frame("left"), reader: try .another())
        try test.add(end)
        #expect(try test.all() == [])
        try far.write(Frame("and more"))
        #expect(try test.all() == [])
        let connection = try test.connection(of: end)
        connection.pointee.reader = .none
        test.context.pointee.takeDeferredTurn(connection)
        #expect(try test.all() == [.message(Frame("left"), from: end), .message(Frame("and more"), from: end)])
    }

    @Test("A context that goes, or deletes the entry, leaves the reader", arguments: [false, true])
    func readerOfContext(isDeleted: Bool) throws {
        let (end, reader) = (try Wire().near.moved(), try Reader.another())
        do {
            let other = try TestContext()
            try other.context.pointee.add(end.number, .ipc)
            let connection = try other.connection(of: end)
            connection.pointee.reader = reader
            if isDeleted { other.context.pointee.remove(connection, keeping: true) }
        }
        try withLoose(end.number) { connection in
            #expect(connection.pointee.reader == reader)
            connection.pointee.reader = .none
        }
        #expect(found(end.number) == nil)
    }

    @Test("A number that means another file by now is not read by who reads the first")
    func readerOfAnotherFile() throws {
        let (end, _) = try leaveFrame(Frame("for another"), reader: try .another())
        let other = try Wire().near.replacing(end)
        try withConnection(other.number) { taker in
            DescriptorTable.take(taker)
            #expect(taker.pointee.reader == .none)
            DescriptorTable.unregister(taker)
        }
    }

    @Test("A descriptor that is being read, or written, is shut down before it is closed: who waits for it sees that")
    func awaited() throws {
        let wires = try (0..<3).map { _ in try Wire() }
        let ends = try wires.map { try $0.near.moved() }
        let lender = try Sender()
        try withLoose(ends[0].number) { $0.pointee.reader = try .another() }
        let lent = try lender.lend(Frame("lent"))
        #expect(lender.outbox.takeBack(lent, keeping: false) == .whole)
        try withLoose(ends[1].number) { connection in
            connection.pointee.channel.outbox.append(lent)
        }
        try leave(Frame("for nobody"), for: ends[2])
        for end in ends { DescriptorTable.forget(end.number) }
        #expect(wires.map(\.far.isAlone) == [true, true, false])
        #expect(lent.pointee.fate == .dropped)
        for end in ends {
            #expect(end.isOpen)
            #expect(found(end.number) == nil)
        }
    }
}
