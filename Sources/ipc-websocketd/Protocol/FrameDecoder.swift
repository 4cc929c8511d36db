// FrameDecoder.swift - frames of a WebSocket client (RFC 6455, 5), from bytes that come cut anywhere.
//
// It keeps nothing of a message: payload is unmasked where it lies, and handed out as far as it has come; whoever wants a whole
// message collects it. So a peer that announces much costs nothing before it sends it. The rules are enforced at the first byte that
// breaks one: there is no second chance after a failure.

struct FrameDecoder {
    enum Event: Equatable {
        /// All bytes are taken, and nothing has ended.
        case needsMore
        /// Payload of the message in the making: these of the bytes that were handed in, unmasked now.
        case payload(Range<Int>)
        /// The message that the payload since the last one made is whole.
        case message(isText: Bool)
        /// Control frames: `control` is what they hold. nil: a close without a code.
        case ping
        case pong
        case close(UInt16?)
    }

    /// Of a message, in bytes.
    let limit: Int
    /// permessage-deflate is agreed on: the first frame of a message may say that it is compressed (RFC 7692, 6).
    private let takesCompressed: Bool
    /// The message in the making, or the last one, is compressed: its payload is handed out as it is, and whoever inflates it checks it.
    private(set) var isCompressed = false
    /// Of the last control frame.
    private(set) var control: [UInt8] = []

    private var header = InlineArray<14, UInt8>(repeating: 0)
    private var headerCount = 0
    /// Of this header, as far as it is known: 2 to 14 (5.2).
    private var headerSize = 2
    private var opcode = Opcode.continuation
    private var isFinal = false
    /// Payload of this frame that has not come yet; nil: its header has not.
    private var remaining: Int?
    private var mask: UInt32 = 0

    /// The message in the making: text or binary, nil between messages.
    private var kind: Opcode?
    private var size = 0
    private var text = UTF8Check()

    init(limit: Int, takesCompressed: Bool = false) { (self.limit, self.takesCompressed) = (limit, takesCompressed) }

    /// Of a compressed message as it comes: fixed codes have 9 bits for 8 at most (RFC 1951, 3.2.6), and a message may have some flushes.
    private var limitOnWire: Int { isCompressed ? limit + limit / 8 + 1024 : limit }

    /// What comes next in `bytes`, from `position` on, which moves behind what was taken.
    mutating func next(_ bytes: UnsafeMutableRawBufferPointer, _ position: inout Int) throws(WebSocketFailure) -> Event {
        while true {
            guard let left = remaining else {
                guard position < bytes.count else { return .needsMore }
                position += 1
                try takeHeaderByte(bytes[position - 1])
                continue
            }
            if left > 0 {
                guard position < bytes.count else { return .needsMore }
                let range = position..<(position + min(left, bytes.count - position))
                position = range.upperBound
                remaining = left - range.count
                unmask(UnsafeMutableRawBufferPointer(rebasing: bytes[range]))
                if let event = try takePayload(bytes, range) { return event }
                continue
            }
            (remaining, headerCount, headerSize) = (nil, 0, 2)
            if let event = try endFrame() { return event }
        }
    }

    // MARK: The header (5.2)

    private mutating func takeHeaderByte(_ byte: UInt8) throws(WebSocketFailure) {
        header[headerCount] = byte
        headerCount += 1
        if headerCount == 1 { try checkFirst(byte) }
        if headerCount == 2 { try checkSecond(byte) }
        if headerCount == headerSize - 4 { try checkLength(length) }
        guard headerCount == headerSize, headerSize > 2 else { return }
        mask = (0..<4).reduce(0) { $0 | UInt32(header[headerSize - 4 + $1]) << UInt32(8 * $1) }
        remaining = length
        if opcode.isControl { control.removeAll(keepingCapacity: true) }
    }

    private mutating func checkFirst(_ byte: UInt8) throws(WebSocketFailure) {
        let startsCompressed = takesCompressed && byte & 0x70 == 0x40
        guard byte & 0x70 == 0 || startsCompressed else { throw WebSocketFailure(.protocolError, "a reserved bit is set") }
        guard let opcode = Opcode(rawValue: byte & 15) else { throw WebSocketFailure(.protocolError, "unknown opcode") }
        guard !startsCompressed || opcode == .text || opcode == .binary else {
            throw WebSocketFailure(.protocolError, "RSV1 elsewhere than in a message's first frame")
        }
        isFinal = byte & 0x80 != 0
        self.opcode = opcode
        switch opcode {
        case .close, .ping, .pong:
            guard isFinal else { throw WebSocketFailure(.protocolError, "a control frame in fragments") }
        case .continuation:
            guard kind != nil else { throw WebSocketFailure(.protocolError, "a continuation of nothing") }
        case .text, .binary:
            guard kind == nil else { throw WebSocketFailure(.protocolError, "a message within a message") }
            (kind, size, text, isCompressed) = (opcode, 0, UTF8Check(), startsCompressed)
        }
    }

    private mutating func checkSecond(_ byte: UInt8) throws(WebSocketFailure) {
        guard byte & 0x80 != 0 else { throw WebSocketFailure(.protocolError, "a frame without mask") }
        let short = byte & 0x7F
        guard !opcode.isControl || short <= 125 else { throw WebSocketFailure(.protocolError, "a control frame too long") }
        headerSize = (short == 126 ? 4 : short == 127 ? 10 : 2) + 4
    }

    /// As the bytes of the length say, all but the top bit of eight, which `checkLength` refuses.
    private var length: Int {
        let end = headerSize - 4
        if end == 2 { return Int(header[1] & 0x7F) }
        return Int(truncatingIfNeeded: (2..<end).reduce(UInt64(0)) { $0 << 8 | UInt64(header[$1]) })
    }

    /// As few bytes as can say it, and no more than a message may have.
    private func checkLength(_ length: Int) throws(WebSocketFailure) {
        if length < 0 { throw WebSocketFailure(.protocolError, "a length with its top bit set") }
        let least = headerSize == 8 ? 126 : headerSize == 14 ? 65536 : 0
        guard length >= least else { throw WebSocketFailure(.protocolError, "a length in more bytes than it needs") }
        guard opcode.isControl || length <= limitOnWire - size else { throw WebSocketFailure(.messageTooBig, "the message is too long") }
    }

    // MARK: Payload

    /// Unmasks eight bytes at a time, from the first address that is a multiple of eight. The mask is rotated by the bytes before (5.3).
    private mutating func unmask(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let head = min(bytes.count, -Int(bitPattern: start) & 7)
        unmask(start, head)
        let count = (bytes.count - head) / 8
        let words = (start + head).assumingMemoryBound(to: UInt64.self)
        let wide = (UInt64(mask) << 32 | UInt64(mask)).littleEndian
        var index = 0
        while index < count {
            words[index] ^= wide
            index += 1
        }
        unmask(start + head + count * 8, bytes.count - head - count * 8)
    }

    private mutating func unmask(_ start: UnsafeMutableRawPointer, _ count: Int) {
        let bytes = start.assumingMemoryBound(to: UInt8.self)
        var index = 0
        while index < count {
            bytes[index] ^= UInt8(truncatingIfNeeded: mask)
            mask = mask >> 8 | mask << 24
            index += 1
        }
    }

    private mutating func takePayload(_ bytes: UnsafeMutableRawBufferPointer, _ range: Range<Int>) throws(WebSocketFailure) -> Event? {
        if opcode.isControl {
            control.append(contentsOf: bytes[range])
            return nil
        }
        size += range.count
        if kind == .text, !isCompressed, !text.accepts(UnsafeRawBufferPointer(rebasing: bytes[range])) {
            throw WebSocketFailure(.inconsistentData, "the text is not UTF-8")
        }
        return .payload(range)
    }

    // MARK: Ends

    private mutating func endFrame() throws(WebSocketFailure) -> Event? {
        switch opcode {
        case .ping: return .ping
        case .pong: return .pong
        case .close: return .close(try closeCode())
        case .continuation, .text, .binary:
            guard isFinal, let kind else { return nil }
            guard kind != .text || text.isComplete else { throw WebSocketFailure(.inconsistentData, "the text ends within a character") }
            self.kind = nil
            return .message(isText: kind == .text)
        }
    }

    /// Two bytes and a text, or nothing (5.5.1).
    private func closeCode() throws(WebSocketFailure) -> UInt16? {
        guard let first = control.first else { return nil }
        guard control.count >= 2 else { throw WebSocketFailure(.protocolError, "half of a close code") }
        let code = UInt16(first) << 8 | UInt16(control[1])
        guard CloseCode.isSayable(code) else { throw WebSocketFailure(.protocolError, "a close code that may not be said") }
        let isText = control.withUnsafeBytes { UTF8Check.isValid(UnsafeRawBufferPointer(rebasing: $0[2...])) }
        guard isText else { throw WebSocketFailure(.inconsistentData, "the reason to close is not UTF-8") }
        return code
    }
}
