// DirectReadTests.swift - threads that wait for messages of one descriptor: one has claimed it, and the others wait until that is over, or
// until there is nothing to wait for; whoever has the descriptor meanwhile.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Direct read, several threads") struct DirectReadTests {
    let wire: Wire
    /// A number that no other test gets.
    let near: End

    init() throws {
        wire = try Wire()
        near = try wire.near.moved()
    }

    /// Until it is so.
    private func until(_ isSo: (StreamReference) -> Bool) throws {
        let deadline = Deadline(milliseconds: 60_000)
        while true {
            let owner = DescriptorTable.owner(of: near.number)
            if owner.locked({ DescriptorTable.stream(of: near.number, owner).map(isSo) ?? false }) { return }
            try #require(deadline.remaining > 0)
            sched_yield()
        }
    }

    private final class Found { var frame: Frame? }

    /// Runs `body` while one thread reads and another one waits for it. Returns what each was given; nil: an error.
    private func withReaders(_ body: () throws -> Void) throws -> [Frame?] {
        let number = near.number
        let second = Found()
        let first = try withPeer(doing: { try? Call.read(number) }, stop: {}) {
            try until { $0.pointee.readClaim.isHeld }
            second.frame = try withPeer(doing: { try? Call.read(number) }, stop: { shutdown(wire.far.number, Int32(SHUT_RDWR)) }) {
                try until { $0.pointee.readClaim.isAwaited }
                try body()
                // A descriptor that is closed under the readers ends their wait; otherwise there is one message for each.
                if !wire.far.isAlone { try wire.far.write(Frame("one"), Frame("two")) }
            }
        }
        return [first, second.frame]
    }

    @Test("A message is given to the thread that came first, and the next one to the one that waited for it")
    func inOrder() throws {
        let given = try withReaders {}
        #expect(given == [Frame("one"), Frame("two")])
        #expect(DescriptorTable.left(near.number) == nil)
    }

    @Test("Two threads that read at once are given half of the messages each, in order")
    func twoReaders() throws {
        let (number, far) = (near.number, wire.far)
        let frames = (0..<200).map { Frame("message \($0)") }
        let there = try withPeer(
            doing: { try (0..<100).map { _ in try Call.read(number) } }, stop: { shutdown(far.number, Int32(SHUT_RDWR)) },
            {
                try far.write(frames.flatMap(\.bytes))
                let here = try (0..<100).map { _ in try Call.read(number) }
                #expect(here == frames.filter { here.contains($0) })
            })
        #expect(there == frames.filter { there.contains($0) })
        #expect(DescriptorTable.left(near.number) == nil)
    }

    // MARK: Whoever has the descriptor

    enum Way: CaseIterable { case deleted, freed }

    @Test("A context that has it and lets it go keeps nobody waiting", arguments: Way.allCases)
    func letGo(way: Way) throws {
        let program = Program()
        try program.add(near)
        let given = try withReaders {
            switch way {
            case .deleted: try program.delete(near)
            case .freed: program.free()
            }
        }
        #expect(given == [Frame("one"), Frame("two")])
        #expect(DescriptorTable.left(near.number) == nil)
    }

    @Test("A descriptor that is closed ends the waits of all, whether a context has it or not", arguments: [false, true])
    func closed(isInContext: Bool) throws {
        let program = Program()
        if isInContext { try program.add(near) }
        let given = try withReaders { if isInContext { try program.close(near) } else { try Call.close(near.number) } }
        #expect(given == [nil, nil])
        #expect(!near.isOpen)
    }

    @Test("What a reader leaves is told by the context that has the descriptor now")
    func leftForContext() throws {
        let (program, number) = (Program(), near.number)
        let first = try withPeer(doing: { try Call.read(number) }, stop: { shutdown(wire.far.number, Int32(SHUT_WR)) }) {
            try until { $0.pointee.readClaim.isHeld }
            try program.add(near)
            try wire.far.write(Frame("one"), Frame("two"))
        }
        #expect(first == Frame("one"))
        #expect(try program.next() == Frame("two"))
    }

    @Test(
        "A context that takes the descriptor over keeps nobody waiting", arguments: [IPC_CONNECTION_TYPE_IPC, IPC_CONNECTION_TYPE_EXTERNAL])
    func takenOver(type: ipc_connection_type) throws {
        let program = Program()
        let given = try withReaders { try program.add(near, type) }
        #expect(given == [Frame("one"), Frame("two")])
    }

    @Test("A descriptor that is added again is read by the call that was reading it")
    func addedAgain() throws {
        let test = try TestContext()
        try test.add(near)
        try test.stream(of: near).pointee.readClaim = .another()
        try test.context.pointee.add(near.number, .ipc)
        try wire.far.write(Frame("for the call"))
        #expect(try test.all() == [])
        try test.stream(of: near).pointee.readClaim.end()
    }

    // MARK: One thread

    @Test("A program's own descriptor is read exactly, though it is in a context: what follows stays in the kernel")
    func exactly() throws {
        let program = Program()
        try program.add(near, IPC_CONNECTION_TYPE_EXTERNAL)
        try wire.far.write(Frame("one"), Frame("two"))
        #expect(try Call.read(near.number) == Frame("one"))
        #expect(near.read() == Frame("two").bytes)
    }

    @Test("A call whose time is up leaves the part of a message that came, for the next one", arguments: [false, true])
    func timeLimit(isInContext: Bool) throws {
        let program = Program()
        if isInContext { try program.add(near) }
        near.limitTime(SO_RCVTIMEO)
        let frame = Frame(pattern(2000))
        try wire.far.write(Array(frame.bytes.prefix(1000)))
        for _ in 1...2 {
            let error = #expect(throws: CallError.self) { try Call.read(near.number) }
            #expect(error?.code == IPC_ERROR_USOCK_RECV.rawValue)
            #expect(error?.text.hasSuffix("Resource temporarily unavailable") == true)
        }
        try wire.far.write(Array(frame.bytes.dropFirst(1000)))
        #expect(try Call.read(near.number) == frame)
    }

    @Test("While another call has the descriptor who must not wait, or not for long, is told to try again", arguments: [false, true])
    func claimed(blocks: Bool) throws {
        let wire = try Wire(blocks: blocks)
        let near = try wire.near.moved()
        if blocks { near.limitTime(SO_RCVTIMEO) }
        let stream = try withStray(near.number) { stream in
            stream.pointee.readClaim = try .another()
            return stream
        }
        try wire.far.write(Frame("for the other call"))
        for _ in 1...2 {
            let error = #expect(throws: CallError.self) { try Call.read(near.number) }
            #expect(error?.code == IPC_ERROR_USOCK_RECV.rawValue)
            #expect(error?.text.hasSuffix("Resource temporarily unavailable") == true)
        }
        try withStray(near.number) {
            #expect($0 == stream)
            $0.pointee.readClaim.end()
        }
        #expect(try Call.read(near.number) == Frame("for the other call"))
        #expect(DescriptorTable.left(near.number) == nil)
    }
}
