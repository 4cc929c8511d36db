// TimeLimit.swift - how long a direct call waits for its descriptor.
//
// With O_NONBLOCK the call does not wait. Without a time limit it waits in the system call itself, where the kernel decides whether a
// signal handler ends the wait (SA_RESTART), as in read(2) and write(2). With a time limit (SO_RCVTIMEO, SO_SNDTIMEO, socket(7)) the
// kernel returns EINTR after every handler, and a new call would restart the limit: so this type counts the remaining time. A call
// that succeeds at once reads only the coarse clock, and not the limit.

struct TimeLimit {
    /// SO_RCVTIMEO or SO_SNDTIMEO.
    private let option: Int32
    /// When the call began, by the coarse clock (5 ns): the limit counts from then.
    private let start = libipc_coarse_tick()
    /// nil until the limit has been read.
    private var deadline: Deadline?

    init(_ option: Int32) { self.option = option }
    /// By SO_RCVTIMEO, of a call that begins now.
    @inline(__always) static var receiving: TimeLimit { TimeLimit(Int32(LIBIPC_RECEIVE_LIMIT)) }
    /// By SO_SNDTIMEO.
    @inline(__always) static var sending: TimeLimit { TimeLimit(Int32(LIBIPC_SEND_LIMIT)) }

    /// Whether there is a limit, and it has been read.
    var isLimited: Bool { (deadline ?? .never) != .never }

    /// One tick of the kernel, at most 10 ms, in nanoseconds. The coarse clock may be late by it, so it is added: no limit ends early.
    private static var tick: Int64 { 10_000_000 }

    /// Reads the limit, once.
    /// - Returns: whether there is one.
    @inline(never) @discardableResult
    mutating func readLimit(of descriptor: Descriptor) -> Bool {
        if deadline == nil {
            deadline = Deadline(microseconds: libipc_limit(descriptor.number, option), since: start + TimeLimit.tick)
        }
        return isLimited
    }

    /// Milliseconds that are left, rounded up: -1 for ever, 0 when the time is up.
    var remaining: Int32 { deadline?.remaining ?? -1 }

    /// Waits with poll(2): for two conditions at once, or with a time limit. Throws EAGAIN when the limit has passed, or O_NONBLOCK is set.
    /// - Parameter recheck: milliseconds after which it returns although nothing was reported; negative: never.
    @inline(never)
    mutating func wait(for events: Int32, at descriptor: Descriptor, atMost recheck: Int32 = -1, _ code: ErrorCode) throws(IPCError) {
        readLimit(of: descriptor)
        var failure = libipc_is_nonblocking(descriptor.number) != 0 ? EAGAIN : 0
        while failure == 0 {
            let timeout = remaining
            let wait = shorterWait(timeout, recheck)
            let reported = libipc_poll_once(descriptor.number, events, wait)
            if reported > 0 || reported == 0 && wait != timeout { return }
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
