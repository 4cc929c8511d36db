// BufferPool.swift - memory that a context keeps: what bytes are received into, and blocks for large messages; and the bytes that a
// connection keeps.

/// Bytes in memory of their own; taken from the front.
struct Bytes: ~Copyable {
    private var memory: UnsafeMutableRawPointer?
    private(set) var readable = UnsafeRawBufferPointer(start: nil, count: 0)

    init() {}

    /// Takes over malloc'ed memory, of which `part` matters.
    init(_ part: UnsafeRawBufferPointer, adopting memory: UnsafeMutableRawPointer?) {
        (self.memory, readable) = (memory, part)
    }

    deinit { free(memory) }

    var count: Int { readable.count }

    /// Takes `count` bytes off the front; with the last one the memory goes.
    mutating func drop(_ count: Int) {
        readable = readable.behind(count)
        if readable.count == 0 { self = Bytes() }
    }
}

extension UnsafeRawBufferPointer {
    /// Without the first `count` bytes, of which there are as many.
    func behind(_ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: baseAddress.map { $0 + count }, count: self.count - count)
    }
}

/// Memory from malloc(3) of at least `size` bytes. The library stores every size that it needs: a program's own malloc(3) may come
/// without malloc_usable_size(3), or with one that does not know these blocks.
struct Block: BitwiseCopyable {
    let memory: UnsafeMutableRawPointer
    let size: Int
}

/// Free list: the first bytes of each block hold the link to the next block, and then its size.
private struct FreeList: ~Copyable {
    /// As many messages as a busy peer has on the way.
    private static let room = 64
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

    mutating func take() -> UnsafeMutableRawPointer? {
        guard let block = first else { return nil }
        first = block.load(as: UnsafeMutableRawPointer?.self)
        count -= 1
        return block
    }

    /// The size with which the block was put into the list. It is valid until the block is written.
    static func size(of block: UnsafeMutableRawPointer) -> Int {
        block.load(fromByteOffset: MemoryLayout<UnsafeMutableRawPointer?>.stride, as: Int.self)
    }

    /// False: there is no room.
    mutating func put(_ block: UnsafeMutableRawPointer) -> Bool {
        guard count < FreeList.room else { return false }
        block.storeBytes(of: first, as: UnsafeMutableRawPointer?.self)
        (first, count) = (block, count + 1)
        return true
    }

    mutating func put(_ block: UnsafeMutableRawPointer, size: Int) -> Bool {
        guard put(block) else { return false }
        block.storeBytes(of: size, toByteOffset: MemoryLayout<UnsafeMutableRawPointer?>.stride, as: Int.self)
        return true
    }
}

/// The buffer that a context receives into: made when first needed, kept.
struct BufferPool: ~Copyable {
    /// Bytes of one receive: more than a Unix socket of Linux holds, as it is set by default.
    static let fullSize = 256 * 1024
    /// In front of them: room for the beginning of a header that came earlier.
    private static let headroom = 16

    /// Bytes from which a block is worth keeping wherever it comes from.
    static let largeSize = 64 * 1024
    /// Bytes of the small blocks, which are all alike, and of the largest medium ones; those are multiples of `grain`, so that
    /// messages of about the same size can have each other's. Most messages fit, and malloc(3) costs more than the rest of a queue.
    private static let smallSize = 120
    static let mediumSize = 4096
    private static let grain = 256
    /// Bytes that a returned payload may be shorter than its block: those of a frame's node, header and NUL. Only its length is
    /// known. Usually the block has them, because it was used for a frame before.
    private static let slack = 128

    private var memory: UnsafeMutableRawPointer?
    private let size: Int
    /// Blocks that large messages are done with, one for each direction: without them the heap would grow and shrink with each.
    private var spares = InlineArray<2, Block?>(repeating: nil)

    private var small = FreeList(), medium = FreeList()

    init(size: Int = fullSize) { self.size = size }

    deinit {
        free(memory)
        free(spares[0]?.memory)
        free(spares[1]?.memory)
    }

    /// Memory for one frame. `giveBack` returns it, with the same size.
    mutating func block(_ size: Int, _ code: ErrorCode) throws(IPCError) -> UnsafeMutableRawPointer {
        if size <= BufferPool.smallSize { return if let block = small.take() { block } else { try allocate(BufferPool.smallSize, code) } }
        if size <= BufferPool.mediumSize {
            if let block = medium.take() {
                if size..<size + 2 * BufferPool.grain ~= FreeList.size(of: block) { return block }
                // Messages have another size now.
                free(block)
            }
            return try allocate(BufferPool.mediumSize(for: size), code)
        }
        return try payload(size, code).memory
    }

    /// Memory for a payload, which a program frees or returns with its event.
    mutating func payload(_ size: Int, _ code: ErrorCode) throws(IPCError) -> Block {
        if size >= BufferPool.largeSize, let spare = spare(size) { return spare }
        return Block(memory: try allocate(size, code), size: size)
    }

    /// Size of a medium block for `size` bytes.
    private static func mediumSize(for size: Int) -> Int { (size + grain - 1) / grain * grain }

    /// A block that a large message is done with, for one of this size.
    @inline(never)
    mutating func spare(_ size: Int) -> Block? {
        for slot in 0..<2 {
            guard let spare = spares[slot], spare.size + BufferPool.slack >= size else { continue }
            if spare.size >= size { return spares[slot].take() }
            // Then realloc(3) only confirms the size.
            guard let grown = realloc(spare.memory, size) else { return nil }
            spares[slot] = nil
            return Block(memory: grown, size: size)
        }
        return nil
    }

    /// Takes back a block of this size.
    mutating func giveBack(_ block: UnsafeMutableRawPointer, _ size: Int) {
        if size > BufferPool.smallSize { return giveBackLarger(block, size) }
        if !small.put(block) { free(block) }
    }

    @inline(never)
    private mutating func giveBackLarger(_ block: UnsafeMutableRawPointer, _ size: Int) {
        guard size <= BufferPool.mediumSize else { return recycle(block, size) }
        if !medium.put(block, size: BufferPool.mediumSize(for: size)) { free(block) }
    }

    /// Takes a payload back from a program; it has at least `size` bytes. The program may have replaced it by other memory.
    mutating func recycle(_ block: UnsafeMutableRawPointer?, _ size: Int) {
        if size >= BufferPool.largeSize, let block { return keep(Block(memory: block, size: size)) }
        free(block)
    }

    @inline(never)
    private mutating func keep(_ block: Block) {
        guard let slot = (0..<2).first(where: { spares[$0] == nil }) else { return free(block.memory) }
        spares[slot] = block
    }

    /// The buffer to receive into.
    @inline(__always)
    mutating func space() throws(IPCError) -> UnsafeMutableRawBufferPointer {
        if let memory { return UnsafeMutableRawBufferPointer(start: memory + BufferPool.headroom, count: size) }
        return try space(behind: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// Where to receive into, so that the bytes follow `earlier`, which are fewer than a header has.
    mutating func space(behind earlier: UnsafeRawBufferPointer) throws(IPCError) -> UnsafeMutableRawBufferPointer {
        let memory = if let memory { memory } else { try allocate(BufferPool.headroom + size, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION) }
        self.memory = memory
        let start = memory + BufferPool.headroom
        if let bytes = earlier.baseAddress, earlier.count <= BufferPool.headroom { memcpy(start - earlier.count, bytes, earlier.count) }
        return UnsafeMutableRawBufferPointer(start: start, count: size)
    }

    /// Keeps `part` of this memory, or of a spare block: copied; or, when there is no memory for that, by giving it away. Nothing
    /// is lost.
    mutating func keep(_ part: UnsafeRawBufferPointer, of block: Block? = nil) -> Bytes {
        guard part.count > 0, let bytes = part.baseAddress else { return Bytes() }
        guard let copy = malloc(part.count) else { return Bytes(part, adopting: block?.memory ?? memory.take()) }
        memcpy(copy, bytes, part.count)
        if let block { keep(block) }
        return Bytes(UnsafeRawBufferPointer(start: copy, count: part.count), adopting: copy)
    }
}
