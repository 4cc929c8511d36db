// Frames.swift - messages as values that tests can compare and show, and streams of them from a generator with a seed.
//
// The bytes of a frame are put together here, by the contract, and not by the library's own encoder.

import CLibIPC
import Testing

@testable import LibIPC

struct Frame: Equatable, Sendable, CustomStringConvertible {
    var type: UInt8
    var userType: UInt8
    var payload: [UInt8]

    init(_ payload: [UInt8], type: UInt8 = 2, userType: UInt8 = 42) {
        self.type = type
        self.userType = userType
        self.payload = payload
    }

    init(_ text: String, type: UInt8 = 2, userType: UInt8 = 42) { self.init(Array(text.utf8), type: type, userType: userType) }

    init(_ message: consuming Message) {
        let size = message.header.payloadSize
        self.init(
            [UInt8](UnsafeRawBufferPointer(start: message.payload, count: size)), type: message.header.type,
            userType: message.header.userType)
    }

    init(_ frame: FrameReference) {
        let header = frame.pointee.header
        let payload = UnsafeRawBufferPointer(start: frame.pointee.payload, count: header.payloadSize)
        self.init([UInt8](payload), type: header.type, userType: header.userType)
    }

    var header: FrameHeader { FrameHeader(type: type, userType: userType, length: UInt32(payload.count)) }

    var bytes: [UInt8] { Frame.headerBytes(type: type, userType: userType, length: UInt32(payload.count)) + payload }

    static func headerBytes(type: UInt8 = 2, userType: UInt8 = 42, length: UInt32) -> [UInt8] {
        [type, UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), userType]
    }

    var description: String { "\(type)/\(userType), \(payload.count) bytes: \(payload.prefix(8))" }

    /// A frame in memory of its own, ready to be queued. Whoever takes it out destroys it.
    func outbound() throws -> FrameReference {
        var pool = BufferPool(size: 0)
        return try payload.withUnsafeBytes { try OutboundFrame.make(header, copying: $0.baseAddress, &pool) }
    }

    /// Reads a frame that left an outbox, and frees it.
    init(destroying frame: FrameReference) {
        var pool = BufferPool(size: 0)
        self.init(frame)
        OutboundFrame.destroy(frame, &pool)
    }
}

extension Inbox {
    /// The whole message, as a value.
    mutating func takeFrame() -> Frame? {
        guard let message = takeMessage() else { return nil }
        return Frame(message)
    }
}

/// Bytes of which no two neighbourhoods are alike, so that a piece in the wrong place shows.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = Seeded(seed)
    return [UInt8](unsafeUninitializedCapacity: count + 8) { buffer, filled in
        for offset in stride(from: 0, to: count, by: 8) {
            UnsafeMutableRawPointer(buffer.baseAddress)?.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
        }
        filled = count
    }
}

/// SplitMix64: the same numbers for the same seed, on every machine.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Most frames are small, some are empty, a few are large.
    mutating func frame() -> Frame {
        let limit = [1, 8, 300, 300, 5_000, 70_000].randomElement(using: &self) ?? 1
        let payload = pattern(Int.random(in: 0..<limit, using: &self), seed: next())
        return Frame(payload, type: UInt8.random(in: 0...255, using: &self), userType: UInt8.random(in: 0...255, using: &self))
    }
}

/// Some seeds that stay, and one that is new each time. A test that fails names its own.
let seeds: [UInt64] = [1, 2, 3, UInt64.random(in: 4 ... .max)]
