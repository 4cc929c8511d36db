// Clock.swift - points in time on the monotonic clock.

enum Clock {
    /// Out of line: what asks seldom stays small.
    @inline(never)
    private static func read() -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time
    }

    /// In milliseconds.
    static var now: Int64 { nanoseconds / 1_000_000 }

    static var nanoseconds: Int64 {
        let time = read()
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
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
