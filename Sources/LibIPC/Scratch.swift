// Scratch.swift - the memory that bytes are received into, and the bytes that a connection keeps.

import CLibIPC

/// Bytes in memory of their own; taken from the front.
struct Bytes: ~Copyable {
    private var memory: UnsafeMutableRawPointer?
    private(set) var readable = UnsafeRawBufferPointer(start: nil, count: 0)

    init() {}

    /// Takes over malloc'ed memory, of which `part` matters.
    init(_ part: UnsafeRawBufferPointer, adopting memory: UnsafeMutableRawPointer?) {
        self.memory = memory
        readable = part
    }

    deinit { free(memory) }

    var count: Int { readable.count }

    /// Takes `count` bytes off the front; with the last one the memory goes.
    mutating func drop(_ count: Int) {
        readable = UnsafeRawBufferPointer(rebasing: readable.dropFirst(count))
        if readable.count == 0 { self = Bytes() }
    }
}

/// The buffer that a context receives into: made when first needed, kept.
struct Scratch: ~Copyable {
    /// Bytes of one receive: more than a Unix socket of Linux holds, as it is set by default.
    static let fullSize = 256 * 1024
    /// In front of them: room for the beginning of a header that came earlier.
    private static let headroom = 16

    private var memory: UnsafeMutableRawPointer?
    private let size: Int

    init(size: Int = fullSize) { self.size = size }

    deinit { free(memory) }

    /// Where to receive into, so that the bytes follow `earlier`, which are fewer than a header has.
    mutating func space(behind earlier: UnsafeRawBufferPointer) throws(IPCError) -> UnsafeMutableRawBufferPointer {
        let memory = if let memory { memory } else { try allocate(Scratch.headroom + size, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION) }
        self.memory = memory
        let start = memory + Scratch.headroom
        if let bytes = earlier.baseAddress, earlier.count <= Scratch.headroom { memcpy(start - earlier.count, bytes, earlier.count) }
        return UnsafeMutableRawBufferPointer(start: start, count: size)
    }

    /// Keeps `part` of this memory: copied; or, when there is no memory for that, by giving this away. Nothing is lost.
    mutating func keep(_ part: UnsafeRawBufferPointer) -> Bytes {
        guard part.count > 0, let bytes = part.baseAddress else { return Bytes() }
        guard let copy = malloc(part.count) else { return Bytes(part, adopting: memory.take()) }
        memcpy(copy, bytes, part.count)
        return Bytes(UnsafeRawBufferPointer(start: copy, count: part.count), adopting: copy)
    }
}
