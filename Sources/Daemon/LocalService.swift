// LocalService.swift - connecting to a service of this machine without waiting, and the frames that are said and heard before
// two ends are tied.

import CDaemon

enum Reach {
    case connected(Int32)
    /// Nothing is free now: a descriptor, or a place in the backlog.
    case later
    case failed(String)

    /// - Parameter name: of a service.
    static func service(_ name: [UInt8]) -> Reach {
        guard !name.contains(0) else { return .failed("the name of a service has no NUL") }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { path in
            guard let base = path.baseAddress else { return .later }
            let code = withCText(name) { cd_service_path(base, $0) }
            return code == IPC_ERROR_NONE ? connect(base) : .failed(String(c: cd_reason()))
        }
    }

    /// - Parameter path: of a socket.
    static func path(_ path: [UInt8]) -> Reach {
        guard path.first == UInt8(ascii: "/"), !path.contains(0) else { return .failed("a path begins with a slash, and has no NUL") }
        return withCText(path) { connect($0) }
    }

    private static func connect(_ path: CText) -> Reach {
        let descriptor = cd_connect_local(path)
        if descriptor >= 0 { return .connected(descriptor) }
        let number = cd_errno()
        if isShortage(number) { return .later }
        // As the library says it; connecting takes write permission on the socket (unix(7)).
        let hint: StaticString =
            number == EACCES ? " (it takes write permission on the socket, search permission on its directory)" : ""
        return .failed("connect to \(String(c: path)): \(String.systemError(number))\(hint)")
    }

    static func isShortage(_ number: Int32) -> Bool {
        number == EAGAIN || number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOBUFS
    }
}

func withCText<Result>(_ bytes: [UInt8], _ body: (CText) -> Result) -> Result {
    let text = bytes.map { CChar(bitPattern: $0) } + [0]
    return body(text)
}

/// Sends a short text without waiting; a socket without room for it belongs to somebody who does not read.
func send(_ bytes: [UInt8], to descriptor: Int32, passing passed: Int32 = -1) -> Bool {
    bytes.withUnsafeBytes { $0.baseAddress.map { cd_send(descriptor, $0, bytes.count, passed) == bytes.count } ?? true }
}

/// What has come, at most `count` bytes: none at the end; nil when there are none now.
func receive(_ count: Int, from descriptor: Int32, peeking: Bool = false) -> [UInt8]? {
    var isMissing = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        guard let base = buffer.baseAddress else { return }
        let received = cd_receive(descriptor, base, count, peeking ? 1 : 0)
        isMissing = received < 0 && Reach.isShortage(cd_errno())
        initialized = max(received, 0)
    }
    return isMissing ? nil : bytes
}

/// The frames of the look-up, all of them short.
enum ShortFrame {
    static let ok: [UInt8] = [UInt8(ascii: "O"), UInt8(ascii: "K")]
    /// Of a payload that is an answer.
    static let longest = 4096

    static func make(_ payload: some Collection<UInt8>) -> [UInt8] {
        let type = UInt8(MSG_TYPE_NETWORK_LOOKUP.rawValue)
        return FrameHeader(type: type, userType: type, length: payload.count).bytes + payload
    }

    static func refusal(_ reason: String) -> [UInt8] { make(Array(reason.utf8).prefix(longest)) }

    /// How many bytes are missing of the frame that `bytes` begins; nil: it is too long.
    static func missing(_ bytes: [UInt8]) -> Int? {
        guard let header = FrameHeader(Array(bytes.prefix(FrameHeader.size))) else { return FrameHeader.size - bytes.count }
        return header.length <= longest ? FrameHeader.size + header.length - bytes.count : nil
    }
}

extension UnsafePointer<ipc_message> {
    var payload: [UInt8] {
        guard let start = pointee.payload else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(pointee.length)))
    }
}
