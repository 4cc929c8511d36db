// Histogram.swift - counts durations in intervals whose width is less than 2 % of the duration. Its memory does not grow with the run.

struct Histogram {
    /// Each power of two of nanoseconds has 2^6 intervals.
    private static let bits = 6
    private var counts = [Int](repeating: 0, count: (65 - Histogram.bits) << Histogram.bits)
    private(set) var total = 0
    private(set) var longest: Int64 = 0

    mutating func add(_ nanoseconds: Int64) {
        counts[Histogram.index(UInt64(max(nanoseconds, 0)))] += 1
        total += 1
        longest = max(longest, nanoseconds)
    }

    private static func index(_ value: UInt64) -> Int {
        let size = 64 - value.leadingZeroBitCount
        guard size > bits + 1 else { return Int(value) }
        let shift = size - bits - 1
        return shift << bits + Int(value >> UInt64(shift))
    }

    /// The lower end of an interval.
    private static func value(_ index: Int) -> Int64 {
        guard index >= 2 << bits else { return Int64(index) }
        let shift = index >> bits - 1
        return Int64(index - shift << bits) << Int64(shift)
    }

    /// The duration that this many thousandths of all do not exceed.
    func percentile(_ thousandths: Int) -> Int64 {
        let wanted = max((total * thousandths + 999) / 1000, 1)
        var seen = 0
        for (index, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen >= wanted { return min(Histogram.value(index + 1) - 1, longest) }
        }
        return longest
    }
}
