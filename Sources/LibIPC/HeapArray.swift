// HeapArray.swift - a growable array whose growth can fail.
//
// Swift's Array ends the process when memory runs out; a library in somebody else's process must not.
// This is the one place where the sources handle raw storage for typed elements: elements [0, count) are
// initialized, the rest is not, and the storage is freed with the array.

import CLibIPC

struct OutOfMemory: Error {}

/// Bytes from malloc, at least one, so that the result can be told from failure.
func allocate(_ count: Int) throws(OutOfMemory) -> UnsafeMutableRawPointer {
    guard let memory = malloc(max(count, 1)) else { throw OutOfMemory() }
    return memory
}

struct HeapArray<Element: ~Copyable>: ~Copyable {
    private(set) var base: UnsafeMutablePointer<Element>?
    private(set) var count = 0
    private var capacity = 0

    init() {}

    deinit {
        base?.deinitialize(count: count)
        free(base)
    }

    /// Makes room for `count` elements in all; afterwards appending up to there cannot fail.
    mutating func reserve(_ wanted: Int) throws(OutOfMemory) {
        guard wanted > capacity else { return }
        let newCapacity = max(wanted, capacity * 2, 4)
        let memory = try allocate(newCapacity * MemoryLayout<Element>.stride)
        let grown = memory.bindMemory(to: Element.self, capacity: newCapacity)
        if let base { grown.moveInitialize(from: base, count: count) }
        free(base)
        base = grown
        capacity = newCapacity
    }

    mutating func append(_ element: consuming Element) throws(OutOfMemory) {
        try reserve(count + 1)
        // reserve() has made the storage; without it there is nowhere to put the element.
        guard let base else { throw OutOfMemory() }
        (base + count).initialize(to: element)
        count += 1
    }

    /// Takes the element out; the last one moves into its place.
    mutating func swapRemove(at index: Int) -> Element? {
        guard let base, index >= 0, index < count else { return nil }
        let element = (base + index).move()
        count -= 1
        if index != count { (base + index).moveInitialize(from: base + count, count: 1) }
        return element
    }

    /// The caller vouches for `index < count`: indices come from `count` or from DescriptorMap.
    subscript(_ index: Int) -> Element {
        unsafeAddress { UnsafePointer(pointer(at: index)) }
        unsafeMutableAddress { pointer(at: index) }
    }

    private func pointer(at index: Int) -> UnsafeMutablePointer<Element> {
        guard let base, index >= 0, index < count else { fatalError("index out of range") }
        return base + index
    }
}

/// Where in an array the state of a descriptor is: found by the number, whatever the number of descriptors.
struct DescriptorMap: ~Copyable {
    /// Index + 1, so that zeroed memory means "not here".
    private var positions: UnsafeMutablePointer<Int32>?
    private var capacity = 0

    init() {}

    deinit { free(positions) }

    /// After this, setting `descriptor` cannot fail.
    /// - Parameter descriptor: an open one: the table is as large as the largest.
    mutating func reserve(_ descriptor: Int32) throws(OutOfMemory) {
        let needed = Int(descriptor) + 1
        guard needed > capacity else { return }
        let newCapacity = max(needed, capacity * 2, 64)
        let size = MemoryLayout<Int32>.stride
        guard let grown = realloc(positions, newCapacity * size) else { throw OutOfMemory() }
        memset(grown + capacity * size, 0, (newCapacity - capacity) * size)
        positions = grown.assumingMemoryBound(to: Int32.self)
        capacity = newCapacity
    }

    subscript(_ descriptor: Int32) -> Int? {
        get {
            guard let positions, descriptor >= 0, Int(descriptor) < capacity else { return nil }
            let position = positions[Int(descriptor)]
            return position == 0 ? nil : Int(position) - 1
        }
        set {
            guard let positions, descriptor >= 0, Int(descriptor) < capacity else { return }
            positions[Int(descriptor)] = newValue.map { Int32(truncatingIfNeeded: $0 + 1) } ?? 0
        }
    }
}
