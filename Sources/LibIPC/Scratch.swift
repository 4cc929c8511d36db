// Scratch.swift - the memory that bytes are received into, and the bytes that a connection keeps.

import CLibIPC

/// Bytes in memory of their own; taken from the front.
struct Bytes: ~Copyable {
    private var memory: UnsafeMutableRawPointer?
    private var start = 0
    private(set) var count = 0

    init() {}

    /// Takes over malloc'ed memory, of which `count` bytes from `start` on matter.
    init(adopting memory: UnsafeMutableRawPointer, start: Int, count: Int) {
        self.memory = memory
        self.start = start
        self.count = count
    }

    deinit { free(memory) }

    var readable: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory.map { UnsafeRawPointer($0 + start) }, count: count)
    }

    /// Takes `dropped` bytes off the front; with the last one the memory goes.
    mutating func drop(_ dropped: Int) {
        start += dropped
        count -= dropped
        if count == 0, memory != nil { self = Bytes() }
    }

    /// Holds a copy of `source` and nothing else; false, and unchanged, when there is no memory for it.
    mutating func replace(with source: UnsafeRawBufferPointer) -> Bool {
        guard let bytes = source.baseAddress, source.count > 0 else {
            drop(count)
            return true
        }
        guard let copy = malloc(source.count) else { return false }
        memcpy(copy, bytes, source.count)
        self = Bytes(adopting: copy, start: 0, count: source.count)
        return true
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
        if memory == nil { memory = malloc(Scratch.headroom + size) }
        guard let memory else { throw IPCError(IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION, "no memory to receive into") }
        let start = memory + Scratch.headroom
        let kept = min(earlier.count, Scratch.headroom)
        if kept > 0, let bytes = earlier.baseAddress { memcpy(start - kept, bytes, kept) }
        return UnsafeMutableRawBufferPointer(start: start, count: size)
    }

    /// The `count` bytes that came, behind those `earlier` ones.
    func received(_ count: Int, behind earlier: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory.map { UnsafeRawPointer($0 + Scratch.headroom - earlier) }, count: earlier + count)
    }

    /// Gives the memory itself away, for when there is none to copy `part` of it into: nothing is lost.
    mutating func handOver(_ part: UnsafeRawBufferPointer) -> Bytes {
        guard let memory, let start = part.baseAddress else { return Bytes() }
        self.memory = nil
        return Bytes(adopting: memory, start: UnsafeRawPointer(memory).distance(to: start), count: part.count)
    }
}
