// FrameTests.swift - a header on the wire: its bytes are the contract with every other libipc there is.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Frame") struct FrameTests {
    private func encoded(_ header: FrameHeader) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xAA, count: FrameHeader.size + 1)
        bytes.withUnsafeMutableBytes { if let base = $0.baseAddress { header.encode(into: base) } }
        return bytes
    }

    @Test("A header is type, length and user type, and not a byte more")
    func bytes() {
        let header = FrameHeader(type: 2, userType: UInt8(ascii: "a"), length: 7)
        #expect(encoded(header) == [2, 0, 0, 0, 7, 0x61, 0xAA])
    }

    @Test("A length travels in big-endian order", arguments: [0, 1, 255, 256, 65_536, 1_999_994, 0x0102_0304, .max] as [UInt32])
    func order(length: UInt32) throws {
        let expected = Frame.headerBytes(type: 255, userType: 128, length: length)
        #expect(encoded(FrameHeader(type: 255, userType: 128, length: length)).dropLast() == expected[...])
        let header = try expected.withUnsafeBytes { FrameHeader(decoding: try #require($0.baseAddress)) }
        #expect(header.type == 255)
        #expect(header.userType == 128)
        #expect(header.length == length)
    }

    @Test("A header is read wherever it lies in memory", arguments: 0..<8)
    func alignment(offset: Int) throws {
        let memory = [UInt8](repeating: 0, count: offset) + Frame.headerBytes(type: 7, userType: 8, length: 0x0009_0A0B)
        let header = try memory.withUnsafeBytes { FrameHeader(decoding: try #require($0.baseAddress) + offset) }
        #expect(header.type == 7)
        #expect(header.userType == 8)
        #expect(header.length == 0x0009_0A0B)
    }

    @Test("A header counts the payload for the length, and itself for the frame")
    func sizes() {
        let header = FrameHeader(type: 0, userType: 0, length: 100)
        #expect(header.payloadSize == 100)
        #expect(header.frameSize == 106)
    }

    @Test("A payload has 1,999,994 bytes at most")
    func limit() {
        #expect(FrameHeader(type: 2, userType: 0, length: 0).isTooLong == false)
        #expect(FrameHeader(type: 2, userType: 0, length: 1_999_994).isTooLong == false)
        #expect(FrameHeader(type: 2, userType: 0, length: 1_999_995).isTooLong)
        #expect(FrameHeader(type: 2, userType: 0, length: .max).isTooLong)
    }

    @Test("A message hands its payload over to whoever frees it")
    func release() throws {
        let payload = try #require(malloc(3))
        memcpy(payload, "abc", 3)
        let message = Message(FrameHeader(type: 2, userType: 0, length: 3), adopting: payload)
        let released = message.releasePayload()
        #expect(released == payload)
        #expect(memcmp(payload, "abc", 3) == 0)
        free(released)
    }
}
