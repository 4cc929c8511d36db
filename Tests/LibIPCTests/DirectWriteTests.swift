// DirectWriteTests.swift - a call that sends one frame and finds no room: it takes along what is queued, and leaves what it must.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Direct write") struct DirectWriteTests {
    let test: TestContext
    let wire: Wire
    /// A number that no other test gets.
    let near: End

    init() throws {
        test = try TestContext()
        wire = try Wire()
        wire.near.shrinkSendBuffer()
        near = try wire.near.moved()
    }

    private static func send(_ frame: Frame, to number: Int32) throws {
        try frame.payload.withUnsafeBytes {
            try DirectWrite<ListView>.send(frame.header, UnsafeMutableRawPointer(mutating: $0.baseAddress), to: number)
        }
    }

    private var far: Int32 { wire.far.number }
    private let large = Frame(pattern(200_000))

    /// Runs `body` while another thread sends, for want of room with a claim. Returns what the peer has read then.
    private func whileWriting(_ frame: Frame, _ count: Int, _ body: () throws -> Void) throws -> [UInt8] {
        let (number, far) = (near.number, far)
        var bytes: [UInt8] = []
        try withPeer(
            doing: { try DirectWriteTests.send(frame, to: number) },
            stop: { if bytes.isEmpty { shutdown(far, Int32(SHUT_RDWR)) } },
            {
                let deadline = Deadline(milliseconds: 60_000)
                while true {
                    let owner = DescriptorTable.owner(of: number)
                    if owner.locked({ DescriptorTable.stream(of: number, owner)?.pointee.writeClaim.isHeld ?? false }) { break }
                    try #require(deadline.remaining > 0)
                    sched_yield()
                }
                try body()
                bytes = End.read(count, from: far)
            })
        return bytes
    }

    // MARK: What a context has queued

    @Test("What a context has queued goes first, and is reported")
    func queuedBefore() throws {
        try test.add(near)
        let frames = [Frame(pattern(100_000, seed: 2)), Frame("told")]
        for frame in frames { try test.write(frame, to: near) }
        let all = (frames + [large]).flatMap(\.bytes)
        let isSame = try whileWriting(large, all.count, {}) == all
        #expect(isSame)
        #expect(try test.all() == [.sent(to: near), .sent(to: near)])
        #expect(test.queued == [])
    }

    @Test("What is queued while a call waits goes behind its frame, with the next event")
    func queuedMeanwhile() throws {
        try test.add(near)
        let bytes = try whileWriting(large, large.bytes.count) {
            try test.locked { for text in ["one", "two"] { try test.write(Frame(text), to: near) } }
            #expect(test.queued == [Frame("one"), Frame("two")])
            #expect(try test.all() == [])
        }
        let isSame = bytes == large.bytes
        #expect(isSame)
        #expect(try test.all() == [.sent(to: near), .sent(to: near)])
        #expect(wire.far.read() == Frame("one").bytes + Frame("two").bytes)
    }

    enum Way: CaseIterable { case deleted, dissolved }

    @Test("An entry that goes while a call has its frames gives them up: they are sent, and nobody is told", arguments: Way.allCases)
    func entryGoes(way: Way) throws {
        try test.add(near)
        try test.write(Frame("told to nobody"), to: near)
        try test.write(Frame(pattern(100_000, seed: 2)), to: near)
        let all = Frame("told to nobody").bytes + Frame(pattern(100_000, seed: 2)).bytes + large.bytes
        let bytes = try whileWriting(large, all.count) {
            try test.locked {
                if way == .dissolved { return test.context.pointee.dissolve() }
                test.context.pointee.delete(try test.connection(of: near))
                #expect(test.queued == [])
            }
        }
        let isSame = bytes == all
        #expect(isSame)
        #expect(near.isOpen)
        #expect(DescriptorTable.left(near.number) == nil)
    }

    @Test("A descriptor that is closed while a call waits ends that call, and is closed with it")
    func closed() throws {
        try test.add(near)
        let (number, far) = (near.number, far)
        let failed = try withPeer(
            doing: {
                do { try DirectWriteTests.send(Frame(pattern(200_000)), to: number) } catch { return true }
                return false
            }, stop: { shutdown(far, Int32(SHUT_RDWR)) },
            {
                try test.until { (try? test.stream(of: near).pointee.writeClaim.isHeld) ?? false }
                try test.locked { try test.context.pointee.closeDescriptor(try test.connection(of: near)) }
            })
        #expect(failed)
        #expect(!near.isOpen)
        #expect(DescriptorTable.left(number) == nil)
    }

    // MARK: What stays after a failure

    @Test("The rest of a frame whose time is up goes first, and nobody is told of it", arguments: [false, true])
    func rest(isInContext: Bool) throws {
        near.limitTime(SO_SNDTIMEO)
        if isInContext { try test.add(near) }
        let error = #expect(throws: IPCError.self) { try DirectWriteTests.send(large, to: near.number) }
        #expect(error?.code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
        #expect(error?.systemError == EAGAIN)
        if !isInContext {
            try withStray(near.number) {
                #expect($0.pointee.outbox.isBegun == true)
                #expect($0.pointee.outbox.begun?.pointee.isListed == false)
            }
            try test.add(near)
        }
        #expect(test.queued == [])
        try test.write(Frame("next"), to: near)
        var (bytes, events): ([UInt8], [Happening]) = ([], [])
        for _ in 1...10_000 where events.isEmpty {
            bytes += wire.far.read()
            events = try test.all()
        }
        #expect(events == [.sent(to: near)])
        bytes += wire.far.read()
        let isSame = bytes == large.bytes + Frame("next").bytes
        #expect(isSame)
    }

    @Test("What was queued before a call whose time is up stays queued, and the call's frame is not sent", arguments: [false, true])
    func queueStays(isTemporary: Bool) throws {
        near.limitTime(SO_SNDTIMEO)
        try leave(large, Frame("behind it"), for: near)
        let number = near.number
        let error = #expect(throws: IPCError.self) {
            if isTemporary { try DirectWrite<ListView>.pass(0, over: number) } else { try DirectWriteTests.send(Frame("no"), to: number) }
        }
        #expect(error?.code == (isTemporary ? IPC_ERROR_PROVIDE_FD__SENDMSG : IPC_ERROR_USOCK_SEND))
        #expect(error?.systemError == EAGAIN)
        try withStray(number) {
            #expect($0.pointee.outbox.isBegun == true)
            #expect($0.pointee.outbox.pendingFrames == 2)
        }
        let (far, count) = (far, large.bytes.count + Frame("behind it").bytes.count)
        let bytes = try withPeer(doing: { End.read(count, from: far) }, stop: {}) {
            for _ in 0..<10_000 where (try? DirectWrite<ListView>.finishFrame(to: number)) == nil {}
            // Only the frame that was begun.
            try withStray(number) { #expect($0.pointee.outbox.pendingFrames == 1) }
            try withStray(number) {
                let isAll = try $0.pointee.outbox.send(to: near.descriptor)
                #expect(isAll)
            }
        }
        let isSame = bytes == large.bytes + Frame("behind it").bytes
        #expect(isSame)
        #expect(DescriptorTable.left(number) == nil)
    }

    @Test("A peer that leaves in the middle of a frame gets no more of the stream: the rest is not kept")
    func peerLeaves() throws {
        let (number, far) = (near.number, far)
        try withPeer(
            doing: {
                _ = End.read(1000, from: far)
                shutdown(far, Int32(SHUT_RD))
            }, stop: {},
            {
                let error = #expect(throws: IPCError.self) { try DirectWriteTests.send(large, to: number) }
                #expect(error?.code == IPC_ERROR_WRITE_FD__NOT_ENOUGH_DATA)
                #expect(error?.systemError == EPIPE)
            })
        #expect(DescriptorTable.left(number) == nil)
        let error = #expect(throws: IPCError.self) { try DirectWriteTests.send(Frame("more"), to: number) }
        #expect(error?.code == IPC_ERROR_USOCK_SEND)
    }

    // MARK: The claim

    /// The stream of the descriptor, with a frame that waits, and claimed.
    private func claim(_ number: Int32, _ claim: Claim) throws {
        try withStray(number) { $0.pointee.writeClaim = claim }
    }

    private func end(_ number: Int32) throws {
        try withStray(number) { $0.pointee.writeClaim.end() }
        #expect(DescriptorTable.left(number) == nil)
    }

    @Test("A call in a signal handler that interrupts a write of its thread fails, and does not wait for itself")
    func ownThread() throws {
        var claim = Claim()
        claim.begin()
        try self.claim(near.number, claim)
        let error = #expect(throws: IPCError.self) { try DirectWriteTests.send(Frame("no"), to: near.number) }
        #expect(error?.systemError == EDEADLK)
        #expect(wire.far.read() == [])
        try end(near.number)
    }

    @Test("While another call writes who must not wait, or not for long, is told to try again", arguments: [false, true])
    func claimed(blocks: Bool) throws {
        let wire = try Wire(blocks: blocks)
        let near = try wire.near.moved()
        if blocks { near.limitTime(SO_SNDTIMEO) }
        try claim(near.number, .another())
        let error = #expect(throws: IPCError.self) { try DirectWriteTests.send(Frame("no"), to: near.number) }
        #expect(error?.code == IPC_ERROR_USOCK_SEND)
        #expect(error?.systemError == EAGAIN)
        #expect(wire.far.read() == [])
        try end(near.number)
        try DirectWriteTests.send(Frame("yes"), to: near.number)
        #expect(wire.far.read() == Frame("yes").bytes)
    }

    @Test("A call that waits for another one's end sends its frame when that is over")
    func waitsForEnd() throws {
        var here = Claim()
        here.begin()
        try claim(near.number, here)
        let number = near.number
        try withPeer(doing: { try DirectWriteTests.send(Frame("at last"), to: number) }, stop: {}) {
            let stripe = DescriptorTable.stripe(of: number)
            while true {
                let isAwaited = stripe.locked { DescriptorTable.left(number)?.pointee.writeClaim.isAwaited == true }
                if isAwaited { break }
                sched_yield()
            }
            try withStray(number) {
                $0.pointee.writeClaim.end()
                $0.pointee.announceEnds()
            }
        }
        #expect(wire.far.read() == Frame("at last").bytes)
        #expect(DescriptorTable.left(number) == nil)
    }
}
