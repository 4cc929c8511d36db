// Message.swift - messages as the commands send and receive them, and the options that say what is sent.

import CDaemon

/// What `--type`, `--user-type` and `--timeout` say of the messages that a command sends.
struct Sending {
    let type: UInt8
    let userType: UInt8
    /// Milliseconds until a connection is made, and until the next answer comes; 0: for ever.
    let timeout: Int

    init(_ arguments: Arguments) throws(Ending) {
        type = try Sending.type(arguments)
        userType = UInt8(truncatingIfNeeded: try arguments.number("user-type", default: 0, in: 0...255))
        timeout = try arguments.milliseconds("timeout", default: 10_000)
    }

    /// A number, or the library's name for it.
    private static func type(_ arguments: Arguments) throws(Ending) -> UInt8 {
        guard let text = arguments.text("type") else { return UInt8(MSG_TYPE_DATA.rawValue) }
        for (number, name) in (["server-close", "error", "data", "lookup"] as [StaticString]).enumerated() where name == text {
            return UInt8(number)
        }
        return UInt8(truncatingIfNeeded: try arguments.number("type", default: 2, in: 0...255))
    }
}

extension ipc_message {
    /// A copy of the payload.
    var bytes: [UInt8] { payload.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: Int(length))) } ?? [] }
}

/// Queues a message for a connection of the context.
func queue(
    _ context: UnsafeMutablePointer<ipc_ctx>, _ descriptor: Int32, _ type: UInt8, _ userType: UInt8, _ payload: [UInt8]
) -> ipc_error_code {
    payload.withUnsafeBytes { bytes in
        let start = bytes.baseAddress.map { UnsafeMutablePointer(mutating: $0.assumingMemoryBound(to: CChar.self)) }
        var message = ipc_message(
            type: CChar(bitPattern: type), user_type: CChar(bitPattern: userType), fd: descriptor, length: UInt32(bytes.count),
            payload: bytes.isEmpty ? nil : start)
        return cd_write(context, &message)
    }
}

extension JSONObject {
    mutating func set(_ header: FrameHeader) {
        set("type", Int(header.type))
        set("user_type", Int(header.userType))
        set("length", header.length)
    }
}
