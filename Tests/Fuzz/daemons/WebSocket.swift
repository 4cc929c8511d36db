// WebSocket.swift - the parsers of ipc-websocketd: frames, the heads of requests, and origins.

import CDaemon

/// What a client's bytes come to: the payload in one piece, whatever the decoder's pieces were.
private struct Decoded: Equatable {
    enum Part: Equatable {
        case payload([UInt8])
        case event(FrameDecoder.Event, [UInt8])
        case failure(CloseCode)
    }

    private(set) var parts: [Part] = []
    private(set) var isOver = false
    private var decoder: FrameDecoder
    private var messageSize = 0

    static func == (one: Decoded, other: Decoded) -> Bool { one.parts == other.parts }

    init(limit: Int, takesCompressed: Bool) { decoder = FrameDecoder(limit: limit, takesCompressed: takesCompressed) }

    mutating func take(_ piece: UnsafeRawBufferPointer) {
        // The decoder unmasks in place, so it gets a copy.
        var bytes = Array(piece)
        bytes.withUnsafeMutableBytes { take($0) }
    }

    private mutating func take(_ bytes: UnsafeMutableRawBufferPointer) {
        var position = 0
        while true {
            let before = position
            do throws(WebSocketFailure) {
                let event = try decoder.next(bytes, &position)
                demand(position >= before && position <= bytes.count)
                switch event {
                case .needsMore:
                    demand(position == bytes.count)
                    return
                case .payload(let range): append(bytes[range])
                default:
                    if case .message = event { messageSize = 0 }
                    parts.append(.event(event, event.isControl ? decoder.control : []))
                }
            } catch {
                // How much of the payload was handed out before depends on the pieces.
                if case .payload = parts.last { parts.removeLast() }
                parts.append(.failure(error.code))
                isOver = true
                return
            }
        }
    }

    private mutating func append(_ payload: Slice<UnsafeMutableRawBufferPointer>) {
        messageSize += payload.count
        demand(decoder.isCompressed || messageSize <= decoder.limit)
        if case .payload(let known) = parts.last {
            parts[parts.count - 1] = .payload(known + payload)
        } else {
            parts.append(.payload(Array(payload)))
        }
    }
}

extension FrameDecoder.Event {
    fileprivate var isControl: Bool {
        switch self {
        case .ping, .pong, .close: true
        default: false
        }
    }
}

func fuzzWebSocketFrames(_ bytes: UnsafeRawBufferPointer) {
    guard let (first, stream) = split(bytes) else { return }
    let (limit, takesCompressed) = (first & 1 == 0 ? 200 : 70_000, first & 2 != 0)
    var whole = Decoded(limit: limit, takesCompressed: takesCompressed)
    whole.take(stream)
    var cut = Decoded(limit: limit, takesCompressed: takesCompressed)
    pieces(stream, 1 + first >> 2) { piece in
        cut.take(piece)
        return !cut.isOver
    }
    demand(whole == cut)
}

/// The head, or the status that refuses it.
private func collect(_ bytes: UnsafeRawBufferPointer, _ length: Int) -> (head: [UInt8]?, status: Status?) {
    var buffer = HeadBuffer(limit: 600)
    var (head, status): ([UInt8]?, Status?)
    pieces(bytes, length) { piece in
        do throws(Status) {
            let (count, isWhole) = try buffer.take(piece)
            demand(count <= piece.count && buffer.bytes.count <= buffer.limit)
            if isWhole { head = buffer.bytes }
        } catch { status = error }
        return head == nil && status == nil
    }
    return (head, status)
}

func fuzzRequestHeads(_ bytes: UnsafeRawBufferPointer) {
    guard let (first, request) = split(bytes) else { return }
    let whole = collect(request, request.count)
    let cut = collect(request, 1 + first >> 3)
    demand(whole.head == cut.head && whole.status == cut.status)
    guard let text = whole.head, let head = try? RequestHead(text) else { return }
    demand(!head.path.contains { $0 < 32 || $0 == 127 })
    var gate = Gate()
    gate.services = [Array("pong".utf8)]
    gate.subprotocols = [Array("chat".utf8)]
    gate.health = first & 1 == 0 ? nil : Array("/health".utf8)
    gate.offersDeflate = first & 2 != 0
    try? gate.origins.allow(Array("https://*.example.org".utf8))
    guard case .service(let name, _, let deflate, let answer)? = try? gate.admit(head, keepsContexts: first & 4 != 0) else { return }
    demand(gate.services.contains(name) && (deflate == nil || gate.offersDeflate))
    // What a client sent must not begin a line of the answer: it has as many lines as it would have without.
    demand(answer.filter { $0 == 10 }.count == answer.filter { $0 == 13 }.count)
    demand(answer.suffix(4).elementsEqual([13, 10, 13, 10]) && answer.filter { $0 == 10 }.count <= 7)
}

func fuzzOrigins(_ bytes: UnsafeRawBufferPointer) {
    // An option, an origin, a host: three lines.
    let lines = bytes.split(separator: 10, maxSplits: 2, omittingEmptySubsequences: false).map { Array($0) }
    guard lines.count == 3 else { return }
    var policy = OriginPolicy()
    let isTaken = (try? policy.allow(lines[0])) != nil
    let host = Authority(lines[2])
    let isAllowed = policy.allows(origin: lines[1], host: host)
    if isTaken, lines[0] == lines[1], Origin(lines[1]) != nil { demand(isAllowed) }
    // Without an option only the server's own page is allowed.
    if !isTaken, isAllowed { demand(host?.isOwn == true) }
    _ = policy.allows(host: host)
    _ = Punycode.host(lines[1])
}
