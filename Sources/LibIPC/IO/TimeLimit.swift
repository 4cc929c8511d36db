// TimeLimit.swift - how long a direct call waits for its descriptor.
//
// As read(2) and write(2) do: not at all with O_NONBLOCK; else in the system call itself, where the kernel decides whether a signal
// handler ends the wait (SA_RESTART). With a time limit (SO_RCVTIMEO, SO_SNDTIMEO, socket(7)) the kernel returns EINTR for every
// handler, and each new call would restart the limit: so the remaining time is counted here. Until a system call returns without all
// bytes only the coarse clock is read: calls that succeed at once pay nothing more.

struct TimeLimit {
    private let option: Int32
    private var isAsked = false
    /// On `Clock`, in nanoseconds; 0: none.
    private var end: Int64 = 0

    /// When the call began, by the coarse clock (5 ns): the time limit counts from then.
    private let start = libipc_coarse_tick()

    /// - Parameter option: SO_RCVTIMEO or SO_SNDTIMEO.
    init(_ option: Int32) { self.option = option }

    /// Whether there is a limit, and it has been read.
    var isLimited: Bool { end != 0 }

    /// The coarse clock may be late by one tick of the kernel, 10 ms at most: added, so that a limit is never early.
    private static var tick: Int64 { 10_000_000 }

    /// Reads the limit, once.
    /// - Returns: whether there is one.
    @inline(never) @discardableResult
    mutating func begin(_ descriptor: Descriptor) -> Bool {
        if isAsked { return isLimited }
        isAsked = true
        let limit = libipc_limit(descriptor.number, option)
        if limit >= 0 { end = start + TimeLimit.tick + limit * 1000 }
        return isLimited
    }

    /// Milliseconds that are left, rounded up: -1 for ever, 0 when the time is up.
    var remaining: Int32 {
        isLimited ? Int32(clamping: max((end - Clock.now() + 999_999) / 1_000_000, 0)) : -1
    }

    /// Waits with poll(2): for two conditions at once, or with a time limit.
    @inline(never)
    mutating func wait(for events: Int32, at descriptor: Descriptor, _ code: ErrorCode) throws(IPCError) {
        begin(descriptor)
        var failure = libipc_is_nonblocking(descriptor.number) != 0 ? EAGAIN : 0
        while failure == 0 {
            let timeout = remaining
            let reported = libipc_poll_once(descriptor.number, events, timeout)
            if reported > 0 { return }
            if reported == 0 {
                failure = timeout == 0 ? EAGAIN : 0
            } else if libipc_errno() != EINTR {
                failure = libipc_errno()
            } else if !isLimited, libipc_all_handlers_restart() == 0 {
                // poll(2) returns after every handler. Whether the one that ran had SA_RESTART is known only if all handlers have it.
                failure = EINTR
            }
        }
        throw IPCError(code, "wait for descriptor \(descriptor.number)", systemError: failure)
    }
}
