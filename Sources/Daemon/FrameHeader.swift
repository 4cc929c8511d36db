// FrameHeader.swift - the header of a frame of libipc: type, length (big-endian), user type.

import CDaemon

struct FrameHeader {
    static let size = Int(IPC_HEADER_SIZE)

    let type: UInt8
    let userType: UInt8
    let length: Int

    init(type: UInt8, userType: UInt8, length: Int) { (self.type, self.userType, self.length) = (type, userType, length) }

    init(_ message: ipc_message) {
        self.init(type: UInt8(bitPattern: message.type), userType: UInt8(bitPattern: message.user_type), length: Int(message.length))
    }

    /// - Parameter bytes: the header alone.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == FrameHeader.size else { return nil }
        self.init(type: bytes[0], userType: bytes[5], length: bytes[1...4].reduce(0) { $0 << 8 | Int($1) })
    }

    var bytes: [UInt8] { [type] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + [userType] }
}
