// Outbox.swift - the frames that wait to be sent to one descriptor, and those that have been and are to be reported.
//
// A frame is one block of memory: its node, its header, and right behind that a copy of the payload, so that many frames go
// in one sendmsg(2). Large payloads that somebody gives away, or lends, are not copied.

import CLibIPC

typealias FrameReference = UnsafeMutablePointer<OutboundFrame>

struct OutboundFrame: BitwiseCopyable {
    fileprivate var next: FrameReference?
    let header: FrameHeader
    /// Where the roster lists it; nil once it was dropped, when only its rest is still to go.
    var listing: Int? = 0
    fileprivate let encodedHeader: UnsafeMutableRawPointer
    let payload: UnsafeMutableRawPointer
    fileprivate let ownsPayload: Bool

    /// A frame with a copy of `payload` behind it; or, `elsewhere`, without: that one stays where it is, malloc'ed and the frame's
    /// own when it is `adopted`. `destroy` frees it.
    static func make(
        _ header: FrameHeader, copying payload: UnsafeRawPointer? = nil, elsewhere: UnsafeMutableRawPointer? = nil, adopted: Bool = true,
        _ scratch: inout Scratch
    ) throws(IPCError) -> FrameReference {
        let node = MemoryLayout<OutboundFrame>.stride
        let size = node + (elsewhere == nil ? header.frameSize : FrameHeader.size)
        let memory = try scratch.block(size, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY)
        let (encoded, inline) = (memory + node, memory + node + FrameHeader.size)
        header.encode(into: encoded)
        if let payload { memcpy(inline, payload, header.payloadSize) }
        let frame = memory.bindMemory(to: OutboundFrame.self, capacity: 1)
        let ownsPayload = elsewhere != nil && adopted
        frame.pointee = OutboundFrame(header: header, encodedHeader: encoded, payload: elsewhere ?? inline, ownsPayload: ownsPayload)
        return frame
    }

    static func destroy(_ frame: FrameReference) {
        var none = Scratch(size: 0)
        destroy(frame, &none)
    }

    /// The memory serves large frames to come.
    static func destroy(_ frame: FrameReference, _ scratch: inout Scratch) {
        let isInline = frame.pointee.payload == frame.pointee.encodedHeader + FrameHeader.size
        if frame.pointee.ownsPayload { scratch.recycle(frame.pointee.payload, frame.pointee.header.payloadSize) }
        scratch.recycle(frame, isInline ? frame.pointee.header.frameSize : 0)
    }

    /// The parts of the frame from byte `offset` on: one, or two where the payload lies elsewhere.
    fileprivate func parts(from offset: Int, _ add: (UnsafeMutableRawPointer, Int) -> Void) {
        let together = payload == encodedHeader + FrameHeader.size ? header.frameSize : FrameHeader.size
        if offset < together { add(encodedHeader + offset, together - offset) }
        let start = max(offset - FrameHeader.size, 0)
        if together < header.frameSize { add(payload + start, header.payloadSize - start) }
    }
}

/// Frames linked through themselves, oldest first. Whoever takes one out owns it.
private struct FrameList: ~Copyable {
    private(set) var first: FrameReference?
    private var last: FrameReference?

    init() {}

    deinit {
        var next = first
        while let frame = next {
            next = frame.pointee.next
            OutboundFrame.destroy(frame)
        }
    }

    mutating func append(_ frame: FrameReference) {
        frame.pointee.next = nil
        if first == nil { first = frame } else { last?.pointee.next = frame }
        last = frame
    }

    mutating func takeFirst() -> FrameReference? {
        let frame = first
        first = frame?.pointee.next
        return frame
    }

    mutating func takeSecond() -> FrameReference? {
        let frame = first?.pointee.next
        first?.pointee.next = frame?.pointee.next
        if frame == last { last = first }
        return frame
    }
}

struct Outbox: ~Copyable {
    /// Frames for one sendmsg: their parts fit the kilobyte that Swift takes from the stack.
    private static let batch = 32

    private var sent = FrameList()
    private var pending = FrameList()
    /// How many bytes of the first pending frame the kernel has.
    private var offset = 0
    /// Bytes that the kernel does not have yet.
    private(set) var pendingBytes = 0

    init() {}

    var hasPending: Bool { pending.first != nil }
    /// Frames that the kernel has, and that nobody has taken out.
    var hasSent: Bool { sent.first != nil }
    var isHalfSent: Bool { offset > 0 }
    /// The frame of which the kernel has a part: without its rest the stream would be broken, whoever writes next.
    var begun: FrameReference? { isHalfSent ? pending.first : nil }

    mutating func append(_ frame: FrameReference) {
        pending.append(frame)
        pendingBytes += frame.pointee.header.frameSize
    }

    mutating func takeSent() -> FrameReference? { sent.takeFirst() }

    mutating func takePending() -> FrameReference? {
        let frame = pending.takeFirst()
        pendingBytes -= (frame?.pointee.header.frameSize ?? 0) - offset
        offset = 0
        return frame
    }

    /// The same, but what is begun stays.
    mutating func takeUnbegun() -> FrameReference? {
        guard isHalfSent else { return takePending() }
        let frame = pending.takeSecond()
        pendingBytes -= frame?.pointee.header.frameSize ?? 0
        return frame
    }

    /// Nobody is to be told of any frame any more.
    mutating func drop() {
        while let frame = takeSent() ?? takeUnbegun() { OutboundFrame.destroy(frame) }
        begun?.pointee.listing = nil
    }

    /// Sends as much as the kernel takes; `waiting`: all, unless the descriptor has a mind of its own; `finishing`: the rest of the
    /// begun frame alone. False: there is more.
    mutating func send(to descriptor: Descriptor, waiting: Bool = false, finishing: Bool = false) throws(IPCError) -> Bool {
        while finishing ? isHalfSent : hasPending {
            let (count, isFull) = try sendBatch(to: descriptor, waiting: waiting, limit: finishing ? 2 : 2 * Outbox.batch)
            advance(count)
            if isFull { return false }
        }
        return true
    }

    private func sendBatch(to descriptor: Descriptor, waiting: Bool, limit: Int) throws(IPCError) -> (count: Int, isFull: Bool) {
        try withUnsafeTemporaryAllocation(of: iovec.self, capacity: limit) { vectors throws(IPCError) in
            guard let base = vectors.baseAddress else { return (0, true) }
            var (count, total, skipped) = (0, 0, offset)
            var next = pending.first
            // A frame has at most two parts.
            while let frame = next, count + 2 <= vectors.count {
                frame.pointee.parts(from: skipped) { start, length in
                    base[count] = iovec(iov_base: start, iov_len: length)
                    (count, total) = (count + 1, total + length)
                }
                skipped = 0
                next = frame.pointee.next
            }
            return try descriptor.send(base, count, total, waiting: waiting)
        }
    }

    /// The kernel took `count` bytes.
    private mutating func advance(_ count: Int) {
        pendingBytes -= count
        offset += count
        while let frame = pending.first, offset >= frame.pointee.header.frameSize {
            offset -= frame.pointee.header.frameSize
            _ = pending.takeFirst()
            // Nobody waits for news of one that was dropped.
            if frame.pointee.listing == nil { OutboundFrame.destroy(frame) } else { sent.append(frame) }
        }
    }
}
