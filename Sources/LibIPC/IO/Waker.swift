// Waker.swift - wakes a thread that waits for events in the poller: an eventfd(2), or a pipe(2) elsewhere.

struct Waker: ~Copyable {
    private let ends: (Int32, Int32)
    private let file: FileIdentity?

    init() throws(IPCError) {
        var made: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &made) { libipc_make_alarm($0.baseAddress?.assumingMemoryBound(to: Int32.self)) }
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

    var descriptor: Int32 { ends.0 }
    func ring() { if isOurs { libipc_ring(ends.1) } }
    func silence() { libipc_silence(ends.0) }
}

extension Registration {
    /// The alarm's: no descriptor of the program.
    static var alarm: Registration { Registration(descriptor: -1, generation: 0) }
}
