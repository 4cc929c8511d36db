// MessageBuffer.swift - a message of a client in the making: it grows with what has come, not with what was announced. The memory is
// malloc's, because the library takes it over as it is.

import CDaemon

struct MessageBuffer: ~Copyable {
    private let headerSize: Int
    /// In the frame form: the first bytes, which are no payload.
    private(set) var header: [UInt8] = []
    private var start: UnsafeMutableRawPointer?
    private(set) var count = 0
    private var capacity = 0

    init(headerSize: Int = 0) { self.headerSize = headerSize }

    deinit { free(start) }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(WebSocketFailure) {
        let prefix = min(headerSize - header.count, bytes.count)
        header.append(contentsOf: bytes[..<prefix])
        let rest = UnsafeRawBufferPointer(rebasing: bytes[prefix...])
        guard let source = rest.baseAddress, !rest.isEmpty else { return }
        if capacity - count < rest.count {
            // The decoder has seen to the limit: this cannot overflow.
            let wanted = max(count + rest.count, min(2 * capacity, Int(IPC_MAX_MESSAGE_SIZE)))
            guard let grown = realloc(start, wanted) else { throw WebSocketFailure(.internalError, "no memory for the message") }
            (start, capacity) = (grown, wanted)
        }
        guard let start else { return }
        memcpy(start + count, source, rest.count)
        count += rest.count
    }

    /// The message is the caller's, and its memory with it; the next one begins.
    mutating func take(_ header: FrameHeader, _ socket: Int32) -> ipc_message {
        let payload = start?.assumingMemoryBound(to: CChar.self)
        let (type, userType) = (CChar(bitPattern: header.type), CChar(bitPattern: header.userType))
        let message = ipc_message(type: type, user_type: userType, fd: socket, length: UInt32(clamping: count), payload: payload)
        (start, count, capacity) = (nil, 0, 0)
        self.header.removeAll(keepingCapacity: true)
        return message
    }
}
