// Helpers.swift - a client's frames, and a decoder that is fed in pieces.

@testable import WebSocket

/// As a client writes it, with a mask.
func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]) -> [UInt8] {
    var bytes = [opcode | (isFinal ? 0x80 : 0)]
    switch payload.count {
    case ...125: bytes.append(0x80 | UInt8(payload.count))
    case ...65535: bytes += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default: bytes += [0x80 | 127] + (0..<8).reversed().map { UInt8(payload.count >> (8 * $0) & 255) }
    }
    return bytes + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
}

enum Heard: Equatable {
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?)
}

/// What comes of `bytes` in pieces of `size`, until they end or break a rule; and how many were taken by then.
func hear(
    _ bytes: [UInt8], piece size: Int = .max, limit: Int = 1000, takesCompressed: Bool = false
) -> (heard: [Heard], failure: CloseCode?, taken: Int) {
    var (decoder, heard, message, taken) = (FrameDecoder(limit: limit, takesCompressed: takesCompressed), [Heard](), [UInt8](), 0)
    for start in stride(from: 0, to: bytes.count, by: min(size, max(bytes.count, 1))) {
        var piece = Array(bytes[start..<min(start + min(size, bytes.count), bytes.count)])
        var position = 0
        do throws(WebSocketFailure) {
            while true {
                var event = FrameDecoder.Event.needsMore
                var failure: WebSocketFailure?
                piece.withUnsafeMutableBytes { buffer in
                    do throws(WebSocketFailure) { event = try decoder.next(buffer, &position) } catch { failure = error }
                }
                if let failure { throw failure }
                if event == .needsMore { break }
                switch event {
                case .payload(let range): message += piece[range]
                case .message(let isText): (heard, message) = (heard + [isText ? .text(message) : .binary(message)], [])
                case .ping: heard.append(.ping(decoder.control))
                case .pong: heard.append(.pong(decoder.control))
                case .close(let code): heard.append(.close(code))
                case .needsMore: break
                }
            }
        } catch { return (heard, error.code, start + position) }
        taken = start + position
    }
    return (heard, nil, taken)
}

/// What comes of a head, in pieces.
func read(_ text: String, piece size: Int = .max, limit: Int = 16_384) throws(Status) -> RequestHead? {
    let bytes = Array(text.utf8)
    var buffer = HeadBuffer(limit: limit)
    var start = 0
    while start < bytes.count {
        let piece = Array(bytes[start..<min(start + min(size, bytes.count), bytes.count)])
        var (result, status) = ((count: 0, isWhole: false), Status?.none)
        piece.withUnsafeBytes { raw in
            do throws(Status) { result = try buffer.take(raw) } catch { status = error }
        }
        if let status { throw status }
        if result.isWhole { return try RequestHead(buffer.bytes) }
        start += piece.count
    }
    return nil
}
