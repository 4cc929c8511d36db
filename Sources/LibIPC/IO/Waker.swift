// Waker.swift - an eventfd(2), or a pipe(2) elsewhere, that makes a sleeping wait of the poller return.

struct Waker: ~Copyable {
    /// The descriptor to read and the one to write; of an eventfd both are the same.
    private var ends: (Int32, Int32)
    private let file: FileIdentity?
    /// See libipc_take_number.
    private let mark: UInt32

    init() throws(IPCError) {
        var made: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &made) { libipc_make_waker($0.baseAddress?.assumingMemoryBound(to: Int32.self)) }
        try check(call: result, IPC_ERROR_POLLER, "make a descriptor that wakes threads")
        ends = made
        (file, mark) = (FileIdentity(Descriptor(made.1)), libipc_take_number(made.1))
    }

    deinit {
        let isOurs = isOurs
        // First, because ipc_wake writes to the number as long as it has the mark.
        libipc_return_number(ends.1, mark)
        guard isOurs else { return }
        close(ends.0)
        if ends.1 != ends.0 { close(ends.1) }
    }

    /// Whether the numbers still mean the waker. The program may have closed them and opened files of its own with them, which the waker
    /// must neither close nor write to.
    private var isOurs: Bool { libipc_has_number(ends.1, mark) != 0 && FileIdentity(Descriptor(ends.1)) == file }

    /// For ipc_wake: see libipc_marked.
    func marked() -> UInt64 { libipc_marked(ends.1, mark) }

    /// What the poller watches.
    var descriptor: Int32 { ends.0 }
    /// Makes the descriptor readable.
    func wake() { if isOurs { libipc_signal_waker(ends.1) } }
    /// Makes it unreadable again.
    func drain() { if isOurs { libipc_drain_waker(ends.0) } }
}

extension Registration {
    /// Of the waker, which is no descriptor of the program.
    static var waker: Registration { Registration(descriptor: -1, generation: 0) }
}
