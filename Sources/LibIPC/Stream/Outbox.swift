// Outbox.swift - the frames that wait to be sent to one descriptor.
//
// The queue is a list linked through the frames, oldest first. At its front are frames that were sent and not taken out yet; the pending
// frames follow. A frame is begun when some of its bytes were sent. One system call sends as many frames as possible.

struct Outbox: ~Copyable {
    /// Parts of frames for one sendmsg(2): with one more they fill 1 KiB, the most that Swift takes from the stack.
    private static let batch = 63
    /// Bytes of a piece so small that the kernel takes all of it, or nothing.
    static let piece = 1024

    private var first: FrameReference?
    private var lastSent: FrameReference?, last: FrameReference?
    /// How many bytes of the first pending frame were sent.
    private var offset = 0
    /// Number of bytes that were not sent yet, and of their frames.
    private(set) var pendingBytes = 0
    private(set) var pendingFrames: UInt32 = 0
    /// This process is a child, and its parent has the same frames, which it sends.
    var isInherited = false
    /// How many frames of the first pending block were sent whole. So short, and here, so that an idle connection takes no more memory.
    private var framesGone: UInt16 = 0

    init() {}

    deinit {
        var next = first
        while let frame = next {
            next = frame.pointee.next
            OutboundFrame.destroy(frame)
        }
    }

    private var firstPending: FrameReference? { if let lastSent { lastSent.pointee.next } else { first } }
    var hasPending: Bool { pendingFrames > 0 }
    /// The block of the frame that was sent in part. Its rest must come next in the stream.
    var begun: FrameReference? { isBegun ? firstPending : nil }
    var isBegun: Bool { offset > 0 && restOfBegun > 0 }
    /// Bytes of that frame that were not sent yet.
    private var restOfBegun: Int { offset > 0 ? (firstPending?.frame(at: offset).end ?? offset) - offset : 0 }

    /// - Parameter sent: how many of its bytes were sent; not 0 only if no other frame is pending.
    @inline(__always)
    mutating func append(_ frame: FrameReference, sent: Int = 0) {
        frame.pointee.next = nil
        if let last { last.pointee.next = frame } else { first = frame }
        last = frame
        pendingBytes += frame.pointee.size - sent
        pendingFrames += frame.pointee.frameCount
        if sent > 0 { offset = sent }
    }

    /// Packs a frame into the last block.
    /// - Returns: false: that has no room for it.
    @inline(__always)
    mutating func pack(_ header: FrameHeader, _ payload: UnsafeRawPointer?) -> Bool {
        guard pendingFrames > 0, let last, last.pack(header, payload) else { return false }
        pendingBytes += header.frameSize
        pendingFrames += 1
        return true
    }

    /// Whether the last frame is pending and small: then another small one begins a block with room for more.
    var endsSmall: Bool {
        guard pendingFrames > 0, let last else { return false }
        return last.pointee.size <= OutboundFrame.largestFirst && last.isInline && last.pointee.descriptor < 0 || last.isRoomy
    }

    /// Appends all frames of another outbox, of which none is begun.
    mutating func append(contentsOf other: inout Outbox) { while let frame = other.takePending() { append(frame) } }

    // MARK: Taking frames out. Whoever takes a frame owns it.

    private mutating func take(behind predecessor: FrameReference?) -> FrameReference? {
        guard let frame = predecessor == nil ? first : predecessor?.pointee.next else { return nil }
        if let predecessor { predecessor.pointee.next = frame.pointee.next } else { first = frame.pointee.next }
        if last == frame { last = predecessor }
        if lastSent == frame { lastSent = nil }
        return frame
    }

    /// Takes the oldest frame that was sent.
    @inline(__always)
    mutating func takeSent() -> FrameReference? { lastSent == nil ? nil : take(behind: nil) }

    mutating func takePending() -> FrameReference? { takePending(behind: lastSent) }

    /// The only frame, if it is small, and no byte of it was sent.
    @inline(__always)
    var onlySmall: FrameReference? {
        guard pendingFrames == 1, lastSent == nil, offset == 0, let first, first.isInline,
            first.pointee.descriptor < 0
        else { return nil }
        return first
    }

    /// The only frame (`onlySmall`) was sent whole. It belongs to the caller now.
    @inline(__always)
    mutating func removeOnly() {
        (first, last, pendingBytes, pendingFrames, isInherited) = (nil, nil, 0, 0, false)
    }

    /// Takes the first pending block of which no frame was sent in part. Frames that are packed behind one that was are dropped.
    mutating func takeUnbegun() -> FrameReference? {
        if let begun, begun.pointee.packed > 0 { unpackBehind(begun) }
        return takePending(behind: begun ?? lastSent)
    }

    private mutating func takePending(behind predecessor: FrameReference?) -> FrameReference? {
        guard let frame = take(behind: predecessor) else { return nil }
        var (bytes, frames) = (frame.pointee.size, frame.pointee.frameCount)
        if predecessor == lastSent {
            (bytes, frames) = (bytes - offset, frames - UInt32(framesGone))
            (offset, framesGone) = (0, 0)
        }
        pendingBytes -= bytes
        pendingFrames -= frames
        return frame
    }

    /// Drops the frames that are packed behind the one that is begun.
    private mutating func unpackBehind(_ block: FrameReference) {
        let (size, count) = (block.pointee.size, block.pointee.frameCount)
        block.truncate(behind: offset)
        pendingBytes -= size - block.pointee.size
        pendingFrames -= count - block.pointee.frameCount
    }

    /// Takes the first pending frame, also out of a block of several; none is begun.
    mutating func takeFrame(_ pool: inout BufferPool) throws(IPCError) -> FrameReference? {
        guard let block = firstPending, block.pointee.packed > 0 else { return takePending() }
        let bytes = block.encoded + offset
        let header = FrameHeader(decoding: bytes)
        let frame = try OutboundFrame.make(header, copying: bytes + FrameHeader.size, &pool)
        advance(header.frameSize)
        return frame
    }

    /// The program is told about none of these frames.
    mutating func unlist() {
        var next = firstPending
        while let frame = next {
            frame.pointee.listing = OutboundFrame.unlisted
            next = frame.pointee.next
        }
    }

    // MARK: Sending

    /// Sends as much as the kernel takes without waiting.
    /// - Parameter finishing: sends only the rest of the frame that is begun.
    /// - Returns: false: the kernel's buffer is full, and bytes are left.
    mutating func send(to descriptor: Descriptor, finishing: Bool = false) throws(IPCError) -> Bool {
        while finishing ? isBegun : hasPending {
            let (count, isFull) = try sendBatch(to: descriptor, limit: finishing ? 1 : Outbox.batch)
            advance(count)
            if isFull { return false }
        }
        return true
    }

    @inline(__always)
    private mutating func sendBatch(to descriptor: Descriptor, limit: Int) throws(IPCError) -> (count: Int, isFull: Bool) {
        if let frame = firstPending, frame.pointee.descriptor >= 0 { return try sendWithDescriptor(frame, to: descriptor) }
        if let frame = firstPending, frame.isInline, limit == 1 || frame.pointee.next == nil {
            let size = limit == 1 && frame.pointee.packed > 0 ? restOfBegun : frame.pointee.size - offset
            return try descriptor.send(frame.encoded + offset, size)
        }
        return try sendParts(to: descriptor, limit: limit)
    }

    /// A descriptor goes with the first byte of its frame. The frame goes alone: the receiver knows by the last byte of a receive which
    /// frame the descriptor belongs to.
    @inline(never)
    private mutating func sendWithDescriptor(_ frame: FrameReference, to descriptor: Descriptor) throws(IPCError) -> (Int, Bool) {
        var vectors = (iovec(), iovec())
        var total = 0
        let sent = withUnsafeMutableBytes(of: &vectors) { memory in
            guard let base = memory.baseAddress?.assumingMemoryBound(to: iovec.self) else { return 0 }
            var count = 0
            frame.parts(from: 0) { start, length in
                base[count] = iovec(iov_base: start, iov_len: length)
                (count, total) = (count + 1, total + length)
            }
            return libipc_send_with_descriptor(descriptor.number, base, count, frame.pointee.descriptor, 0)
        }
        if sent < 0 {
            if libipc_errno() == EAGAIN { return (0, true) }
            throw .system(IPC_ERROR_USOCK_SEND, "send a descriptor to descriptor \(descriptor.number)")
        }
        frame.closeDescriptor()
        return (sent, sent < total)
    }

    @inline(never)
    private mutating func sendParts(to descriptor: Descriptor, limit: Int) throws(IPCError) -> (count: Int, isFull: Bool) {
        try withUnsafeTemporaryAllocation(of: iovec.self, capacity: Outbox.batch + 1) { vectors throws(IPCError) in
            guard let base = vectors.baseAddress else { return (0, true) }
            var (count, total, skipped) = (0, 0, offset)
            var next = firstPending
            // A frame has one part, or two.
            while let frame = next, count < limit, frame.pointee.descriptor < 0 {
                frame.parts(from: skipped) { start, length in
                    base[count] = iovec(iov_base: start, iov_len: length)
                    (count, total) = (count + 1, total + length)
                }
                skipped = 0
                next = frame.pointee.next
            }
            return try descriptor.send(base, count, total)
        }
    }

    /// Sends a piece as write(2) would: waits until the kernel takes it. Because it takes all or nothing of so small a piece, the kernel
    /// decides whether a signal handler ends the wait.
    /// - Returns: 0, or errno.
    mutating func sendPiece(to descriptor: Descriptor) -> Int32 {
        var sent = 0
        // Not beyond a frame: the next one may be none that the caller sends.
        let rest = firstPending.map { $0.pointee.packed > 0 ? $0.frame(at: offset + 1).end - offset : Outbox.piece } ?? 0
        firstPending?.parts(from: offset) { start, length in
            if sent != 0 { return }
            var vector = iovec(iov_base: start, iov_len: min(length, rest, Outbox.piece))
            guard let frame = firstPending, frame.pointee.descriptor >= 0 else {
                return sent = libipc_send_piece(descriptor.number, start, vector.iov_len)
            }
            sent = libipc_send_with_descriptor(descriptor.number, &vector, 1, frame.pointee.descriptor, 1)
            if sent > 0 { frame.closeDescriptor() }
        }
        if sent < 0 { return libipc_errno() }
        advance(sent)
        return 0
    }

    /// The kernel took `count` bytes.
    @inline(__always)
    mutating func advance(_ count: Int) {
        pendingBytes -= count
        offset += count
        while let frame = firstPending, offset >= frame.pointee.size {
            offset -= frame.pointee.size
            pendingFrames -= frame.pointee.frameCount - UInt32(framesGone)
            framesGone = 0
            lastSent = frame
        }
        if offset > 0, let frame = firstPending, frame.pointee.packed > 0 { countGone(frame) }
    }

    /// A part of a block of several frames was sent.
    @inline(never)
    private mutating func countGone(_ block: FrameReference) {
        let gone = block.frame(at: offset).number
        pendingFrames -= gone - UInt32(framesGone)
        framesGone = UInt16(truncatingIfNeeded: gone)
    }
}
