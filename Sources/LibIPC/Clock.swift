// Clock.swift - points in time on the monotonic clock, in milliseconds.

enum Clock {
    static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Until when a call may wait.
struct Deadline {
    private let start: Int64
    /// Milliseconds from the start; negative: for ever.
    private let patience: Int32

    init(milliseconds: Int32) {
        patience = milliseconds
        start = milliseconds > 0 ? Clock.now : 0
    }

    /// Milliseconds that are left: -1 for ever, 0 when the time is up.
    var remaining: Int32 {
        guard patience > 0 else { return max(patience, -1) }
        return Int32(truncatingIfNeeded: max(Int64(patience) - (Clock.now - start), 0))
    }
}
