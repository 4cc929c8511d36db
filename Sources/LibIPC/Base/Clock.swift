// Clock.swift - the monotonic clock, and deadlines.

enum Clock {
    static var nanosecondsPerMillisecond: Int64 { 1_000_000 }

    /// Nanoseconds on the monotonic clock (clock_gettime(2)). Not inlined, which keeps its callers small.
    @inline(never)
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Deadline of a call, exact to the nanosecond. Remaining milliseconds are rounded up, so no timer ends early.
struct Deadline: Equatable, BitwiseCopyable {
    /// On `Clock`, in nanoseconds.
    private let end: Int64

    /// Does not wait.
    static var immediate: Deadline { Deadline(end: 0) }
    static var never: Deadline { Deadline(end: Int64.max) }

    private init(end: Int64) { self.end = end }

    /// - Parameter milliseconds: 0 is `immediate`, a negative number `never`.
    init(milliseconds: Int32) {
        if milliseconds > 0 {
            end = Clock.now() + Int64(milliseconds) * Clock.nanosecondsPerMillisecond
        } else {
            end = milliseconds < 0 ? Int64.max : 0
        }
    }

    /// Whether the time is up; always true for `immediate`.
    var hasPassed: Bool { self != .never && (self == .immediate || Clock.now() >= end) }

    static func <= (left: Deadline, right: Deadline) -> Bool { left.end <= right.end }

    /// Milliseconds that are left, rounded up: -1 for ever, 0 when the time is up.
    var remaining: Int32 {
        if self == .never { return -1 }
        if self == .immediate { return 0 }
        let nanoseconds = max(end - Clock.now(), 0)
        return Int32(truncatingIfNeeded: (nanoseconds + Clock.nanosecondsPerMillisecond - 1) / Clock.nanosecondsPerMillisecond)
    }
}

extension Descriptor {
    /// poll(2) on one descriptor until the deadline. Signals neither end the wait nor restart it. Returns the reported events; 0
    /// when the time is up.
    func poll(_ events: Int32, until deadline: Deadline) -> Int32 {
        while true {
            let found = libipc_poll_once(number, events, deadline.remaining)
            if found >= 0 || libipc_errno() != EINTR { return max(found, 0) }
        }
    }
}
