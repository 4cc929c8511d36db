// Frame.swift - a message on the wire, and in memory.
//
// Folder: Wire. Uses: Base.
//
// type (1 byte) · length (4 bytes, big-endian) · user type (1 byte) · payload. The length counts the payload alone.

struct FrameHeader: BitwiseCopyable {
    static let size = 6
    /// The largest payload, in bytes.
    static let maximumLength = 1_999_994

    let type: UInt8
    let userType: UInt8
    let length: UInt32

    init(type: UInt8, userType: UInt8, length: UInt32) { (self.type, self.userType, self.length) = (type, userType, length) }

    /// - Parameter bytes: `FrameHeader.size` bytes.
    init(decoding bytes: UnsafeRawPointer) {
        type = bytes.load(as: UInt8.self)
        length = libipc_big_endian(bytes.loadUnaligned(fromByteOffset: 1, as: UInt32.self))
        userType = bytes.load(fromByteOffset: 5, as: UInt8.self)
    }

    /// - Parameter bytes: room for `FrameHeader.size` bytes.
    func encode(into bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: type, as: UInt8.self)
        bytes.storeBytes(of: libipc_big_endian(length), toByteOffset: 1, as: UInt32.self)
        bytes.storeBytes(of: userType, toByteOffset: 5, as: UInt8.self)
    }

    /// At most `Int.max`, which on a machine of 32 bits is less than a peer can announce.
    var payloadSize: Int { Int(clamping: length) }
    var frameSize: Int { FrameHeader.size &+ payloadSize }
    /// A receiver refuses such a header before it allocates memory of that size.
    var isTooLong: Bool { length > UInt32(FrameHeader.maximumLength) }
    /// The same with the program's limit.
    @inline(__always)
    func isAccepted(_ pool: borrowing BufferPool) -> Bool { !isTooLong && length <= pool.maximumPayload }
}

/// A whole message. It owns its payload, which is from malloc(3).
struct Message: ~Copyable {
    let header: FrameHeader
    private(set) var payload: UnsafeMutableRawPointer?
    /// The descriptor that came with it; -1: none; else an error number, negated: the process had no free number for it.
    private(set) var descriptor: Int32

    init(_ header: FrameHeader, adopting payload: UnsafeMutableRawPointer?, descriptor: Int32 = -1) {
        (self.header, self.payload, self.descriptor) = (header, payload, descriptor)
    }

    deinit {
        free(payload)
        if descriptor >= 0 { libipc_close_passed(descriptor) }
    }

    /// Gives the descriptor to the caller.
    mutating func takeDescriptor() -> Int32 {
        defer { descriptor = -1 }
        return descriptor
    }

    /// Gives the payload to the caller, which frees it.
    consuming func releasePayload() -> UnsafeMutableRawPointer? { payload.take() }
}
