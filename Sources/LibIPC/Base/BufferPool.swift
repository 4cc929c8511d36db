// BufferPool.swift - the memory that a context reuses: the receive buffer, and free lists of blocks for frames and payloads.
//
// A call without a context has a pool of its own. Functions that find no memory throw or return nil.

/// Bytes in a block from malloc(3), which is freed with the last byte.
struct Bytes: ~Copyable {
    private var memory: UnsafeMutableRawPointer?
    private(set) var readable = UnsafeRawBufferPointer(start: nil, count: 0)

    init() {}

    /// Becomes the owner of `memory`. `readable` is a part of it.
    init(_ readable: UnsafeRawBufferPointer, adopting memory: UnsafeMutableRawPointer?) {
        (self.memory, self.readable) = (memory, readable)
    }

    deinit { free(memory) }

    var count: Int { readable.count }

    /// Removes the first `count` bytes, at most all.
    mutating func removeFirst(_ count: Int) {
        readable = readable.rest(after: count)
        if readable.count == 0 { self = Bytes() }
    }
}

extension UnsafeRawBufferPointer {
    /// The bytes after the first `count`, which is at most the number of all bytes.
    func rest(after count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: baseAddress.map { $0 + count }, count: self.count - count)
    }
}

/// Memory from malloc(3) of at least `size` bytes. The library stores the sizes that it needs: a program's own malloc(3) may come
/// without malloc_usable_size(3), or with one that does not know these blocks.
struct Block: BitwiseCopyable {
    let memory: UnsafeMutableRawPointer
    let size: Int
}

/// Free list: each free block begins with a pointer to the next one and its own size.
private struct FreeList: ~Copyable {
    /// In blocks: about as many messages as a busy peer has in flight.
    private static let maximumCount = 64
    private static let sizeOffset = MemoryLayout<UnsafeMutableRawPointer?>.stride
    private var first: UnsafeMutableRawPointer?
    private var count = 0

    @inline(never)
    deinit {
        var next = first
        while let block = next {
            next = block.load(as: UnsafeMutableRawPointer?.self)
            free(block)
        }
    }

    mutating func take() -> Block? {
        guard let block = first else { return nil }
        first = block.load(as: UnsafeMutableRawPointer?.self)
        count -= 1
        return Block(memory: block, size: block.load(fromByteOffset: FreeList.sizeOffset, as: Int.self))
    }

    /// Adds the block. A full list frees it instead.
    mutating func put(_ block: UnsafeMutableRawPointer, size: Int) {
        guard count < FreeList.maximumCount else { return free(block) }
        block.storeBytes(of: first, as: UnsafeMutableRawPointer?.self)
        block.storeBytes(of: size, toByteOffset: FreeList.sizeOffset, as: Int.self)
        (first, count) = (block, count + 1)
    }
}

struct BufferPool: ~Copyable {
    /// Bytes of one receive: more than a Unix socket of Linux holds with the default settings.
    static let fullSize = 256 * 1024
    /// Bytes in front of the receive buffer, for the part of a header that an earlier receive brought. With the 6 bytes of a header
    /// they are 16: so a payload lies at a multiple of 16, where copies are fast (OutboundFrame.nodeSize).
    private static let headroom = 10

    /// A large block has at least this many bytes. The pool keeps it for reuse, also when a program has allocated it.
    static let largeSize = 64 * 1024
    /// Bytes of every small block, in which most messages fit. A malloc(3) for each message would cost more than all else that queueing
    /// and sending it does.
    private static let smallSize = 120
    /// Bytes of the largest medium block. Sizes of medium blocks are multiples of `grain`, so that messages of about the same size can
    /// use each other's blocks.
    static let mediumSize = 4096
    private static let grain = 256
    /// Bytes that a returned payload may be shorter than its block: node, header and NUL of a frame. Only the length of the payload is
    /// known. Usually the block has these bytes, because it was used for a frame before.
    private static let slack = 128

    /// The program's limit of a payload that is received, in bytes.
    var maximumPayload = UInt32.max
    private var memory: UnsafeMutableRawPointer?
    private let size: Int
    private var small = FreeList(), medium = FreeList()
    /// Payloads of small messages that came, or went, in batches.
    private var spares = SparePayloads()
    /// Free large blocks, one for each direction. Without them the heap would grow and shrink with each large message.
    private var large = InlineArray<2, Block?>(repeating: nil)

    /// - Parameter size: of the receive buffer, in bytes. The first use allocates it.
    init(size: Int = fullSize) { self.size = size }

    deinit {
        free(memory)
        free(large[0]?.memory)
        free(large[1]?.memory)
    }

    // MARK: Blocks

    /// Memory for a frame, from a free list or from malloc(3). The caller gives it to `returnBlock`, with the same size.
    mutating func takeBlock(_ size: Int, _ code: ErrorCode) throws(IPCError) -> UnsafeMutableRawPointer {
        if size <= BufferPool.smallSize { return if let block = small.take() { block.memory } else { try allocate(Self.smallSize, code) } }
        if size > BufferPool.mediumSize { return try takePayload(size, code).memory }
        if let block = medium.take() {
            if size..<size + 2 * BufferPool.grain ~= block.size { return block.memory }
            // The free block does not fit.
            free(block.memory)
        }
        return try allocate(BufferPool.mediumSize(for: size), code)
    }

    /// Memory for a payload. A program frees it, or returns it with its event.
    mutating func takePayload(_ size: Int, _ code: ErrorCode) throws(IPCError) -> Block {
        if size >= BufferPool.largeSize, let block = takeLargeBlock(size) { return block }
        return Block(memory: try allocate(size, code), size: size)
    }

    /// Size of a medium block for `size` bytes.
    private static func mediumSize(for size: Int) -> Int { (size + grain - 1) / grain * grain }

    /// Takes a free large block that has `size` bytes, if there is one.
    @inline(never)
    mutating func takeLargeBlock(_ size: Int) -> Block? {
        for slot in 0..<2 {
            guard let block = large[slot], block.size + BufferPool.slack >= size else { continue }
            if block.size >= size { return large[slot].take() }
            // The block probably has these bytes: then realloc(3) returns it.
            guard let grown = realloc(block.memory, size) else { return nil }
            large[slot] = nil
            return Block(memory: grown, size: size)
        }
        return nil
    }

    /// - Parameter size: as it was for `takeBlock`.
    mutating func returnBlock(_ block: UnsafeMutableRawPointer, _ size: Int) {
        if size > BufferPool.smallSize { return returnLargerBlock(block, size) }
        small.put(block, size: size)
    }

    @inline(never)
    private mutating func returnLargerBlock(_ block: UnsafeMutableRawPointer, _ size: Int) {
        guard size <= BufferPool.mediumSize else { return returnPayload(block, size) }
        medium.put(block, size: BufferPool.mediumSize(for: size))
    }

    /// Takes back a payload of at least `size` bytes. The program may have replaced it by memory of its own.
    mutating func returnPayload(_ payload: UnsafeMutableRawPointer?, _ size: Int) {
        if size >= BufferPool.largeSize, let payload { return returnLargeBlock(Block(memory: payload, size: size)) }
        free(payload)
    }

    /// Memory for the payload of a small message of a batch, and one byte more; nil: none.
    @inline(__always)
    mutating func takeSmallPayload(_ length: Int) -> UnsafeMutableRawPointer? { spares.take(length) }

    /// As `returnPayload`, for calls that give back many at a time.
    @inline(__always)
    mutating func returnBatchPayload(_ payload: UnsafeMutableRawPointer?, _ size: Int) {
        if size >= BufferPool.largeSize { returnPayload(payload, size) } else { spares.put(payload, size) }
    }

    @inline(never)
    private mutating func returnLargeBlock(_ block: Block) {
        guard let slot = (0..<2).first(where: { large[$0] == nil }) else { return free(block.memory) }
        large[slot] = block
    }

    // MARK: The receive buffer

    @inline(__always)
    mutating func receiveBuffer() throws(IPCError) -> UnsafeMutableRawBufferPointer {
        if let memory { return UnsafeMutableRawBufferPointer(start: memory + BufferPool.headroom, count: size) }
        return try receiveBuffer(after: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// The receive buffer, with a copy of `earlier` right in front of it, which is shorter than a header.
    mutating func receiveBuffer(after earlier: UnsafeRawBufferPointer) throws(IPCError) -> UnsafeMutableRawBufferPointer {
        let memory = if let memory { memory } else { try allocate(BufferPool.headroom + size, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION) }
        self.memory = memory
        let start = memory + BufferPool.headroom
        if let bytes = earlier.baseAddress, earlier.count <= BufferPool.headroom { memcpy(start - earlier.count, bytes, earlier.count) }
        return UnsafeMutableRawBufferPointer(start: start, count: size)
    }

    /// Copies `part` of the receive buffer, or of a large block, into memory of its own; the pool gets the block back. Without memory
    /// for a copy the result owns the whole buffer, or block: no byte is lost.
    mutating func detach(_ part: UnsafeRawBufferPointer, of block: Block? = nil) -> Bytes {
        guard part.count > 0, let bytes = part.baseAddress else { return Bytes() }
        guard let copy = malloc(part.count) else { return Bytes(part, adopting: block?.memory ?? memory.take()) }
        memcpy(copy, bytes, part.count)
        if let block { returnLargeBlock(block) }
        return Bytes(UnsafeRawBufferPointer(start: copy, count: part.count), adopting: copy)
    }
}
