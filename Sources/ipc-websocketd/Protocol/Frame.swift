// Frame.swift - the words of the WebSocket protocol (RFC 6455): opcodes, reasons to close, and the header that a server writes.

enum Opcode: UInt8 {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue & 8 != 0 }
}

/// Reasons that a server gives (7.4.1).
enum CloseCode: UInt16 {
    case normal = 1000
    case goingAway = 1001
    case protocolError = 1002
    case unsupportedData = 1003
    case inconsistentData = 1007
    case messageTooBig = 1009
    case internalError = 1011

    /// May be said on the wire (7.4.1 and 7.4.2, with what IANA has registered since).
    static func isSayable(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// The peer broke the protocol, or asks for more than there is.
struct WebSocketFailure: Error {
    let code: CloseCode
    let reason: StaticString

    init(_ code: CloseCode, _ reason: StaticString) { (self.code, self.reason) = (code, reason) }
}

enum FrameEncoder {
    /// Of a control frame's payload (5.5).
    static let longestControl = 125

    /// The header of a whole message, unmasked (5.1, 5.2).
    static func header(_ opcode: Opcode, length: Int, isCompressed: Bool = false) -> [UInt8] {
        // RSV1 marks a compressed message (RFC 7692, 6).
        let first = 0x80 | (isCompressed ? 0x40 : 0) | opcode.rawValue
        switch length {
        case ...125: return [first, UInt8(clamping: length)]
        case ...65535: return [first, 126, UInt8(length >> 8), UInt8(length & 255)]
        default: return [first, 127] + stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: UInt64(length) >> UInt64($0)) }
        }
    }

    static func control(_ opcode: Opcode, _ payload: some Collection<UInt8>) -> [UInt8] {
        let payload = payload.prefix(longestControl)
        return header(opcode, length: payload.count) + payload
    }

    static func close(_ code: UInt16, _ reason: StaticString = "") -> [UInt8] {
        control(.close, [UInt8(code >> 8), UInt8(code & 255)] + reason.bytes)
    }
}
