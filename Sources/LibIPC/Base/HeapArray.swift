// HeapArray.swift - an array whose growth can fail.
//
// Swift's Array ends the process when memory runs out. A library in somebody else's process must report an error. Elements [0, count)
// are initialized, the rest is not. The array owns its storage. Elements are plain values without a deinitializer.

/// Memory from malloc(3), or `memory` grown by realloc(3).
func allocate(
    _ size: Int, growing memory: UnsafeMutableRawPointer? = nil, _ code: ErrorCode = IPC_ERROR_ADD__NOT_ENOUGH_MEMORY
) throws(IPCError) -> UnsafeMutableRawPointer {
    if let grown = memory == nil ? malloc(size) : realloc(memory, size) { return grown }
    throw IPCError(code, "make room for \(size) bytes", systemError: ENOMEM)
}

struct HeapArray<Element: BitwiseCopyable>: ~Copyable {
    private(set) var base: UnsafeMutablePointer<Element>?
    private(set) var count = 0
    private var capacity = 0

    init() {}
    deinit { free(base) }

    var isFull: Bool { count == capacity }

    /// Makes room for more elements: the next `number` calls of `append` cannot fail.
    /// - Parameter number: at most 4, because `grow` doubles the capacity, and begins with 4.
    @inline(__always)
    mutating func reserve(_ number: Int = 1) throws(IPCError) { if count + number > capacity { try grow() } }

    @inline(never)
    private mutating func grow() throws(IPCError) {
        let wanted = max(capacity * 2, 4)
        base = try allocate(wanted * MemoryLayout<Element>.stride, growing: base).bindMemory(to: Element.self, capacity: wanted)
        capacity = wanted
    }

    mutating func append(_ element: Element) throws(IPCError) {
        try reserve()
        appendReserved(element)
    }

    /// Appends in the room that `reserve` has made. Without room, which is a fault of the library, does nothing.
    mutating func appendReserved(_ element: Element) {
        guard let base, count < capacity else { return }
        base[count] = element
        count += 1
    }

    /// Removes the element; the last one moves into its place.
    mutating func swapRemove(at index: Int) {
        let place = pointer(to: index)
        count -= 1
        if let base { place.pointee = base[count] }
    }

    /// Removes the element; the later ones move down.
    mutating func remove(at index: Int) {
        let place = pointer(to: index)
        count -= 1
        place.update(from: place + 1, count: count - index)
    }

    /// Removes the first `number` elements, at most all; the others move down.
    mutating func removeFirst(_ number: Int) {
        guard let base, number <= count else { return }
        count -= number
        base.update(from: base + number, count: count)
    }

    mutating func removeLast() -> Element? {
        guard count > 0 else { return nil }
        count -= 1
        return base?[count]
    }

    mutating func removeAll() { count = 0 }

    /// Removes all elements from `length` on.
    mutating func truncate(to length: Int) { count = min(count, length) }

    /// The caller checks the index against `count`: an index out of range is a fault of the library.
    subscript(_ index: Int) -> Element {
        get { pointer(to: index).pointee }
        nonmutating set { pointer(to: index).pointee = newValue }
    }

    private func pointer(to index: Int) -> UnsafeMutablePointer<Element> {
        guard let base, index >= 0, index < count else { fatalError("index out of range") }
        return base + index
    }
}
