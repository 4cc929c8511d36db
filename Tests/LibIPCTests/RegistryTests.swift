// RegistryTests.swift - what a call without a context leaves behind is found by the next one, unless the number means something
// else by then.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Registry") struct RegistryTests {
    /// A descriptor of which two frames were received and one taken: the other is left.
    private func leaveFrame(_ frame: Frame) throws -> (end: End, far: End) {
        let wire = try Wire()
        let end = try wire.near.moved()
        try wire.far.write(Frame("taken"), frame)
        var channel = Channel(end.number)
        var scratch = Scratch()
        try channel.waitForFrame(&scratch, .all)
        #expect(channel.inbox.takeFrame() == Frame("taken"))
        Registry.leave(&channel)
        #expect(channel.isEmpty == true)
        return (end, wire.far)
    }

    private func takeFrame(_ number: Int32) throws -> Frame? {
        var channel = Registry.takeLoose(number)
        var scratch = Scratch()
        return try channel.inbox.settle(&scratch) ? channel.inbox.takeFrame() : nil
    }

    @Test("What is left is found once")
    func left() throws {
        let (end, _) = try leaveFrame(Frame("left"))
        #expect(Registry[end.number]?.pointee.context == nil)
        #expect(try takeFrame(end.number) == Frame("left"))
        #expect(Registry[end.number] == nil)
        #expect(try takeFrame(end.number) == nil)
    }

    @Test("A channel that holds nothing leaves nothing")
    func nothing() throws {
        let end = try Wire().near.moved()
        var channel = Channel(end.number)
        Registry.leave(&channel)
        #expect(Registry[end.number] == nil)
    }

    @Test("What was left for another file of this number is gone")
    func anotherFile() throws {
        let (end, _) = try leaveFrame(Frame("for another"))
        let other = try Wire().near.replacing(end)
        #expect(try takeFrame(other.number) == nil)
        #expect(Registry[other.number] == nil)
    }

    @Test("What was left goes with the descriptor that the library closes")
    func closed() throws {
        let (end, far) = try leaveFrame(Frame("closed"))
        try Socket.close(end.number)
        #expect(Registry[end.number] == nil)
        #expect(far.isAlone)
    }

    @Test("A descriptor that waits in what was left is closed with it")
    func passedDescriptor() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        let pipe = try Wire(.pipe)
        try wire.far.write([1, 2, 3], passing: [pipe.far.number])
        pipe.far.close()
        var channel = Channel(end.number)
        var scratch = Scratch()
        #expect(try channel.inbox.receive(from: end.descriptor, into: &scratch) == .bytes)
        Registry.leave(&channel)
        #expect(!pipe.near.isAlone)
        try Socket.close(end.number)
        #expect(pipe.near.isAlone)
    }

    @Test("What belongs to a context is not given away")
    func contexts() throws {
        let end = try Wire().near.moved()
        var owner = 0
        try withUnsafeMutablePointer(to: &owner) { address in
            let connection = try Connection.make(Connection(Channel(end.number), context: address))
            defer { Connection.destroy(connection) }
            Registry[end.number] = connection
            #expect(try takeFrame(end.number) == nil)
            #expect(Registry[end.number] == connection)
            Registry[end.number] = nil
        }
    }

    @Test("Numbers that no descriptor can have are nobody's")
    func outOfRange() throws {
        let connection = try Connection.make(Connection(Channel(-1)))
        defer { Connection.destroy(connection) }
        for number in [-1, .min, 1 << 20, .max] as [Int32] {
            #expect(Registry[number] == nil)
            Registry[number] = connection
            #expect(Registry[number] == nil)
        }
    }
}
