// DescriptorTableClaimTests.swift - a call that has claimed a direction goes on, whoever takes or leaves the descriptor meanwhile; and a
// descriptor that is closed under it is closed when it is over.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("DescriptorTable, claims") struct DescriptorTableClaimTests {
    let test: TestContext
    let wire: Wire
    /// A number that no other test gets.
    let end: End

    init() throws {
        test = try TestContext()
        wire = try Wire()
        end = try wire.near.moved()
    }

    private func adopt(_ number: Int32) throws -> StreamReference {
        try test.monitor.locked { () throws(IPCError) in try DescriptorTable.adopt(number, by: test.monitor, test.context) }
    }

    /// A stream in no context that a call of another thread reads.
    private func claimed() throws -> StreamReference {
        try withStray(end.number) { stream in
            stream.pointee.readClaim = try .another()
            return stream
        }
    }

    /// The call that has claimed the stream is over, wherever the stream is by now.
    private func endClaim(_ stream: StreamReference) {
        stream.pointee.owner.locked {
            stream.pointee.readClaim.end()
            DescriptorTable.freeIfUnneeded(stream)
        }
    }

    @Test("Who reads a descriptor goes on: while calls come and go, when a context takes it over, and when that leaves it")
    func goesOn() throws {
        let stream = try claimed()
        try withStray(end.number) { #expect($0 == stream) }
        #expect(DescriptorTable.left(end.number) == stream)
        #expect(try adopt(end.number) == stream)
        #expect(stream.pointee.readClaim.isHeldByOther)
        test.monitor.locked { DescriptorTable.release(stream) }
        #expect(DescriptorTable.left(end.number) == stream)
        #expect(stream.pointee.readClaim.isHeldByOther)
        endClaim(stream)
        #expect(libipc_owner(end.number) == nil)
    }

    @Test("A context that takes over a descriptor that is being read waits for the call's end before it reads")
    func inContext() throws {
        try wire.far.write(Frame("left"))
        let stream = try claimed()
        try test.add(end)
        #expect(try test.all() == [])
        try wire.far.write(Frame("and more"))
        #expect(try test.all() == [])
        stream.pointee.readClaim.end()
        test.context.pointee.restoreTurn(try test.connection(of: end))
        #expect(try test.all() == [.message(Frame("left"), from: end), .message(Frame("and more"), from: end)])
    }

    @Test("A context that goes, or deletes the entry, leaves the call", arguments: [false, true])
    func ofContext(isDeleted: Bool) throws {
        let stream: StreamReference
        do {
            let other = try TestContext()
            try other.context.pointee.add(end.number, .ipc)
            let connection = try other.connection(of: end)
            stream = try other.stream(of: end)
            stream.pointee.readClaim = try .another()
            if isDeleted { other.context.pointee.delete(connection) }
        }
        #expect(DescriptorTable.left(end.number) == stream)
        endClaim(stream)
        #expect(libipc_owner(end.number) == nil)
    }

    @Test(
        "A number that means another file by now is not claimed by who reads the first one; that one goes with its call",
        arguments: [false, true])
    func anotherFile(isCall: Bool) throws {
        let stream = try claimed()
        try wire.far.write(Frame("held"))
        var pool = BufferPool()
        #expect(try stream.pointee.inbox.receive(from: end.descriptor, into: &pool) == .message)
        stream.pointee.identify()
        let other = try Wire().near.replacing(end)
        if isCall {
            try withStray(other.number) {
                #expect($0 != stream)
                #expect($0.pointee.isClaimed == false)
            }
        } else {
            let adopted = try adopt(other.number)
            #expect(adopted != stream)
            #expect(adopted.pointee.isClaimed == false)
            test.monitor.locked { DescriptorTable.discard(adopted) }
        }
        #expect(stream.pointee.isInTable == false)
        #expect(stream.pointee.readClaim.isHeldByOther)
        endClaim(stream)
        #expect(other.isOpen)
    }

    // MARK: Closing

    @Test("A descriptor in no context that nobody is using is to be closed at once, and nothing of it is kept", arguments: [false, true])
    func unused(isLeft: Bool) throws {
        if isLeft { try leave(Frame("for nobody"), for: end) }
        #expect(DescriptorTable.endUse(ofStray: end.number))
        #expect(!wire.far.isAlone)
        #expect(end.isOpen)
        #expect(libipc_owner(end.number) == nil)
    }

    @Test("A descriptor that another thread reads, or writes, is shut down, and closed when that call is over", arguments: [false, true])
    func used(isRead: Bool) throws {
        let stream = try withStray(end.number) { stream in
            if isRead { stream.pointee.readClaim = try .another() } else { stream.pointee.writeClaim = try .another() }
            return stream
        }
        #expect(!DescriptorTable.endUse(ofStray: end.number))
        #expect(wire.far.isAlone)
        #expect(end.isOpen)
        #expect(stream.pointee.isClosedAtEnd == true)
        // Meanwhile the number is as good as closed.
        let error = #expect(throws: CallError.self) { try Call.write(Frame("no"), to: end.number) }
        #expect(error?.text.hasSuffix("Bad file descriptor") == true)
        stream.pointee.owner.locked {
            stream.pointee.readClaim.end()
            stream.pointee.writeClaim.end()
            DescriptorTable.freeIfUnneeded(stream)
        }
        #expect(!end.isOpen)
        #expect(libipc_owner(end.number) == nil)
    }

    @Test("A call of this thread, which a signal handler has interrupted, does not keep the descriptor open")
    func ownCall() throws {
        let stream = try withStray(end.number) { stream in
            stream.pointee.readClaim.begin()
            return stream
        }
        #expect(DescriptorTable.endUse(ofStray: end.number))
        #expect(wire.far.isAlone)
        #expect(stream.pointee.isInTable == false)
        #expect(libipc_owner(end.number) == nil)
        endClaim(stream)
        #expect(end.isOpen)
    }

    @Test("What belongs to a context is closed for the program, which is told so by the context")
    func ofContextClosed() throws {
        try test.add(end)
        #expect(DescriptorTable.endUse(ofStray: end.number))
        #expect(try DescriptorTable.stream(of: end.number, test.monitor) == test.stream(of: end))
    }

    @Test("A context that closes a descriptor that another thread reads leaves it to that call", arguments: [false, true])
    func closedByContext(isRemoved: Bool) throws {
        try test.add(end)
        let (connection, stream) = (try test.connection(of: end), try test.stream(of: end))
        stream.pointee.readClaim = try .another()
        if isRemoved { test.context.pointee.remove(connection, .closed) } else { try test.context.pointee.closeDescriptor(connection) }
        #expect(wire.far.isAlone)
        #expect(end.isOpen)
        endClaim(stream)
        #expect(!end.isOpen)
    }
}
