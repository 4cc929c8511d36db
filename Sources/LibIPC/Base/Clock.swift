// Clock.swift - the monotonic clock, and deadlines on it.

enum Clock {
    /// Nanoseconds on the monotonic clock (clock_gettime(2)). Not inlined, which keeps its callers small.
    @inline(never)
    static func now() -> Int64 {
        var time = timespec()
        libipc_read_clock(&time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The shorter of two waits, in milliseconds. A negative one lasts for ever.
func shorterWait(_ first: Int32, _ second: Int32) -> Int32 { first < 0 ? second : second < 0 ? first : min(first, second) }

/// A clock of one call. It reads the system's clock once, and again only after the call has slept: a reading costs 22 ns.
struct CallClock: BitwiseCopyable {
    /// On `Clock`, in nanoseconds; nil: not read.
    private(set) var known: Int64?

    mutating func now() -> Int64 {
        if let known { return known }
        let now = Clock.now()
        known = now
        return now
    }

    /// The call has slept, or the program has run: the reading is old.
    mutating func expire() { known = nil }
}

/// Deadline of a call, exact to the nanosecond. Remaining milliseconds are rounded up, so no timer ends early.
struct Deadline: Equatable, BitwiseCopyable {
    /// On `Clock`, in nanoseconds; 0 for `immediate`, Int64.max for `never`.
    private let end: Int64

    /// Does not wait.
    static var immediate: Deadline { Deadline(milliseconds: 0) }
    static var never: Deadline { Deadline(milliseconds: -1) }

    /// - Parameters:
    ///   - microseconds: 0 is `immediate`, a negative number `never`.
    ///   - start: when the time begins to count, on `Clock`, in nanoseconds. It is read only if it is needed.
    init(microseconds: Int64, since start: @autoclosure () -> Int64 = Clock.now()) {
        end = microseconds > 0 ? start() + microseconds * 1000 : microseconds < 0 ? Int64.max : 0
    }

    init(milliseconds: Int32) { self.init(microseconds: Int64(milliseconds) * 1000) }

    /// Whether the time is up; always true for `immediate`.
    var hasPassed: Bool { remaining == 0 }

    static func <= (left: Deadline, right: Deadline) -> Bool { left.end <= right.end }

    /// Milliseconds that are left, rounded up: -1 for ever, 0 when the time is up. Not inlined, which keeps its callers small.
    @inline(never)
    var remaining: Int32 {
        var clock = CallClock()
        return remaining(&clock)
    }

    /// `remaining` by the call's clock, which is read only if the deadline is neither `immediate` nor `never`.
    @inline(__always)
    func remaining(_ clock: inout CallClock) -> Int32 {
        if end == Int64.max { return -1 }
        return end == 0 ? 0 : remaining(at: clock.now())
    }

    /// `remaining` of a deadline that is neither `immediate` nor `never`.
    /// - Parameter now: on `Clock`, in nanoseconds.
    func remaining(at now: Int64) -> Int32 { Int32(clamping: (max(end - now, 0) + 999_999) / 1_000_000) }
}
