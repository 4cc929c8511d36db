// SparePayloads.swift - payloads of small messages that a program gave back, or gave away: memory for the next messages of a batch.
//
// A batch allocates and frees many payloads of one size at a time, and malloc(3) has only a few freed blocks of a size at hand. Of a
// payload no more is known than the length of its message: it may be the program's own memory, and much larger. So realloc(3) makes each
// fit, which only checks the size of a block that fits already.

struct SparePayloads: ~Copyable {
    /// In bytes. Larger payloads are freed.
    private static let longest = 4096
    /// In payloads: as many as a batch of usual size has.
    private static let maximumCount = 64

    /// Memory for `maximumCount` payloads; nil: none was kept yet.
    private var kept: UnsafeMutablePointer<UnsafeMutableRawPointer>?
    private var count = 0
    /// All that are kept have this size class. Otherwise realloc(3) would move or split blocks.
    private var sizeClass = 0

    init() {}

    deinit {
        for index in 0..<count { free(kept?[index]) }
        free(kept)
    }

    /// malloc(3) of most systems rounds the size and 8 bytes of its own up to a multiple of 16; a payload has a NUL behind it.
    @inline(__always)
    private static func sizeClass(_ length: Int) -> Int { (length &+ 24) / 16 }

    /// Bytes of a block of this class.
    @inline(__always)
    private static func size(_ sizeClass: Int) -> Int { sizeClass &* 16 &- 8 }

    /// Memory for a payload of `length` bytes, and one byte more; nil: no memory.
    @inline(__always)
    mutating func take(_ length: Int) -> UnsafeMutableRawPointer? {
        guard count > 0, SparePayloads.sizeClass(length) == sizeClass, let block = kept?[count - 1] else { return malloc(length + 1) }
        count -= 1
        return block
    }

    /// Keeps a payload of at least `length` bytes, or frees it.
    @inline(__always)
    mutating func put(_ payload: UnsafeMutableRawPointer?, _ length: Int) {
        guard let payload else { return }
        guard length <= SparePayloads.longest, count < SparePayloads.maximumCount, let kept else {
            return putFirst(payload)
        }
        let wanted = SparePayloads.sizeClass(length)
        if wanted != sizeClass { return putOther(payload, wanted) }
        guard let fitted = realloc(payload, SparePayloads.size(wanted)) else { return free(payload) }
        kept[count] = fitted
        count += 1
    }

    @inline(never)
    private mutating func putFirst(_ payload: UnsafeMutableRawPointer) {
        if kept == nil {
            kept = malloc(SparePayloads.maximumCount * MemoryLayout<UnsafeMutableRawPointer>.stride)?
                .bindMemory(to: UnsafeMutableRawPointer.self, capacity: SparePayloads.maximumCount)
        }
        free(payload)
    }

    /// Payloads of another size: those that are kept are freed one by one, so a few messages of other sizes change little.
    @inline(never)
    private mutating func putOther(_ payload: UnsafeMutableRawPointer, _ wanted: Int) {
        if count > 0 {
            count -= 1
            free(kept?[count])
        }
        guard count == 0, let kept, let fitted = realloc(payload, SparePayloads.size(wanted)) else { return free(payload) }
        kept[0] = fitted
        (count, sizeClass) = (1, wanted)
    }
}
