// Inbox.swift - what was received from one descriptor and has not been handed on.
//
// Reading much and delivering one: a receive takes what is there into a buffer that all connections of a context share
// (BufferPool), and only what is left when a message has been taken out moves into memory of the connection's own. A payload of
// which a part has come is received in place from then on, into memory that doubles with what has been received: what a
// peer announces costs nothing. After a large message the next one is received in place from its first byte on, into a block
// that the context has anyway.
//
// A descriptor that comes along (SCM_RIGHTS, unix(7)) belongs to the last byte of the read that brought it. It waits here until
// that byte is asked for with its descriptor, or is closed when it passes as part of a frame. One can wait; more are closed.

struct Inbox: ~Copyable {
    /// Of a descriptor: the first byte behind the frame in the making.
    private static let behindFrame = UInt64.max

    /// The frame in the making: its header once that is whole, and its payload, malloc'ed with a byte to spare.
    private(set) var header: FrameHeader?
    /// The last one's length.
    private var lastLength: UInt32 = 0
    private(set) var payload: UnsafeMutableRawPointer?
    private var filled = 0, capacity = 0
    /// Bytes behind that frame: none while a payload is incomplete.
    private var backlog = Bytes()
    /// How many bytes were taken out of this stream.
    private var consumed: UInt64 = 0
    /// A received descriptor, and the position of its byte in the stream. Negative: the kernel dropped the descriptor for this
    /// error, because the process had no free number.
    private var passed: (position: UInt64, descriptor: Int32)?

    init() {}

    deinit {
        free(payload)
        if let passed, passed.descriptor >= 0 { libipc_close_passed(passed.descriptor) }
    }

    var isEmpty: Bool { header == nil && backlog.count == 0 && passed == nil }
    /// `parse` may find a whole message.
    var mayHoldMessage: Bool { isWhole || backlog.count >= (header == nil ? FrameHeader.size : 1) }
    /// `parse` will find one.
    var holdsMessage: Bool {
        if isWhole { return true }
        guard header == nil, backlog.count >= FrameHeader.size, let bytes = backlog.readable.baseAddress else { return false }
        return backlog.count >= FrameHeader(decoding: bytes).frameSize
    }
    var isWhole: Bool { payload != nil && filled == header?.payloadSize }

    /// Moves buffered bytes into the frame in the making. True: the frame is whole, for `takeMessage`.
    mutating func parse(_ pool: inout BufferPool) throws(IPCError) -> Bool {
        guard !isWhole, backlog.count > 0 else { return isWhole }
        var source = backlog.readable
        let count = source.count
        defer { backlog.removeFirst(count - source.count) }
        try absorb(&source, &pool)
        return isWhole
    }

    /// Bytes were read ahead, and no frame is in the making.
    var hasBacklog: Bool { header == nil && backlog.count > 0 }

    /// Takes out a small message that was read ahead as a whole; nil: there is none, or no memory.
    mutating func takeWhole() -> Message? {
        guard hasBacklog, backlog.count >= FrameHeader.size, let bytes = backlog.readable.baseAddress else { return nil }
        let announced = FrameHeader(decoding: bytes)
        guard announced.length < UInt32(BufferPool.largeSize), backlog.count >= announced.frameSize,
            let payload = malloc(announced.payloadSize + 1)
        else { return nil }
        memcpy(payload, bytes + FrameHeader.size, announced.payloadSize)
        backlog.removeFirst(announced.frameSize)
        consume(announced.frameSize)
        return finish(announced, payload)
    }

    @inline(__always)
    mutating func takeMessage() -> Message? {
        guard isWhole, let header, let payload else { return nil }
        (self.header, self.payload, filled, capacity) = (nil, nil, 0, 0)
        if passed?.position == Inbox.behindFrame { passed?.position = consumed }
        return finish(header, payload)
    }

    /// Moves bytes of `source` into the frame in the making. On failure nothing is lost: what was not used stays.
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
            try check(!announced.isTooLong, IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the peer announced \(announced.length) bytes")
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

    /// Makes room for `wanted` bytes of a payload of `size`.
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

    /// How far a receive may go.
    enum Extent { case all, frame, byte }
    enum Arrival { case message, bytes, nothing, end }

    /// One receive. `parse` has come back false.
    mutating func receive(
        from descriptor: Descriptor, into pool: inout BufferPool, waiting: Bool = false, _ extent: Extent = .all
    ) throws(IPCError) -> Arrival {
        if expectsLarge, awaitsByte, extent == .all {
            let head = UnsafeMutableRawBufferPointer(rebasing: try pool.receiveBuffer(after: backlog.readable).prefix(FrameHeader.size))
            if let block = pool.takeLargeBlock(Int(lastLength) + FrameHeader.size) {
                return try receive(from: descriptor, head, inPlace: block, &pool, waiting)
            }
        }
        if awaitsByte, extent == .all {
            var arrival = Arrival.nothing
            guard let message = try receiveMessage(from: descriptor, &pool, waiting: waiting, &arrival) else { return arrival }
            (header, filled, capacity) = (message.header, message.header.payloadSize, message.header.payloadSize)
            payload = message.releasePayload()
            return .message
        }
        if let header, filled == capacity { try grow(to: filled + 1, of: header.payloadSize, &pool) }
        let space = try pool.receiveBuffer(after: backlog.readable)
        let room = UnsafeMutableRawBufferPointer(start: payload.map { $0 + filled }, count: capacity - filled)
        var arrived: Int32 = -1
        let received =
            extent == .all
            ? try descriptor.receive(room, space, waiting: waiting, &arrived)
            : try receive(from: descriptor, room, space, extent, waiting, &arrived)
        guard let count = received else { return .nothing }
        if arrived != -1 {
            keepPassed(arrived, position: extent == .frame ? Inbox.behindFrame : consumed + UInt64(backlog.count + count) - 1)
        }
        if count == 0 { return .end }
        let inPlace = min(count, room.count)
        filled += inPlace
        consume(inPlace)
        let earlier = backlog.count
        var source = UnsafeRawBufferPointer(start: space.baseAddress.map { $0 - earlier }, count: earlier + count - inPlace)
        defer { backlog = pool.detach(source) }
        try absorb(&source, &pool)
        return isWhole ? .message : .bytes
    }

    /// The next message may be received in place: the last one was large.
    var expectsLarge: Bool { lastLength >= BufferPool.largeSize }

    /// The most common receive: the inbox is empty, and usually one whole message comes, which is the caller's at once.
    /// - Parameter arrival: what came when that is no whole message.
    mutating func receiveMessage(
        from descriptor: Descriptor, _ pool: inout BufferPool, waiting: Bool = false, _ arrival: inout Arrival
    ) throws(IPCError) -> Message? {
        let space = try pool.receiveBuffer()
        var arrived: Int32 = -1
        guard let count = try descriptor.receive(space, waiting: waiting, &arrived) else { return nil }
        if arrived != -1 { keepPassed(arrived, position: consumed &+ UInt64(count) &- 1) }
        guard count > 0, let bytes = space.baseAddress else {
            arrival = .end
            return nil
        }
        if count >= FrameHeader.size {
            let announced = FrameHeader(decoding: bytes)
            // Without memory nothing is lost: the bytes are kept below.
            if count == announced.frameSize, !announced.isTooLong, let payload = malloc(announced.payloadSize + 1) {
                memcpy(payload, bytes + FrameHeader.size, announced.payloadSize)
                consume(count)
                return finish(announced, payload)
            }
        }
        var source = UnsafeRawBufferPointer(start: bytes, count: count)
        defer { backlog = pool.detach(source) }
        try absorb(&source, &pool)
        arrival = isWhole ? .message : .bytes
        return nil
    }

    /// A whole message, for its receiver.
    @inline(__always)
    private mutating func finish(_ header: FrameHeader, _ payload: UnsafeMutableRawPointer) -> Message {
        // A NUL behind the payload, for programs that print it as text.
        payload.storeBytes(of: 0, toByteOffset: header.payloadSize, as: UInt8.self)
        lastLength = header.length
        return Message(header, adopting: payload)
    }

    /// The same for at most the wanted number of bytes.
    @inline(never)
    private mutating func receive(
        from descriptor: Descriptor, _ room: UnsafeMutableRawBufferPointer, _ space: UnsafeMutableRawBufferPointer, _ extent: Extent,
        _ waiting: Bool, _ arrived: inout Int32
    ) throws(IPCError) -> Int? {
        if extent == .byte, room.count == 0 { return try descriptor.receiveByte(space.baseAddress, waiting: waiting, &arrived) }
        let missing = if let header { header.payloadSize - filled } else { FrameHeader.size - backlog.count }
        let rest = extent == .byte ? 1 : min(missing - room.count, space.count)
        let behind = UnsafeMutableRawBufferPointer(start: space.baseAddress, count: rest)
        return try descriptor.receive(room, behind, waiting: waiting, &arrived)
    }

    /// One receive of a message that may be as large as the last one: its payload right into the block where it stays.
    @inline(never)
    private mutating func receive(
        from descriptor: Descriptor, _ head: UnsafeMutableRawBufferPointer, inPlace block: Block,
        _ pool: inout BufferPool, _ waiting: Bool
    ) throws(IPCError) -> Arrival {
        let body = UnsafeMutableRawBufferPointer(start: block.memory, count: Int(lastLength))
        var arrived: Int32 = -1
        let received = try undoing(
            pool.returnPayload(block.memory, block.size), try descriptor.receive(head, body, waiting: waiting, &arrived))
        guard let count = received, count > 0, let bytes = head.baseAddress else {
            pool.returnPayload(block.memory, block.size)
            return received == nil ? .nothing : .end
        }
        if arrived != -1 { keepPassed(arrived, position: consumed + UInt64(count) - 1) }
        let (announced, came) = (FrameHeader(decoding: bytes), count - FrameHeader.size)
        // A few bytes hold no large block.
        guard came >= block.size / 8, !announced.isTooLong, came <= announced.payloadSize else {
            // It is not like the last one: put together, it is taken apart as others are.
            memmove(block.memory + FrameHeader.size, block.memory, max(came, 0))
            memcpy(block.memory, bytes, min(count, FrameHeader.size))
            backlog = pool.detach(UnsafeRawBufferPointer(start: block.memory, count: count), of: block)
            return try parse(&pool) ? .message : .bytes
        }
        (header, payload, filled) = (announced, block.memory, came)
        capacity = min(block.size - 1, announced.payloadSize)
        consume(count)
        return isWhole ? .message : .bytes
    }

    // MARK: Descriptors that came along

    private mutating func keepPassed(_ descriptor: Int32, position: UInt64) {
        guard let earlier = passed, descriptor < 0 || earlier.descriptor >= 0 else { return passed = (position, descriptor) }
        if descriptor >= 0 { libipc_close_passed(descriptor) }
    }

    /// So many bytes of the stream are somebody's now. Descriptors that came with them, unasked for, are closed.
    private mutating func consume(_ count: Int) {
        consumed += UInt64(count)
        if let passed, passed.position < consumed {
            if passed.descriptor >= 0 { libipc_close_passed(passed.descriptor) }
            self.passed = nil
        }
    }

    /// Closes a received descriptor that no call has asked for.
    mutating func closePassed() { if let passed = passed.take() { libipc_close_passed(passed.descriptor) } }

    /// The inbox holds no byte and no part of a frame: the next byte may bring a descriptor.
    var awaitsByte: Bool { header == nil && backlog.count == 0 }

    /// Takes one byte from the stream, if no frame has been received in part. Returns the descriptor that came with it, or the
    /// error for which it was lost.
    mutating func takeDescriptor() -> Int32? {
        guard header == nil, backlog.count > 0 else { return nil }
        backlog.removeFirst(1)
        defer { consume(1) }
        return passed?.position == consumed ? passed.take()?.descriptor : nil
    }
}
