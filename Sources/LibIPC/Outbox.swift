// Outbox.swift - the frames that wait to be sent to one descriptor.
//
// A frame is one block of memory: its node, its header, and right behind that a copy of the payload, so that many frames go
// in one sendmsg(2). Large payloads that somebody gives away, or lends, are not copied.

import CLibIPC

typealias FrameReference = UnsafeMutablePointer<OutboundFrame>

struct OutboundFrame: BitwiseCopyable {
    fileprivate var next: FrameReference?
    let header: FrameHeader
    /// Where the roster lists it.
    var listing = 0
    fileprivate let encodedHeader: UnsafeMutableRawPointer
    private(set) var payload: UnsafeMutableRawPointer
    private var ownsPayload = false

    private init(_ header: FrameHeader, _ encodedHeader: UnsafeMutableRawPointer, _ payload: UnsafeMutableRawPointer) {
        self.header = header
        self.encodedHeader = encodedHeader
        self.payload = payload
        header.encode(into: encodedHeader)
    }

    /// A frame with room for its payload behind it, or without, for `adopt`. `destroy` frees it.
    static func make(_ header: FrameHeader, hasRoom: Bool = true) throws(OutOfMemory) -> FrameReference {
        let node = MemoryLayout<OutboundFrame>.stride
        guard let memory = malloc(node + FrameHeader.size + (hasRoom ? header.payloadSize : 0)) else { throw OutOfMemory() }
        let frame = memory.bindMemory(to: OutboundFrame.self, capacity: 1)
        frame.initialize(to: OutboundFrame(header, memory + node, memory + node + FrameHeader.size))
        return frame
    }

    /// A frame on the stack, whose payload is only lent.
    static func withLent<Failure: Error>(
        _ header: FrameHeader, _ payload: UnsafeRawPointer?, _ body: (FrameReference) throws(Failure) -> Void
    ) throws(Failure) {
        var encoded: UInt64 = 0
        try withUnsafeMutableBytes(of: &encoded) { bytes throws(Failure) in
            guard let place = bytes.baseAddress else { return }
            // sendmsg(2) only reads.
            var frame = OutboundFrame(header, place, payload.map { UnsafeMutableRawPointer(mutating: $0) } ?? place)
            try withUnsafeMutablePointer(to: &frame, body)
        }
    }

    /// Takes over a malloc'ed payload.
    mutating func adopt(_ payload: UnsafeMutableRawPointer) {
        self.payload = payload
        ownsPayload = true
    }

    static func destroy(_ frame: FrameReference) {
        if frame.pointee.ownsPayload { free(frame.pointee.payload) }
        free(frame)
    }

    /// The parts of the frame from byte `offset` on: one, or two where the payload lies elsewhere.
    fileprivate func parts(from offset: Int, _ add: (UnsafeMutableRawPointer, Int) -> Void) {
        if payload == encodedHeader + FrameHeader.size { return add(encodedHeader + offset, header.frameSize - offset) }
        if offset < FrameHeader.size { add(encodedHeader + offset, FrameHeader.size - offset) }
        let start = max(offset - FrameHeader.size, 0)
        if start < header.payloadSize { add(payload + start, header.payloadSize - start) }
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
        if let last { last.pointee.next = frame } else { first = frame }
        last = frame
    }

    mutating func takeFirst() -> FrameReference? {
        guard let frame = first else { return nil }
        first = frame.pointee.next
        if first == nil { last = nil }
        return frame
    }
}

struct Outbox: ~Copyable {
    /// Frames for one sendmsg.
    private static let batch = 64

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

    mutating func append(_ frame: FrameReference) {
        pending.append(frame)
        pendingBytes += frame.pointee.header.frameSize
    }

    mutating func takeSent() -> FrameReference? { sent.takeFirst() }

    mutating func takePending() -> FrameReference? {
        guard let frame = pending.takeFirst() else { return nil }
        pendingBytes -= frame.pointee.header.frameSize - offset
        offset = 0
        return frame
    }

    enum Progress {
        case done
        /// The kernel takes no more now.
        case blocked
        case failed(Int32)
    }

    /// Sends as much as the kernel takes; `waiting`: all, unless the descriptor has a mind of its own.
    mutating func send(to descriptor: Descriptor, waiting: Bool = false) -> Progress {
        while hasPending {
            let (outcome, offered) = sendBatch(to: descriptor, waiting: waiting)
            switch outcome {
            case .count(let count):
                advance(count)
                // A short count means that the buffer is full: asking again would only say so.
                if count < offered, !waiting { return .blocked }
            case .wouldBlock, .end: return .blocked
            case .failed(let number): return .failed(number)
            }
        }
        return .done
    }

    private func sendBatch(to descriptor: Descriptor, waiting: Bool) -> (Descriptor.Outcome, offered: Int) {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2 * Outbox.batch) { vectors in
            guard let base = vectors.baseAddress else { return (.wouldBlock, 0) }
            var count = 0
            var total = 0
            var next = pending.first
            var skipped = offset
            // A frame has at most two parts.
            while let frame = next, count + 2 <= vectors.count {
                frame.pointee.parts(from: skipped) { start, length in
                    base[count] = iovec(iov_base: start, iov_len: length)
                    count += 1
                    total += length
                }
                skipped = 0
                next = frame.pointee.next
            }
            return (descriptor.send(base, count, waiting: waiting), total)
        }
    }

    /// The kernel took `count` bytes.
    private mutating func advance(_ count: Int) {
        pendingBytes -= count
        offset += count
        while let frame = pending.first, offset >= frame.pointee.header.frameSize {
            offset -= frame.pointee.header.frameSize
            _ = pending.takeFirst()
            sent.append(frame)
        }
    }
}
