// Outbox.swift - the frames that wait to be sent to one descriptor, and those that have been and are to be reported.
//
// A frame is one block of memory: its node, its header, and right behind that a copy of the payload, so that many frames go
// in one sendmsg(2). Large payloads that somebody gives away, or lends, are not copied.

typealias FrameReference = UnsafeMutablePointer<OutboundFrame>

struct OutboundFrame: BitwiseCopyable {
    fileprivate(set) var next: FrameReference?
    let header: FrameHeader
    /// Its number in the view's list; nil when nobody is to be told of it.
    var listing: Int? = 0
    let payload: UnsafeMutableRawPointer
    fileprivate(set) var ownership: Ownership

    /// Whose the payload is: part of the frame, or a block that goes with it; or it is lent, by a call that waits until the frame
    /// has left the outbox, and that frees the frame itself.
    enum Ownership { case inside, adopted, lent }
    /// Of a frame that is lent.
    enum Fate { case queued, sent, dropped }
    fileprivate(set) var fate = Fate.queued

    /// A frame with a copy of `payload` behind it; or, `elsewhere`, without: that one stays where it is, malloc'ed and the frame's
    /// own, unless it is `lent`. `destroy` frees it.
    static func make(
        _ header: FrameHeader, copying payload: UnsafeRawPointer? = nil, elsewhere: UnsafeMutableRawPointer? = nil, lent: Bool = false,
        _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        let together = elsewhere == nil ? header.frameSize : FrameHeader.size
        let memory = try pool.takeBlock(MemoryLayout<OutboundFrame>.stride + together, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY)
        let frame = memory.bindMemory(to: OutboundFrame.self, capacity: 1)
        header.encode(into: frame.encoded)
        if let payload { memcpy(frame.inlinePayload, payload, header.payloadSize) }
        frame.initialize(
            to: OutboundFrame(
                header: header, listing: lent ? nil : 0, payload: elsewhere ?? frame.inlinePayload,
                ownership: lent ? .lent : elsewhere != nil ? .adopted : .inside))
        return frame
    }

    static func destroy(_ frame: FrameReference) {
        var none = BufferPool(size: 0)
        destroy(frame, &none)
    }

    /// The memory serves frames to come. A frame that is lent is its lender's.
    static func destroy(_ frame: FrameReference, _ pool: inout BufferPool) {
        if frame.pointee.ownership == .lent { return frame.pointee.fate = .dropped }
        if frame.pointee.ownership == .adopted { pool.returnPayload(frame.pointee.payload, frame.pointee.header.payloadSize) }
        reclaim(frame, &pool)
    }

    /// The same, but the memory is kept until `dropped` is freed.
    static func drop(_ frame: FrameReference, keeping dropped: inout Outbox) {
        if frame.pointee.ownership == .lent { return frame.pointee.fate = .dropped }
        dropped.append(frame)
    }

    /// A frame for a call that waits until it is sent. Only a payload that is large stays where it is: a small one goes together
    /// with its header, which costs less.
    static func lend(
        _ header: FrameHeader, _ payload: UnsafeMutableRawPointer?, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        if header.frameSize > BufferPool.mediumSize { return try make(header, elsewhere: payload, lent: true, &pool) }
        return try make(header, copying: payload, lent: true, &pool)
    }

    /// The memory of the frame serves frames to come: of one that was lent, when its lender has it again.
    static func reclaim(_ frame: FrameReference, _ pool: inout BufferPool) {
        pool.returnBlock(frame, MemoryLayout<OutboundFrame>.stride + frame.together)
    }
}

extension FrameReference {
    fileprivate var encoded: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self + 1) }
    fileprivate var inlinePayload: UnsafeMutableRawPointer { encoded + FrameHeader.size }
    fileprivate var isInline: Bool { pointee.payload == inlinePayload }

    /// Bytes that lie behind the node: the whole frame, or its header.
    fileprivate var together: Int { isInline ? pointee.header.frameSize : FrameHeader.size }

    /// The parts of the frame from byte `offset` on: one, or two where the payload lies elsewhere.
    fileprivate func parts(from offset: Int, _ add: (UnsafeMutableRawPointer, Int) -> Void) {
        let together = together
        if offset < together { add(encoded + offset, together - offset) }
        let start = Swift.max(offset - FrameHeader.size, 0)
        if together < pointee.header.frameSize { add(pointee.payload + start, pointee.header.payloadSize - start) }
    }
}

struct Outbox: ~Copyable {
    /// Parts of frames for one sendmsg: as many as fit the kilobyte that Swift takes from the stack.
    private static let batch = 63

    /// Frames linked through themselves, oldest first: up to `lastSent` those that the kernel has, then those that wait.
    private(set) var first: FrameReference?
    private var lastSent: FrameReference?, last: FrameReference?
    /// How many bytes of the first that waits the kernel has.
    private var offset = 0
    /// Number of bytes that the kernel does not have yet, and of their frames.
    private(set) var pendingBytes = 0
    private(set) var pendingFrames = 0
    /// Claim of a thread that waits in a system call, without the lock, until the kernel has taken the next `piece` bytes, or a
    /// descriptor. No other thread sends until the claim ends.
    private var sender = Reader.none
    private var piece = 0

    init() {}

    deinit {
        var next = first
        while let frame = next {
            next = frame.pointee.next
            OutboundFrame.destroy(frame)
        }
    }

    var firstPending: FrameReference? { if let lastSent { lastSent.pointee.next } else { first } }
    var hasPending: Bool { firstPending != nil }
    /// Frames that the kernel has, and that nobody has taken out.
    var hasSent: Bool { lastSent != nil }
    var isHalfSent: Bool { offset > 0 || piece > 0 && sender.isThere }
    /// The frame of which the kernel has a part: without its rest the stream would be broken, whoever writes next.
    var begun: FrameReference? { isHalfSent ? firstPending : nil }

    @inline(__always)
    mutating func append(_ frame: FrameReference) {
        frame.pointee.next = nil
        if let last { last.pointee.next = frame } else { first = frame }
        last = frame
        pendingBytes += frame.pointee.header.frameSize
        pendingFrames += 1
    }

    /// Takes out the frame behind `predecessor`, or the first one. Whoever takes it owns it.
    private mutating func take(behind predecessor: FrameReference?) -> FrameReference? {
        guard let frame = predecessor == nil ? first : predecessor?.pointee.next else { return nil }
        if let predecessor { predecessor.pointee.next = frame.pointee.next } else { first = frame.pointee.next }
        if last == frame { last = predecessor }
        if lastSent == frame { lastSent = nil }
        return frame
    }

    /// `kept`: the outbox now owns the frame and its rest. `copied`: it owns a copy. `cut`: the rest is lost.
    enum Return { case whole, kept, copied, cut, notHere }

    /// Takes a lent frame back. The lender frees it, unless the result is `kept`.
    /// - Parameter keeping: if a part was sent, the rest stays, to be sent first.
    mutating func takeBack(_ frame: FrameReference, keeping: Bool) -> Return {
        if frame == begun {
            if keeping, adopt(frame) { return frame.pointee.ownership == .lent ? .copied : .kept }
            _ = takePending()
            return .cut
        }
        var (predecessor, next) = (lastSent, firstPending)
        while let other = next, other != frame { (predecessor, next) = (other, other.pointee.next) }
        guard next != nil, take(behind: predecessor) != nil else { return .notHere }
        pendingBytes -= frame.pointee.header.frameSize
        pendingFrames -= 1
        return .whole
    }

    /// Makes the outbox the owner of the first pending frame, which is lent: of the frame itself, or of a copy that replaces it.
    /// False: no memory.
    private mutating func adopt(_ frame: FrameReference) -> Bool {
        if frame.isInline {
            frame.pointee.ownership = .inside
            return true
        }
        var none = BufferPool(size: 0)
        guard let copy = try? OutboundFrame.make(frame.pointee.header, copying: frame.pointee.payload, &none) else { return false }
        copy.pointee.listing = nil
        copy.pointee.next = frame.pointee.next
        if let lastSent { lastSent.pointee.next = copy } else { first = copy }
        if last == frame { last = copy }
        return true
    }

    // MARK: The claim of a thread that waits without the lock

    /// Another thread has the claim; or this thread has it, and this is a signal handler.
    var isClaimed: Bool { sender.isThere }
    var isClaimedByOther: Bool { sender.isAnother }

    /// Begins a claim: the thread is about to wait until the kernel takes this number of bytes of the first pending frame, which it
    /// has copied, or a descriptor.
    mutating func claim(_ piece: Int) { (sender, self.piece) = (.this, piece) }

    /// Ends the claim. It may already be gone, together with the frame.
    mutating func unclaim(sent count: Int) {
        guard sender == .this else { return }
        (sender, piece) = (.none, 0)
        advance(count)
    }

    /// Copies the next pending bytes of one frame, at most as many as `buffer` holds.
    mutating func copyNext(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var count = 0
        firstPending?.parts(from: offset) { start, length in
            let part = min(length, buffer.count - count)
            if part > 0, let base = buffer.baseAddress { memcpy(base + count, start, part) }
            count += part
        }
        return count
    }

    mutating func takeSent() -> FrameReference? { hasSent ? take(behind: nil) : nil }

    mutating func takePending() -> FrameReference? {
        guard let frame = take(behind: lastSent) else { return nil }
        pendingBytes -= frame.pointee.header.frameSize - offset
        pendingFrames -= 1
        offset = 0
        if piece > 0 { (sender, piece) = (.none, 0) }
        return frame
    }

    /// Any frame but the one that is begun.
    mutating func takeUnbegun() -> FrameReference? {
        if hasSent { return takeSent() }
        guard let begun else { return takePending() }
        guard let frame = take(behind: begun) else { return nil }
        pendingBytes -= frame.pointee.header.frameSize
        pendingFrames -= 1
        return frame
    }

    /// Nobody is to be told of any frame any more.
    mutating func drop() {
        while let frame = takeUnbegun() { OutboundFrame.destroy(frame) }
        begun?.pointee.listing = nil
    }

    /// Sends as much as the kernel takes; `finishing`: only the rest of a frame that was sent in part. False: there is more, or a
    /// thread has a claim.
    mutating func send(to descriptor: Descriptor, finishing: Bool = false) throws(IPCError) -> Bool {
        if isClaimed { return false }
        while finishing ? isHalfSent : hasPending {
            let (count, isFull) = try sendBatch(to: descriptor, limit: finishing ? 1 : Outbox.batch)
            advance(count)
            if isFull { return false }
        }
        return true
    }

    @inline(__always)
    private mutating func sendBatch(to descriptor: Descriptor, limit: Int) throws(IPCError) -> (count: Int, isFull: Bool) {
        if let frame = firstPending, frame.pointee.next == nil, frame.isInline {
            var whole = iovec(iov_base: frame.encoded + offset, iov_len: frame.pointee.header.frameSize - offset)
            return try descriptor.send(&whole, 1, whole.iov_len)
        }
        return try withUnsafeTemporaryAllocation(of: iovec.self, capacity: Outbox.batch + 1) { vectors throws(IPCError) in
            guard let base = vectors.baseAddress else { return (0, true) }
            var (count, total, skipped) = (0, 0, offset)
            var next = firstPending
            // A frame has one part, or two.
            while let frame = next, count < limit {
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

    /// The kernel took `count` bytes.
    @inline(__always)
    private mutating func advance(_ count: Int) {
        pendingBytes -= count
        offset += count
        while let frame = firstPending, offset >= frame.pointee.header.frameSize {
            offset -= frame.pointee.header.frameSize
            pendingFrames -= 1
            if frame.pointee.listing != nil {
                lastSent = frame
            } else if let unlisted = take(behind: lastSent) {
                if unlisted.pointee.ownership == .lent { unlisted.pointee.fate = .sent } else { OutboundFrame.destroy(unlisted) }
            }
        }
    }
}
