// FormerPollerNames.swift - former names in IO/, until their callers have moved to the new ones (the script of renames deletes this file).

extension Registration {
    static var alarm: Registration { .waker }
}

extension Finding {
    @inline(__always) static func named(_ count: Int) -> Finding { .ready(count) }
}

extension Poller {
    @inline(__always)
    mutating func prepare(_ fill: (inout DescriptorList) throws(IPCError) -> Void) throws(IPCError) -> Watch { try prepareList(fill) }
    @inline(__always) func lists(_ registration: Registration, _ interest: Interest) -> Bool { listsOnly(registration, interest) }
    var watchOfList: Watch { listWatch }
    var set: Watch { currentWatch }
    mutating func collect(_ reported: Int) -> Int { moveReady(reported) }
    func silence() { drainWaker() }
}

extension TimeLimit {
    @inline(__always) @discardableResult
    mutating func begin(_ descriptor: Descriptor) -> Bool { readLimit(of: descriptor) }
}

extension Socket {
    static func isPassing(_ error: Int32, on server: Int32) -> Bool { isTransient(error, on: server) }
    static func isClientsFault(_ error: Int32) -> Bool { concernsOneClient(error) }
}
