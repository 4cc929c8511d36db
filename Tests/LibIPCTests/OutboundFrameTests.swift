// OutboundFrameTests.swift - a frame in memory, with a copy of its payload or with somebody else's payload.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("OutboundFrame") struct OutboundFrameTests {
    /// The frame's bytes from `offset` on, and in how many parts they lie.
    private func bytes(of frame: FrameReference, from offset: Int) -> (bytes: [UInt8], parts: Int) {
        var (bytes, parts): ([UInt8], Int) = ([], 0)
        frame.parts(from: offset) { start, length in
            bytes += UnsafeRawBufferPointer(start: start, count: length)
            parts += 1
        }
        return (bytes, parts)
    }

    private func adopting(_ frame: Frame, _ pool: inout BufferPool) throws -> (FrameReference, UnsafeMutableRawPointer) {
        let payload = try #require(malloc(max(frame.payload.count, 1)))
        payload.copyMemory(from: frame.payload, byteCount: frame.payload.count)
        return (try OutboundFrame.make(frame.header, adopting: payload, &pool), payload)
    }

    @Test("A copied payload lies behind its header: one part, from any byte on", arguments: [0, 1, 500, 100_000])
    func copied(size: Int) throws {
        let frame = Frame(pattern(size), type: 7, userType: 9)
        let made = try frame.outbound()
        defer { OutboundFrame.destroy(made) }
        #expect(made.isInline)
        #expect(!made.pointee.isListed)
        #expect(Frame(made) == frame)
        for offset in [0, 1, 5, 6, 7, size + 5] where offset < frame.bytes.count {
            let (found, parts) = bytes(of: made, from: offset)
            let isSame = found == Array(frame.bytes.dropFirst(offset))
            #expect(isSame)
            #expect(parts == 1)
        }
        #expect(bytes(of: made, from: frame.bytes.count).parts == 0)
    }

    @Test("An adopted payload stays where it is: two parts, or one behind the header", arguments: [1, 500, 100_000])
    func adopted(size: Int) throws {
        let frame = Frame(pattern(size), type: 7, userType: 9)
        var pool = BufferPool()
        let (made, payload) = try adopting(frame, &pool)
        defer { OutboundFrame.destroy(made, &pool) }
        #expect(!made.isInline)
        #expect(made.pointee.payload == payload)
        #expect(Frame(made) == frame)
        for offset in [0, 1, 5, 6, 7, size + 5] where offset < frame.bytes.count {
            let (found, parts) = bytes(of: made, from: offset)
            let isSame = found == Array(frame.bytes.dropFirst(offset))
            #expect(isSame)
            #expect(parts == (offset < FrameHeader.size ? 2 : 1))
        }
    }

    @Test("An empty payload that is adopted is freed with its frame, and is no part", arguments: [false, true])
    func empty(isNil: Bool) throws {
        var pool = BufferPool()
        let made = isNil ? try OutboundFrame.make(Frame("").header, adopting: nil, &pool) : try adopting(Frame(""), &pool).0
        defer { OutboundFrame.destroy(made, &pool) }
        #expect(made.isInline == isNil)
        let (found, parts) = bytes(of: made, from: 0)
        #expect(found == Frame("").bytes)
        #expect(parts == 1)
    }

    @Test("A large payload that was adopted is kept for messages to come when its frame goes; a small one is freed")
    func recycled() throws {
        for (size, isKept) in [(100, false), (BufferPool.largeSize, true)] {
            var pool = BufferPool()
            let (made, payload) = try adopting(Frame(pattern(size)), &pool)
            OutboundFrame.destroy(made, &pool)
            let spare = pool.takeLargeBlock(BufferPool.largeSize)
            #expect((spare?.memory == payload) == isKept)
            free(spare?.memory)
        }
    }

    @Test("A frame without a payload to copy has room for one")
    func room() throws {
        var pool = BufferPool()
        let frame = Frame(pattern(1000))
        let made = try OutboundFrame.make(frame.header, copying: nil, &pool)
        defer { OutboundFrame.destroy(made, &pool) }
        made.inlinePayload.copyMemory(from: frame.payload, byteCount: 1000)
        #expect(bytes(of: made, from: 0).bytes == frame.bytes)
    }
}
