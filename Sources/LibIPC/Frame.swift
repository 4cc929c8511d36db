// Frame.swift - a message on the wire, and in memory.
//
// type (1 byte) · length (4 bytes, big-endian) · user type (1 byte) · payload. The length counts the payload alone.

import CLibIPC

struct FrameHeader {
    static let size = 6
    /// The largest payload, in bytes.
    static let maximumLength: UInt32 = 1_999_994

    var type: UInt8
    var userType: UInt8
    var length: UInt32

    init(type: UInt8, userType: UInt8, length: UInt32) {
        self.type = type
        self.userType = userType
        self.length = length
    }

    /// - Parameter bytes: `FrameHeader.size` bytes.
    init(decoding bytes: UnsafeRawPointer) {
        type = bytes.load(as: UInt8.self)
        length = libipc_from_network(bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
        userType = bytes.load(fromByteOffset: 5, as: UInt8.self)
    }

    /// - Parameter bytes: room for `FrameHeader.size` bytes.
    func encode(into bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: type, as: UInt8.self)
        bytes.storeBytes(of: libipc_from_network(length), toByteOffset: 1, as: UInt32.self)
        bytes.storeBytes(of: userType, toByteOffset: 5, as: UInt8.self)
    }

    var frameSize: Int { FrameHeader.size + Int(length) }
    var isTooLong: Bool { length > FrameHeader.maximumLength }
}

/// Bytes from malloc that are freed with this value, unless they are handed over.
struct Payload: ~Copyable {
    private var memory: UnsafeMutableRawPointer?

    /// Takes over `memory`, which malloc gave.
    init(adopting memory: UnsafeMutableRawPointer) { self.memory = memory }

    deinit { free(memory) }

    /// Hands the bytes to somebody who will free them.
    consuming func release() -> UnsafeMutableRawPointer? {
        memory.take()
    }

    /// nil only for a value that has been released, which nobody has any more.
    var bytes: UnsafeRawPointer? { memory.map { UnsafeRawPointer($0) } }
}

/// A whole message that was received.
struct Message: ~Copyable {
    let header: FrameHeader
    let payload: Payload
}
