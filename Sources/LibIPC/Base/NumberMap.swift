// NumberMap.swift - from a descriptor's number to a value, in constant time: a hash table with linear probing, at most three quarters
// full.

struct NumberMap<Value: BitwiseCopyable>: ~Copyable {
    private struct Entry: BitwiseCopyable { var number: Int32, value: Value? }

    private var entries: UnsafeMutablePointer<Entry>?
    private var capacity = 0
    private(set) var count = 0

    init() {}
    deinit { free(entries) }

    /// Makes room for one more number; setting it cannot fail then.
    mutating func reserve() throws(IPCError) {
        if !hasRoom { try grow() }
    }

    private var hasRoom: Bool { (count + 1) * 4 <= capacity * 3 }

    @inline(never)
    private mutating func grow() throws(IPCError) {
        let (former, end) = (entries, capacity)
        let wanted = max(capacity * 2, 4)
        let memory = try allocate(wanted * MemoryLayout<Entry>.stride).bindMemory(to: Entry.self, capacity: wanted)
        memory.initialize(repeating: Entry(number: 0, value: nil), count: wanted)
        (entries, capacity, count) = (memory, wanted, 0)
        for place in 0..<end { if let former, let value = former[place].value { self[former[place].number] = value } }
        free(former)
    }

    mutating func removeAll() { while count > 0, let entries { for place in 0..<capacity { entries[place].value = nil }; count = 0 } }

    /// Multiplied by the golden ratio: consecutive numbers lie apart.
    private func home(of number: Int32) -> Int { Int((UInt32(bitPattern: number) &* 0x9E37_79B9) >> 8) & (capacity - 1) }

    /// Where the number is, or could be put.
    @inline(__always)
    private func place(of number: Int32) -> Int {
        var place = home(of: number)
        while let entries, entries[place].value != nil, entries[place].number != number { place = (place + 1) & (capacity - 1) }
        return place
    }

    /// A value that is set needs room (`reserve`) if the number is new.
    subscript(_ number: Int32) -> Value? {
        @inline(__always) get { count == 0 ? nil : entries?[place(of: number)].value }
        set {
            guard let entries else { return }
            let place = place(of: number)
            let wasThere = entries[place].value != nil
            guard let newValue else { return wasThere ? remove(at: place) : () }
            guard wasThere || hasRoom else { return }
            if !wasThere { count += 1 }
            entries[place] = Entry(number: number, value: newValue)
        }
    }

    /// Moves later entries of the same run up, so that each is found from its home.
    private mutating func remove(at removed: Int) {
        guard let entries else { return }
        var (hole, next) = (removed, removed)
        count -= 1
        while true {
            entries[hole].value = nil
            repeat {
                next = (next + 1) & (capacity - 1)
                if entries[next].value == nil { return }
                // It stays where it is if its home lies between the hole and itself.
            } while (next - home(of: entries[next].number)) & (capacity - 1) < (next - hole) & (capacity - 1)
            entries[hole] = entries[next]
            hole = next
        }
    }
}
