// Outbox.swift - the frames that wait to be sent to one descriptor, and those whose sending has not been reported.
//
// A frame is one block of memory: its node, its header, and behind it a copy of the payload, so that many frames go
// in one sendmsg(2).

import CLibIPC

typealias OutboundFrameReference = UnsafeMutablePointer<OutboundFrame>

struct OutboundFrame {
    var next: OutboundFrameReference?
    let header: FrameHeader
    let receiver: Int32
    /// Where the roster lists it.
    var listing = 0
    /// The encoded header; the payload follows it, or lies in memory that was adopted.
    fileprivate let encoded: UnsafeMutableRawPointer
    fileprivate let adopted: UnsafeMutableRawPointer?

    var payload: UnsafeMutableRawPointer { adopted ?? encoded + FrameHeader.size }

    /// A deep copy of `payload`, or `payload` itself when it is adopted. `free` it with `OutboundFrame.destroy`.
    private static func make(
        _ header: FrameHeader, to receiver: Int32, adopting payload: UnsafeMutableRawPointer?, inline: Int
    ) throws(OutOfMemory) -> OutboundFrameReference {
        let node = MemoryLayout<OutboundFrame>.stride
        let memory = try allocate(node + FrameHeader.size + inline)
        let frame = memory.bindMemory(to: OutboundFrame.self, capacity: 1)
        header.encode(into: memory + node)
        frame.initialize(
            to: OutboundFrame(
                next: nil, header: header, receiver: receiver, encoded: memory + node, adopted: payload))
        return frame
    }

    static func copying(
        _ payload: UnsafeRawPointer?, header: FrameHeader, to receiver: Int32
    ) throws(OutOfMemory) -> OutboundFrameReference {
        let frame = try make(header, to: receiver, adopting: nil, inline: Int(header.length))
        if let payload { memcpy(frame.pointee.payload, payload, Int(header.length)) }
        return frame
    }

    /// Large payloads are not copied a second time on their way from one switched end to the other.
    static func adopting(_ message: consuming Message, to receiver: Int32) throws(OutOfMemory) -> OutboundFrameReference {
        let header = message.header
        guard header.length > 4096 else { return try copying(message.payload.bytes, header: header, to: receiver) }
        let frame = try make(header, to: receiver, adopting: UnsafeMutableRawPointer(mutating: message.payload.bytes), inline: 0)
        _ = message.payload.release()
        return frame
    }

    static func destroy(_ frame: OutboundFrameReference) {
        free(frame.pointee.adopted)
        free(frame)
    }

    /// The parts of the frame from byte `offset` on.
    fileprivate func parts(from offset: Int, _ add: (UnsafeMutableRawPointer, Int) -> Void) {
        let ahead = adopted == nil ? header.frameSize : FrameHeader.size
        if offset < ahead { add(encoded + offset, ahead - offset) }
        guard let adopted else { return }
        let start = max(offset - FrameHeader.size, 0)
        if start < header.length { add(adopted + start, Int(header.length) - start) }
    }
}

/// Frames linked through themselves, oldest first. Whoever takes one out owns it.
struct FrameList: ~Copyable {
    private(set) var first: OutboundFrameReference?
    private var last: OutboundFrameReference?

    init() {}

    deinit {
        var next = first
        while let frame = next {
            next = frame.pointee.next
            OutboundFrame.destroy(frame)
        }
    }

    mutating func append(_ frame: OutboundFrameReference) {
        frame.pointee.next = nil
        if let last { last.pointee.next = frame } else { first = frame }
        last = frame
    }

    mutating func takeFirst() -> OutboundFrameReference? {
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
    /// Frames that the kernel has and that nobody has been told of.
    private(set) var sentCount = 0
    /// Bytes that the kernel does not have yet.
    private(set) var pendingBytes = 0

    init() {}

    var hasPending: Bool { pending.first != nil }
    var isHalfSent: Bool { offset > 0 }

    mutating func append(_ frame: OutboundFrameReference) {
        pending.append(frame)
        pendingBytes += frame.pointee.header.frameSize
    }

    /// Takes out the oldest frame that was sent.
    mutating func takeSent() -> OutboundFrameReference? {
        guard let frame = sent.takeFirst() else { return nil }
        sentCount -= 1
        return frame
    }

    /// Takes out the next frame to send.
    mutating func takePending() -> OutboundFrameReference? {
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

    private func sendBatch(to descriptor: Descriptor, waiting: Bool) -> (Descriptor.Outcome, Int) {
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
            sentCount += 1
        }
    }
}
