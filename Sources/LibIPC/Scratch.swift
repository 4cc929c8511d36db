// Scratch.swift - memory that a context keeps: what bytes are received into, and blocks for large messages; and the bytes that a
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

/// Free blocks, linked through themselves.
private struct Shelf: ~Copyable {
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

    /// False: there is no room.
    mutating func put(_ block: UnsafeMutableRawPointer) -> Bool {
        guard count < Shelf.room else { return false }
        block.storeBytes(of: first, as: UnsafeMutableRawPointer?.self)
        (first, count) = (block, count + 1)
        return true
    }
}

/// The buffer that a context receives into: made when first needed, kept.
struct Scratch: ~Copyable {
    /// Bytes of one receive: more than a Unix socket of Linux holds, as it is set by default.
    static let fullSize = 256 * 1024
    /// In front of them: room for the beginning of a header that came earlier.
    private static let headroom = 16

    /// Bytes from which a block is worth keeping wherever it comes from.
    static let largeSize = 64 * 1024
    /// Bytes of the small blocks, which are all alike, and of the largest medium ones; those are multiples of `grain`, so that messages
    /// of about the same size can have each other's. Most messages fit, and malloc(3) costs more than the rest of a queue.
    private static let smallSize = 120
    static let mediumSize = 4096
    private static let grain = 256

    private var memory: UnsafeMutableRawPointer?
    private let size: Int
    /// Blocks that large messages are done with, one for each direction: without them the heap would grow and shrink with each.
    private var spares = InlineArray<2, UnsafeMutableRawPointer?>(repeating: nil)

    private var small = Shelf(), medium = Shelf()

    init(size: Int = fullSize) { self.size = size }

    deinit {
        free(memory)
        free(spares[0])
        free(spares[1])
    }

    /// Memory for one message, malloc'ed.
    mutating func block(_ size: Int, _ code: ErrorCode) throws(IPCError) -> UnsafeMutableRawPointer {
        if size <= Scratch.smallSize { return if let block = small.take() { block } else { try allocate(Scratch.smallSize, code) } }
        if size <= Scratch.mediumSize {
            if let block = medium.take() {
                if size..<size + 2 * Scratch.grain ~= malloc_usable_size(block) { return block }
                // Messages have another size now.
                free(block)
            }
            return try allocate((size + Scratch.grain - 1) / Scratch.grain * Scratch.grain, code)
        }
        if size >= Scratch.largeSize, let spare = spare(size) { return spare }
        return try allocate(size, code)
    }

    /// A block that a large message is done with, for one of this size.
    @inline(never)
    mutating func spare(_ size: Int) -> UnsafeMutableRawPointer? {
        for slot in 0..<2 where spares[slot] != nil && malloc_usable_size(spares[slot]) >= size { return spares[slot].take() }
        return nil
    }

    /// Takes back a block of this size.
    mutating func giveBack(_ block: UnsafeMutableRawPointer, _ size: Int) {
        if size > Scratch.smallSize { return recycleLarger(block, size) }
        if !small.put(block) { free(block) }
    }

    /// The same with one that a program had, of at least `size` bytes: it may have put other memory in the place of what it got.
    mutating func recycle(_ block: UnsafeMutableRawPointer?, _ size: Int) {
        guard let block, size <= Scratch.smallSize else { return recycleLarger(block, size) }
        if Scratch.smallSize..<2 * Scratch.smallSize ~= malloc_usable_size(block), small.put(block) { return }
        free(block)
    }

    @inline(never)
    private mutating func recycleLarger(_ block: UnsafeMutableRawPointer?, _ size: Int) {
        if size >= Scratch.largeSize, let slot = (0..<2).first(where: { spares[$0] == nil }) { return spares[slot] = block }
        if size <= Scratch.mediumSize, let block {
            let usable = malloc_usable_size(block)
            if usable >= size, usable <= Scratch.mediumSize + Scratch.grain, medium.put(block) { return }
        }
        free(block)
    }

    /// Where to receive into, so that the bytes follow `earlier`, which are fewer than a header has.
    mutating func space(behind earlier: UnsafeRawBufferPointer) throws(IPCError) -> UnsafeMutableRawBufferPointer {
        let memory = if let memory { memory } else { try allocate(Scratch.headroom + size, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION) }
        self.memory = memory
        let start = memory + Scratch.headroom
        if let bytes = earlier.baseAddress, earlier.count <= Scratch.headroom { memcpy(start - earlier.count, bytes, earlier.count) }
        return UnsafeMutableRawBufferPointer(start: start, count: size)
    }

    /// Keeps `part` of this memory, or of a spare block: copied; or, when there is no memory for that, by giving it away. Nothing is lost.
    mutating func keep(_ part: UnsafeRawBufferPointer, of block: UnsafeMutableRawPointer? = nil) -> Bytes {
        guard part.count > 0, let bytes = part.baseAddress else { return Bytes() }
        guard let copy = malloc(part.count) else { return Bytes(part, adopting: block ?? memory.take()) }
        memcpy(copy, bytes, part.count)
        if let block { giveBack(block, Scratch.largeSize) }
        return Bytes(UnsafeRawBufferPointer(start: copy, count: part.count), adopting: copy)
    }
}
