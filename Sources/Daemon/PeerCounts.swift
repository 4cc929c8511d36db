// PeerCounts.swift - how many connections each peer has: in the order of their keys, so that one is found by halving.

struct PeerCounts {
    private var entries: [(key: UInt64, count: Int)] = []

    /// Where the key is, or would be.
    private func place(of key: UInt64) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Counts one more, unless it has `limit` already.
    mutating func add(_ key: UInt64, limit: Int) -> Bool {
        let index = place(of: key)
        guard index < entries.count, entries[index].key == key else {
            entries.insert((key, 1), at: index)
            return true
        }
        guard entries[index].count < limit else { return false }
        entries[index].count += 1
        return true
    }

    mutating func remove(_ key: UInt64) {
        let index = place(of: key)
        guard index < entries.count, entries[index].key == key else { return }
        entries[index].count -= 1
        if entries[index].count == 0 { entries.remove(at: index) }
    }
}
