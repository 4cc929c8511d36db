// Alarm.swift - what wakes a thread that waits for events in the poller: a descriptor of the process's own (eventfd(2), pipe(2)).

struct Alarm: ~Copyable {
    private let ends: (Int32, Int32)

    init() throws(IPCError) {
        var made: (Int32, Int32) = (-1, -1)
        let result = withUnsafeMutableBytes(of: &made) { libipc_make_alarm($0.baseAddress?.assumingMemoryBound(to: Int32.self)) }
        try check(call: result, IPC_ERROR_POLLER, "make a descriptor that wakes threads")
        ends = made
    }

    deinit {
        close(ends.0)
        if ends.1 != ends.0 { close(ends.1) }
    }

    var descriptor: Int32 { ends.0 }
    func ring() { libipc_ring(ends.1) }
    func silence() { libipc_silence(ends.0) }
}

extension Registration {
    /// The alarm's: no descriptor of the program.
    static var alarm: Registration { Registration(descriptor: -1, generation: 0) }
}
