// LoopDescriptor.swift - the one descriptor of a context that other event loops watch (ipc_ctx_fd).
//
// It is an epoll set or a kqueue of its own, because the poller may have to replace its set while the program goes on watching this
// descriptor. It watches three descriptors, level-triggered: the poller's set; the bell, a waker for what the kernel cannot see (messages
// that were read ahead, sent frames to tell of); and a timer for retries after a pause. To ring the bell makes it readable, which is a
// new edge for a loop that is edge-triggered. With poll(2) there is no such descriptor.

struct LoopDescriptor: ~Copyable {
    #if !POLLER_POLL
    /// The program watches this one.
    let number: Int32
    private let file: FileIdentity?
    /// See libipc_take_number.
    private let mark: UInt32
    private let bell: Waker
    private let timer: Int32
    private let timerMark: UInt32
    private var isRung = false
    /// When the timer makes the descriptor readable.
    private var due: Deadline?

    init() throws(IPCError) {
        let bell = try Waker()
        let timer = try check(call: libipc_make_timer(), IPC_ERROR_POLLER, "make a timer for another loop")
        let made = libipc_make_set()
        let isMade = made >= 0 && libipc_watch_readable(made, bell.descriptor) == 0 && libipc_watch_readable(made, timer) == 0
        if !isMade {
            let failure = IPCError.system(IPC_ERROR_POLLER, "make a descriptor for another loop")
            close(timer)
            if made >= 0 { close(made) }
            throw failure
        }
        self.bell = consume bell
        (number, self.timer, file) = (made, timer, Poller.identity(of: made))
        (mark, timerMark) = (libipc_take_number(made), libipc_take_number(timer))
    }

    deinit {
        if libipc_has_number(timer, timerMark) != 0, Poller.identity(of: timer) == file { close(timer) }
        libipc_return_number(timer, timerMark)
        if isOurs { close(number) }
        libipc_return_number(number, mark)
    }

    /// For ipc_wake: see libipc_marked.
    var markedBell: UInt64 { bell.marked() }

    /// False: the program has closed the number.
    var isOurs: Bool { libipc_has_number(number, mark) != 0 && Poller.identity(of: number) == file }

    /// Watches a new set of the poller. The kernel has removed the former one when that was closed.
    func watch(_ set: Int32) throws(IPCError) {
        try check(call: libipc_watch_readable(number, set), IPC_ERROR_POLLER, "watch the poller's set for another loop")
    }

    /// Makes the bell readable, or not.
    /// - Parameter isDue: whether the context has something that the kernel cannot see.
    mutating func ring(_ isDue: Bool) {
        if isDue == isRung { return }
        isRung = isDue
        if isDue { bell.wake() } else { bell.drain() }
    }

    /// Rings the bell although it is readable already: a new edge, for a loop that is edge-triggered.
    mutating func ringAgain() {
        isRung = true
        bell.wake()
        libipc_renew_edge(number, bell.descriptor)
    }

    /// The timer has made the descriptor readable.
    var isTimerOver: Bool { due?.hasPassed ?? false }

    /// Sets the timer after a wait that has found nothing.
    /// - Parameter milliseconds: until the next retry; negative: there is none.
    mutating func setTimer(_ milliseconds: Int32) {
        let isOver = isTimerOver
        if milliseconds < 0 {
            // A timer that is running fires once for nothing, which costs less than to stop it after each wait.
            if isOver {
                due = nil
                libipc_set_timer(timer, 0)
            }
            return
        }
        let wanted = Deadline(milliseconds: max(milliseconds, 1))
        if !isOver, let due, due <= wanted { return }
        due = wanted
        libipc_set_timer(timer, max(milliseconds, 1))
    }
    #else
    let number: Int32 = -1
    var isOurs: Bool { false }
    var markedBell: UInt64 { 0 }

    init() throws(IPCError) { throw IPCError(IPC_ERROR_CTX_FD__UNAVAILABLE, "this library waits with poll(2), which has no descriptor") }
    func watch(_ set: Int32) throws(IPCError) {}
    mutating func ring(_ isDue: Bool) {}
    mutating func ringAgain() {}
    mutating func setTimer(_ milliseconds: Int32) {}
    var isTimerOver: Bool { false }
    #endif
}
