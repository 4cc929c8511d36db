// FrameTests.swift - frames: what they come to wherever they are cut, and at which byte a broken rule is noticed.

import Testing

@testable import WebSocket

private let hello = Array("hello, wörld €𝄞".utf8)

@Test func framesComeOutWhereverTheyAreCut() {
    let binary = (0..<700).map { UInt8(truncatingIfNeeded: $0) }
    let bytes =
        frame(1, Array(hello[..<9]), isFinal: false) + frame(9, [1, 2, 3]) + frame(0, [], isFinal: false) + frame(10, [])
        + frame(0, Array(hello[9...])) + frame(2, []) + frame(2, binary) + frame(8, [0x03, 0xE8] + hello)
    let expected: [Heard] = [.ping([1, 2, 3]), .pong([]), .text(hello), .binary([]), .binary(binary), .close(1000)]
    for size in 1...bytes.count {
        let (heard, failure, taken) = hear(bytes, piece: size)
        #expect(heard == expected && failure == nil && taken == bytes.count, "pieces of \(size)")
    }
}

@Test func largeFramesHaveTheirLengths() {
    for count in [125, 126, 127, 65535, 65536, 65537, 200_000] {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let (heard, failure, _) = hear(frame(2, payload), piece: 4093, limit: 200_000)
        #expect(heard == [.binary(payload)] && failure == nil, "\(count) bytes")
        var header = Array(frame(2, payload).prefix(count < 126 ? 2 : count < 65536 ? 4 : 10))
        header[1] &= 0x7F
        #expect(FrameEncoder.header(.binary, length: count) == header)
    }
}

private let brokenRules: [(String, [UInt8], CloseCode)] = [
    ("reserved bit", [0xC1], .protocolError),
    ("reserved bit", [0x91], .protocolError),
    ("opcode 3", [0x83], .protocolError),
    ("opcode 15", [0x8F], .protocolError),
    ("a ping in fragments", [0x09], .protocolError),
    ("continuation", [0x80], .protocolError),
    ("no mask", [0x81, 0x05], .protocolError),
    ("a long ping", [0x89, 0xFE], .protocolError),
    ("a long close", [0x88, 0xFF], .protocolError),
    ("two bytes for 125", [0x82, 0xFE, 0, 125], .protocolError),
    ("eight bytes for 65535", [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], .protocolError),
    ("the top bit", [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0], .protocolError),
    ("all bits", [0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 8), .protocolError),
    ("1001 bytes", [0x82, 0xFE, 0x03, 0xE9], .messageTooBig),
    ("2^62 bytes", [0x82, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0], .messageTooBig),
]

@Test(arguments: brokenRules)
func brokenRulesAreNoticedAtOnce(_ name: String, _ bytes: [UInt8], _ code: CloseCode) {
    for size in 1...bytes.count {
        let (heard, failure, taken) = hear(bytes + [1, 2, 3], piece: size)
        #expect(heard.isEmpty && failure == code && taken == bytes.count, "\(name), pieces of \(size)")
    }
}

@Test func messagesHaveTheirOrder() {
    #expect(hear(frame(1, [65], isFinal: false) + frame(2, [66])).failure == .protocolError)
    #expect(hear(frame(2, [65]) + frame(0, [66])).failure == .protocolError)
    func fragments(_ first: Int, _ second: Int) -> [UInt8] {
        frame(2, [UInt8](repeating: 0, count: first), isFinal: false) + frame(0, [UInt8](repeating: 0, count: second))
    }
    #expect(hear(fragments(600, 400)).failure == nil)
    #expect(hear(fragments(600, 401)).failure == .messageTooBig)
}

@Test func closeCodesAreChecked() {
    let sayable: [UInt16] = [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999]
    for code in sayable { #expect(hear(frame(8, [UInt8(code >> 8), UInt8(code & 255)])).heard == [.close(code)]) }
    let others: [UInt16] = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
    for code in others { #expect(hear(frame(8, [UInt8(code >> 8), UInt8(code & 255)])).failure == .protocolError, "\(code)") }
    #expect(hear(frame(8, [])).heard == [.close(nil)])
    #expect(hear(frame(8, [3])).failure == .protocolError)
    #expect(hear(frame(8, [3, 0xE8, 0xFF])).failure == .inconsistentData)
    #expect(hear(frame(8, [3, 0xE8, 0xC3])).failure == .inconsistentData)
}

@Test func utf8IsWhatUnicodeSays() {
    // Each scalar value, and each cut of it; each sequence of bytes up to two, against the standard library.
    for value in stride(from: UInt32(0), through: 0x10FFFF, by: 37) {
        guard let scalar = Unicode.Scalar(value) else { continue }
        let bytes = Array(String(scalar).utf8)
        for cut in 0...bytes.count {
            var check = UTF8Check()
            let isAccepted = bytes[..<cut].withUnsafeBytes { check.accepts($0) }
            #expect(isAccepted && check.isComplete == (cut == 0 || cut == bytes.count))
        }
    }
    for first in UInt8.min...UInt8.max {
        for second in UInt8.min...UInt8.max {
            for tail in [[], [0x80], [0x80, 0x80], [0xBF, 0xBF]] as [[UInt8]] {
                let bytes = [first, second] + tail
                let isValid = String(validating: bytes, as: UTF8.self) != nil
                if bytes.withUnsafeBytes({ UTF8Check.isValid($0) }) != isValid { Issue.record("\(bytes)") }
            }
        }
    }
}

@Test func badTextFailsAtItsFirstWrongByte() {
    let bytes = frame(1, Array("κόσμε".utf8) + [0xED, 0xA0, 0x80] + Array("edited".utf8))
    let (heard, failure, taken) = hear(bytes, piece: 1)
    #expect(heard.isEmpty && failure == .inconsistentData && taken == 6 + "κόσμε".utf8.count + 2)
    #expect(hear(frame(1, [0xCE], isFinal: false) + frame(0, [0xBA])).heard == [.text([0xCE, 0xBA])])
    #expect(hear(frame(1, [0xCE])).failure == .inconsistentData)
}

@Test func noBytesTrap() {
    var state: UInt64 = 88_172_645_463_325_252
    func random() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
    for round in 0..<20_000 {
        var bytes = (0..<Int(random() % 60)).map { _ in UInt8(truncatingIfNeeded: random()) }
        // Likely first bytes, so that more than the first rule is reached.
        if !bytes.isEmpty, round % 2 == 0 { bytes[0] = [0x01, 0x81, 0x82, 0x88, 0x89][Int(random() % 5)] }
        if bytes.count > 1, round % 4 < 3 { bytes[1] |= 0x80 }
        let whole = hear(bytes)
        let cut = hear(bytes, piece: 1)
        #expect(whole.heard == cut.heard && whole.failure == cut.failure)
    }
}
