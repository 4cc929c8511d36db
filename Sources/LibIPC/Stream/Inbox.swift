// Inbox.swift - the bytes that were received from one descriptor, and that nobody has taken yet.
//
// Buffers. A receive takes all bytes that are there into a buffer that the connections of a context share (BufferPool). Bytes that
// were read ahead, behind the message that is taken out, move into memory of the inbox. Once the inbox has a part of a payload it
// receives the rest in place, into memory that doubles with the bytes that have come: a length that a peer only announces costs no
// memory. After a large message the inbox receives the next payload in place from its first byte on, into a block of the pool.
//
// Descriptors. A descriptor that is passed (SCM_RIGHTS, unix(7)) belongs to the last byte of the receive that brought it. It waits here
// until a call takes that byte with its descriptor. When the byte is taken as part of a frame, the descriptor is closed. One
// descriptor can wait; more are closed.

struct Inbox: ~Copyable {
    /// A position of `passed`: the byte right behind the current frame.
    private static let behindFrame = UInt64.max

    /// Header of the current frame, the one that is being received; nil: no whole header yet.
    private(set) var header: FrameHeader?
    /// Length of the last message's payload.
    var lastLength: UInt32 = 0
    /// Payload of the current frame, from malloc(3), with one more byte than `capacity` for a NUL.
    private(set) var payload: UnsafeMutableRawPointer?
    /// Bytes of `payload` that have come, and for which there is room.
    private var filled = 0, capacity = 0
    /// Bytes behind the current frame, or a part of a header. None while the payload is incomplete.
    var readAhead = Bytes()
    /// How many bytes were taken out of this stream.
    var consumed: UInt64 = 0
    /// A passed descriptor that waits, and the position of its byte in the stream. A negative number is an errno: the kernel dropped
    /// the descriptor, because the process had no free number.
    private(set) var passed: (position: UInt64, descriptor: Int32)?
    /// A descriptor belongs to the message that its byte is in; otherwise it is for a call that asks for a byte and a descriptor.
    var acceptsDescriptors = false

    init() {}

    deinit {
        free(payload)
        if let passed, passed.descriptor >= 0 { libipc_close_passed(passed.descriptor) }
    }

    var isEmpty: Bool { header == nil && readAhead.count == 0 && passed == nil }
    /// Whether `parse` may find a whole message.
    var mayHoldMessage: Bool { isWhole || readAhead.count >= (header == nil ? FrameHeader.size : 1) }
    /// Whether `parse` will find a whole message.
    var holdsMessage: Bool {
        if isWhole { return true }
        guard header == nil, readAhead.count >= FrameHeader.size, let bytes = readAhead.readable.baseAddress else { return false }
        return readAhead.count >= FrameHeader(decoding: bytes).frameSize
    }
    var isWhole: Bool { payload != nil && filled == header?.payloadSize }

    /// Moves bytes that were read ahead into the current frame. True: the frame is whole, for `takeMessage`.
    mutating func parse(_ pool: inout BufferPool) throws(IPCError) -> Bool {
        guard !isWhole, readAhead.count > 0 else { return isWhole }
        var source = readAhead.readable
        let count = source.count
        defer { readAhead.removeFirst(count - source.count) }
        try absorb(&source, &pool)
        return isWhole
    }

    /// Bytes were read ahead, and no frame has been received in part.
    var hasReadAhead: Bool { header == nil && readAhead.count > 0 }

    @inline(__always)
    mutating func takeMessage() -> Message? {
        guard isWhole, let header, let payload else { return nil }
        (self.header, self.payload, filled, capacity) = (nil, nil, 0, 0)
        if passed?.position == Inbox.behindFrame { passed?.position = consumed }
        return makeMessage(header, payload)
    }

    /// Moves bytes of `source` into the current frame. On failure nothing is lost: the bytes stay in `source`.
    @inline(__always)
    private mutating func absorb(_ source: inout UnsafeRawBufferPointer, _ pool: inout BufferPool) throws(IPCError) {
        guard var bytes = source.baseAddress else { return }
        var available = source.count
        let announced: FrameHeader
        if let header {
            announced = header
        } else {
            guard available >= FrameHeader.size else { return }
            announced = FrameHeader(decoding: bytes)
            try check(announced.isAccepted(pool), IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the peer announced \(announced.length) bytes")
            (bytes, available) = (bytes + FrameHeader.size, available - FrameHeader.size)
        }
        let taken = min(announced.payloadSize - filled, available)
        try grow(to: filled + taken, of: announced.payloadSize, &pool)
        header = announced
        if taken > 0, let payload { memcpy(payload + filled, bytes, taken) }
        filled += taken
        let used = source.count - available + taken
        source = source.rest(after: used)
        consume(used)
    }

    /// Makes room for `wanted` bytes of a payload that has `size` bytes as a whole.
    @inline(__always)
    private mutating func grow(to wanted: Int, of size: Int, _ pool: inout BufferPool) throws(IPCError) {
        guard payload == nil || wanted > capacity else { return }
        let code = IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY
        let needed = wanted == size ? size : min(size, max(wanted * 2, 4096))
        if let payload {
            (self.payload, capacity) = (try allocate(needed + 1, growing: payload, code), needed)
        } else {
            // A block of a free list may be larger.
            let block = try pool.takePayload(needed + 1, code)
            (payload, capacity) = (block.memory, min(block.size - 1, size))
        }
    }

    // MARK: Receiving

    /// How much one receive may take: all bytes that are there, at most the rest of the current frame, or one byte.
    enum Extent { case all, frame, byte }
    /// What a receive has brought: the end of a whole message, some bytes, nothing (none are there yet), or the end of the stream.
    enum Arrival { case message, bytes, nothing, end }

    /// One receive. The caller has called `parse`, which has returned false.
    mutating func receive(
        from descriptor: Descriptor, into pool: inout BufferPool, waiting: Bool = false, _ extent: Extent = .all
    ) throws(IPCError) -> Arrival {
        // With a descriptor in hand no more than its frame is received: the next one is another frame's.
        let extent = acceptsDescriptors && passed != nil && !hasNoBytes ? .frame : extent
        if expectsLarge, hasNoBytes, extent == .all {
            let head = UnsafeMutableRawBufferPointer(rebasing: try pool.receiveBuffer(after: readAhead.readable).prefix(FrameHeader.size))
            if let block = pool.takeLargeBlock(Int(lastLength) + FrameHeader.size) {
                return try receive(from: descriptor, head, inPlace: block, &pool, waiting)
            }
        }
        if hasNoBytes, extent == .all {
            var arrival = Arrival.nothing
            guard var message = try receiveMessage(from: descriptor, &pool, waiting: waiting, &arrival) else { return arrival }
            let descriptor = message.takeDescriptor()
            if descriptor != -1 { passed = (consumed &- 1, descriptor) }
            (header, filled, capacity) = (message.header, message.header.payloadSize, message.header.payloadSize)
            payload = message.releasePayload()
            return .message
        }
        if let header, filled == capacity { try grow(to: filled + 1, of: header.payloadSize, &pool) }
        let space = try pool.receiveBuffer(after: readAhead.readable)
        let room = UnsafeMutableRawBufferPointer(start: payload.map { $0 + filled }, count: capacity - filled)
        var newlyPassed: Int32 = -1
        let received =
            extent == .all
            ? try descriptor.receive(room, space, waiting: waiting, &newlyPassed)
            : try receive(from: descriptor, room, space, extent, waiting, &newlyPassed)
        guard let count = received else { return .nothing }
        if newlyPassed != -1 {
            let isBehind = extent == .frame && !acceptsDescriptors
            keepPassed(newlyPassed, position: isBehind ? Inbox.behindFrame : consumed + UInt64(readAhead.count + count) - 1)
        }
        if count == 0 { return .end }
        let inPlace = min(count, room.count)
        filled += inPlace
        consume(inPlace)
        let earlier = readAhead.count
        var source = UnsafeRawBufferPointer(start: space.baseAddress.map { $0 - earlier }, count: earlier + count - inPlace)
        defer { readAhead = pool.detach(source) }
        try absorb(&source, &pool)
        return isWhole ? .message : .bytes
    }

    /// The next message may be received in place: the last one was large.
    var expectsLarge: Bool { lastLength >= BufferPool.largeSize }

    /// The most common receive: the inbox is empty, and usually one whole message comes, which the caller gets at once.
    /// - Parameter arrival: what came, if it was no whole message.
    mutating func receiveMessage(
        from descriptor: Descriptor, _ pool: inout BufferPool, waiting: Bool = false, _ arrival: inout Arrival
    ) throws(IPCError) -> Message? {
        let space = try pool.receiveBuffer()
        var newlyPassed: Int32 = -1
        guard let count = try descriptor.receive(space, waiting: waiting, &newlyPassed) else { return nil }
        if newlyPassed != -1 { keepPassed(newlyPassed, position: consumed &+ UInt64(count) &- 1) }
        guard count > 0, let bytes = space.baseAddress else {
            arrival = .end
            return nil
        }
        if count >= FrameHeader.size {
            let announced = FrameHeader(decoding: bytes)
            // Without memory for the payload the bytes are kept below, so nothing is lost.
            if count == announced.frameSize, announced.isAccepted(pool), let payload = pool.takeSmallPayload(announced.payloadSize) {
                memcpy(payload, bytes + FrameHeader.size, announced.payloadSize)
                consume(count)
                return makeMessage(announced, payload)
            }
        }
        var source = UnsafeRawBufferPointer(start: bytes, count: count)
        defer { readAhead = pool.detach(source) }
        try absorb(&source, &pool)
        arrival = isWhole ? .message : .bytes
        return nil
    }

    /// - Parameter payload: has room for one more byte.
    @inline(__always)
    mutating func makeMessage(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer) -> Message {
        // A NUL behind the payload: programs may print it as text.
        payload.storeBytes(of: 0, toByteOffset: header.payloadSize, as: UInt8.self)
        lastLength = header.length
        return Message(header, adopting: payload, descriptor: acceptsDescriptors ? takeMessageDescriptor() : -1)
    }

    /// The descriptor that came with the message whose bytes were taken last.
    @inline(never)
    private mutating func takeMessageDescriptor() -> Int32 {
        guard let passed, passed.position < consumed else { return -1 }
        self.passed = nil
        return passed.descriptor
    }

    /// One receive of at most the rest of the current frame, or of one byte.
    @inline(never)
    private mutating func receive(
        from descriptor: Descriptor, _ room: UnsafeMutableRawBufferPointer, _ space: UnsafeMutableRawBufferPointer, _ extent: Extent,
        _ waiting: Bool, _ newlyPassed: inout Int32
    ) throws(IPCError) -> Int? {
        if extent == .byte, room.count == 0 { return try descriptor.receiveByte(space.baseAddress, waiting: waiting, &newlyPassed) }
        let missing = if let header { header.payloadSize - filled } else { FrameHeader.size - readAhead.count }
        let rest = extent == .byte ? 1 : min(missing - room.count, space.count)
        let behind = UnsafeMutableRawBufferPointer(start: space.baseAddress, count: rest)
        return try descriptor.receive(room, behind, waiting: waiting, &newlyPassed)
    }

    /// One receive of a message that may be as large as the last one: the header into `head`, the payload into `block`, where it stays.
    @inline(never)
    private mutating func receive(
        from descriptor: Descriptor, _ head: UnsafeMutableRawBufferPointer, inPlace block: Block,
        _ pool: inout BufferPool, _ waiting: Bool
    ) throws(IPCError) -> Arrival {
        let body = UnsafeMutableRawBufferPointer(start: block.memory, count: Int(lastLength))
        var newlyPassed: Int32 = -1
        let received = try undoing(
            pool.returnPayload(block.memory, block.size), try descriptor.receive(head, body, waiting: waiting, &newlyPassed))
        guard let count = received, count > 0, let bytes = head.baseAddress else {
            pool.returnPayload(block.memory, block.size)
            return received == nil ? .nothing : .end
        }
        if newlyPassed != -1 { keepPassed(newlyPassed, position: consumed + UInt64(count) - 1) }
        let (announced, came) = (FrameHeader(decoding: bytes), count - FrameHeader.size)
        // A message that fills less than an eighth of the block would waste memory.
        guard came >= block.size / 8, announced.isAccepted(pool), came <= announced.payloadSize else {
            // These bytes are no single large message: puts header and payload together, and parses them like bytes read ahead.
            memmove(block.memory + FrameHeader.size, block.memory, max(came, 0))
            memcpy(block.memory, bytes, min(count, FrameHeader.size))
            readAhead = pool.detach(UnsafeRawBufferPointer(start: block.memory, count: count), of: block)
            return try parse(&pool) ? .message : .bytes
        }
        (header, payload, filled) = (announced, block.memory, came)
        capacity = min(block.size - 1, announced.payloadSize)
        consume(count)
        return isWhole ? .message : .bytes
    }

    // MARK: Passed descriptors

    /// Keeps a descriptor, or an error in its place, until its byte is taken. While an earlier descriptor waits, a new one is closed;
    /// an earlier error gives way.
    private mutating func keepPassed(_ descriptor: Int32, position: UInt64) {
        guard let earlier = passed, descriptor < 0 || earlier.descriptor >= 0 else { return passed = (position, descriptor) }
        if descriptor >= 0 { libipc_close_passed(descriptor) }
    }

    /// Counts bytes that are taken out of the stream. Closes a descriptor that came with them, because no call has asked for it.
    mutating func consume(_ count: Int) {
        consumed += UInt64(count)
        if acceptsDescriptors { return }
        if let passed, passed.position < consumed {
            if passed.descriptor >= 0 { libipc_close_passed(passed.descriptor) }
            self.passed = nil
        }
    }

    /// Closes a received descriptor that no call has asked for.
    mutating func closePassed() { if let passed = passed.take() { libipc_close_passed(passed.descriptor) } }

    /// The inbox holds no byte and no part of a frame: the next byte may bring a descriptor.
    var hasNoBytes: Bool { header == nil && readAhead.count == 0 }

    /// Takes one byte from the stream, if no frame has been received in part. Returns the descriptor that came with it, or the
    /// error for which it was lost.
    mutating func takeDescriptor() -> Int32? {
        guard header == nil, readAhead.count > 0 else { return nil }
        readAhead.removeFirst(1)
        defer { consume(1) }
        return passed?.position == consumed ? passed.take()?.descriptor : nil
    }
}
