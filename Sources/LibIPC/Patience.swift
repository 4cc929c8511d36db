// Patience.swift - how long a direct call waits for its descriptor.
//
// As read(2) and write(2) would: not at all when the program has set O_NONBLOCK; else in the system call itself, where the kernel
// decides whether a signal handler ends the wait (SA_RESTART). With a limit in time (SO_RCVTIMEO, SO_SNDTIMEO, socket(7)) the
// kernel says EINTR for every handler, and would begin the limit anew with each call: then the rest of the wait is counted here.
// Only the coarse clock is read before a system call has come back without the whole: the others pay nothing.

struct Patience {
    private let option: Int32
    private var isAsked = false
    /// On `Clock`, in nanoseconds; 0: none.
    private var end: Int64 = 0

    /// When the call began, by the coarse clock: a limit counts from then. That costs 5 ns.
    private let start = libipc_coarse_tick()

    /// - Parameter option: SO_RCVTIMEO or SO_SNDTIMEO.
    init(_ option: Int32) { self.option = option }

    /// There is a limit, which has been asked for.
    var isLimited: Bool { end != 0 }

    /// The coarse clock may be late by one tick of the kernel, 10 ms at most. A limit is never early.
    private static var tick: Int64 { 10_000_000 }

    /// Asks for the limit, once.
    /// - Returns: whether there is one.
    @inline(never) @discardableResult
    mutating func begin(_ descriptor: Descriptor) -> Bool {
        if isAsked { return isLimited }
        isAsked = true
        let limit = libipc_limit(descriptor.number, option)
        if limit >= 0 { end = start + Patience.tick + limit * 1000 }
        return isLimited
    }

    /// Milliseconds that are left, rounded up: -1 for ever, 0 when the time is up.
    var remaining: Int32 {
        isLimited ? Int32(clamping: max((end - Clock.now() + 999_999) / 1_000_000, 0)) : -1
    }

    /// Waits by poll(2): for two things at once, or when there is a limit.
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
                // poll(2) never goes on after a handler: that one had SA_RESTART is known only when all have.
                failure = EINTR
            }
        }
        throw IPCError(code, "wait for descriptor \(descriptor.number)", systemError: failure)
    }
}
