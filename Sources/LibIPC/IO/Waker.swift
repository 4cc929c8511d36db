// Waker.swift - an eventfd(2), or a pipe(2) elsewhere, that makes a sleeping wait of the poller return.

struct Waker: ~Copyable {
    private var ends: (Int32, Int32)
    private let file: FileIdentity?

    init() throws(IPCError) {
        var made: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &made) { libipc_make_waker($0.baseAddress?.assumingMemoryBound(to: Int32.self)) }
        try check(call: result, IPC_ERROR_POLLER, "make a descriptor that wakes threads")
        ends = made
        file = FileIdentity(Descriptor(made.1))
    }

    deinit {
        guard isOurs else { return }
        close(ends.0)
        if ends.1 != ends.0 { close(ends.1) }
    }

    /// The program may have closed the numbers and opened files of its own with them: those are neither closed nor written to.
    private var isOurs: Bool { FileIdentity(Descriptor(ends.1)) == file }

    /// Its numbers are another's: they are not closed.
    mutating func abandon() { ends = (-1, -1) }

    /// What the poller watches.
    var descriptor: Int32 { ends.0 }
    /// Makes the descriptor readable.
    func wake() { if isOurs { libipc_signal_waker(ends.1) } }
    /// Makes it unreadable again.
    func drain() { libipc_drain_waker(ends.0) }
}

extension Registration {
    /// Of the waker, which is no descriptor of the program.
    static var waker: Registration { Registration(descriptor: -1, generation: 0) }
}
