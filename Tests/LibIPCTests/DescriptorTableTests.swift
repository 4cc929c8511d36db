// DescriptorTableTests.swift - what a context or a call leaves behind is found by the next one, unless the number means something else by
// then.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("DescriptorTable") struct DescriptorTableTests {
    /// Lends its lock to streams that it does not know.
    let test: TestContext

    init() throws { test = try TestContext() }

    /// As a context does that adds the number.
    private func adopt(_ number: Int32) throws -> StreamReference {
        try test.monitor.locked { () throws(IPCError) in try DescriptorTable.adopt(number, by: test.monitor, test.context) }
    }

    /// As a context does that gives the number up.
    private func release(_ stream: StreamReference) { test.monitor.locked { DescriptorTable.release(stream) } }
    private func discard(_ stream: StreamReference) { test.monitor.locked { DescriptorTable.discard(stream) } }

    /// A descriptor of which a context has received two frames and told one: the other is left.
    private func leaveFrame(_ frame: Frame, claim: Claim = Claim()) throws -> (end: End, far: End) {
        let wire = try Wire()
        let end = try wire.near.moved()
        try wire.far.write(Frame("taken"), frame)
        let stream = try adopt(end.number)
        var pool = BufferPool()
        try stream.pointee.inbox.waitForFrame(from: end.descriptor, &pool, .all) { _ in .nothing }
        #expect(stream.pointee.inbox.takeFrame() == Frame("taken"))
        stream.pointee.readClaim = claim
        release(stream)
        return (end, wire.far)
    }

    /// What the next context has of it.
    private func takeFrame(_ number: Int32) throws -> Frame? {
        let stream = try adopt(number)
        defer { discard(stream) }
        var pool = BufferPool()
        return try stream.pointee.inbox.parse(&pool) ? stream.pointee.inbox.takeFrame() : nil
    }

    // MARK: What is left

    @Test("What a context leaves is found once")
    func left() throws {
        let (end, _) = try leaveFrame(Frame("left"))
        #expect(DescriptorTable.owner(of: end.number) == DescriptorTable.stripe(of: end.number))
        let left = try #require(DescriptorTable.left(end.number))
        #expect(left.pointee.connection == nil)
        #expect(left.pointee.owner == DescriptorTable.stripe(of: end.number))
        #expect(try takeFrame(end.number) == Frame("left"))
        #expect(DescriptorTable.left(end.number) == nil)
        #expect(try takeFrame(end.number) == nil)
    }

    @Test("A stream moves as it is from a context to the next one")
    func moves() throws {
        let (end, _) = try leaveFrame(Frame("left"))
        let left = DescriptorTable.left(end.number)
        let stream = try adopt(end.number)
        #expect(stream == left)
        #expect(stream.pointee.owner == test.monitor)
        #expect(stream.pointee.connection == UnsafeMutableRawPointer(test.context))
        #expect(DescriptorTable.stream(of: end.number, test.monitor) == stream)
        #expect(DescriptorTable.left(end.number) == nil)
        discard(stream)
        #expect(libipc_owner(end.number) == nil)
    }

    @Test("The rest of a frame that was sent in part is left, too")
    func outgoing() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        let stream = try adopt(end.number)
        stream.pointee.outbox.append(try Frame("begun").outbound(), sent: 8)
        release(stream)
        #expect(DescriptorTable.left(end.number) == stream)
        try withStray(end.number) {
            let isAll = try $0.pointee.outbox.send(to: end.descriptor)
            #expect(isAll)
        }
        #expect(DescriptorTable.left(end.number) == nil)
        #expect(wire.far.read() == Array(Frame("begun").bytes.dropFirst(8)))
    }

    @Test("A stream that holds nothing leaves nothing")
    func nothing() throws {
        let end = try Wire().near.moved()
        release(try adopt(end.number))
        #expect(libipc_owner(end.number) == nil)
    }

    @Test("What was left for another file of this number is gone", arguments: [false, true])
    func anotherFile(isCall: Bool) throws {
        let (end, _) = try leaveFrame(Frame("for another"))
        let other = try Wire().near.replacing(end)
        if isCall {
            try withStray(other.number) { #expect($0.pointee.isEmpty == true) }
        } else {
            #expect(try takeFrame(other.number) == nil)
        }
        #expect(DescriptorTable.left(other.number) == nil)
    }

    @Test("What was left goes with the descriptor that the library closes")
    func closed() throws {
        let (end, far) = try leaveFrame(Frame("closed"))
        try Call.close(end.number)
        #expect(DescriptorTable.left(end.number) == nil)
        #expect(far.isAlone)
    }

    @Test("A descriptor that waits in what was left is closed with it")
    func passedDescriptor() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        let pipe = try Wire(.pipe)
        try wire.far.write([1, 2, 3], passing: [pipe.far.number])
        pipe.far.close()
        let stream = try adopt(end.number)
        var pool = BufferPool()
        #expect(try stream.pointee.inbox.receive(from: end.descriptor, into: &pool) == .bytes)
        release(stream)
        #expect(!pipe.near.isAlone)
        try Call.close(end.number)
        #expect(pipe.near.isAlone)
    }

    // MARK: Whose a descriptor is

    @Test(
        "Of two contexts that have one descriptor the last has it, and the first is not in its way when it goes", arguments: [false, true])
    func twoContexts(isDiscarded: Bool) throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        try test.add(end)
        do {
            let other = try TestContext()
            try other.context.pointee.add(end.number, .ipc)
            #expect(DescriptorTable.owner(of: end.number) == other.monitor)
            #expect(DescriptorTable.stream(of: end.number, test.monitor) == nil)
            test.context.pointee.remove(try test.connection(of: end), isDiscarded ? .discarded : .released)
            #expect(try DescriptorTable.stream(of: end.number, other.monitor) == other.stream(of: end))
            try wire.far.write(Frame("one"), Frame("two"))
            #expect(try other.next() == .message(Frame("one"), from: end))
        }
        #expect(try takeFrame(end.number) == Frame("two"))
    }

    @Test("What the first of two contexts holds of a descriptor goes with it")
    func coveredByContext() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        let former = try adopt(end.number)
        try wire.far.write(Frame("former's"))
        var pool = BufferPool()
        #expect(try former.pointee.inbox.receive(from: end.descriptor, into: &pool) == .message)
        let other = try TestContext()
        try other.context.pointee.add(end.number, .ipc)
        release(former)
        #expect(DescriptorTable.owner(of: end.number) == other.monitor)
        #expect(try other.all() == [])
    }

    @Test("Numbers that are in no table are nobody's, and their streams come and go", arguments: [-1, .min, 1 << 20, .max] as [Int32])
    func outOfRange(number: Int32) throws {
        #expect(DescriptorTable.left(number) == nil)
        let stream = try adopt(number)
        #expect(stream.pointee.isInTable == false)
        #expect(DescriptorTable.stream(of: number, test.monitor) == nil)
        #expect(DescriptorTable.owner(of: number) == DescriptorTable.stripe(of: number))
        stream.pointee.outbox.append(try Frame("held").outbound())
        release(stream)
        #expect(DescriptorTable.left(number) == nil)
        try withStray(number) { $0.pointee.outbox.append(try Frame("held").outbound()) }
        #expect(DescriptorTable.left(number) == nil)
    }

    // MARK: Calls

    @Test("A call finds what the one before it left, and leaves what it cannot hand on; nothing is kept for nothing")
    func calls() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        try withStray(end.number) { _ in }
        #expect(DescriptorTable.left(end.number) == nil)
        try wire.far.write(Frame("one"), Frame("two"))
        var pool = BufferPool()
        let known = try withStray(end.number) { stream in
            try stream.pointee.inbox.waitForFrame(from: end.descriptor, &pool, .all) { _ in .nothing }
            #expect(stream.pointee.inbox.takeFrame() == Frame("one"))
            return stream
        }
        #expect(DescriptorTable.left(end.number) == known)
        try withStray(end.number) { stream in
            #expect(stream == known)
            let isWhole = try stream.pointee.inbox.parse(&pool)
            #expect(isWhole)
            #expect(stream.pointee.inbox.takeFrame() == Frame("two"))
        }
        #expect(DescriptorTable.left(end.number) == nil)
    }

    @Test("Frames that a call has sent are freed when it is over")
    func sent() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        try withStray(end.number) { stream in
            stream.pointee.outbox.append(try Frame("sent").outbound())
            let isAll = try stream.pointee.outbox.send(to: end.descriptor)
            #expect(isAll)
        }
        #expect(DescriptorTable.left(end.number) == nil)
        #expect(wire.far.read() == Frame("sent").bytes)
    }
}
