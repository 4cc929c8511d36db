// Poll.swift - readiness by poll(2): slow with many descriptors, and available everywhere.
//
// Registrations are found by linear search: each wait is linear in their number anyway.

#if POLLER_POLL

struct PollPoller: ~Copyable {
    static var watchesNumbers: Bool { true }
    static var repeatsHangUp: Bool { false }

    struct Watch: BitwiseCopyable {
        fileprivate let list: DescriptorList.Watch
        var collectsFirst = false

        func wait(timeout: Int32) throws(IPCError) -> Finding { try list.wait(timeout: timeout) }
        func collect() throws(IPCError) -> Finding { .ready(0) }
    }

    private struct Entry: BitwiseCopyable { var registration: Registration, interest: Interest }
    private var entries = HeapArray<Entry>()
    /// What the wait, which may run without the context's lock, passes to poll(2).
    private var list = DescriptorList()
    private var waker: Waker?
    var needsRebuild = false
    /// The entries have changed since the list was made.
    private(set) var isStale = false
    var isLost: Bool { false }
    var hasSet: Bool { true }
    var set: Int32 { -1 }

    init() throws(IPCError) {}
    init(idle: Bool) {}

    var isIdle: Bool { false }

    mutating func closeDescriptors() { waker = nil }

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> WatchResult {
        guard Descriptor(registration.descriptor).isOpen else { return .notOpen }
        isStale = true
        try failing(with: IPC_ERROR_POLLER, try entries.append(Entry(registration: registration, interest: interest)))
        return .watched
    }

    mutating func update(_ registration: Registration, _ interest: Interest) {
        isStale = true
        if let index = index(of: registration) { entries[index].interest = interest }
    }

    mutating func remove(_ registration: Registration) {
        isStale = true
        if let index = index(of: registration) { entries.swapRemove(at: index) }
    }

    private func index(of registration: Registration) -> Int? { (0..<entries.count).first { entries[$0].registration == registration } }

    func confirm(_ registration: Registration, _ interest: Interest) -> Confirmation { .same }

    // MARK: Waiting: always with a list

    var usesList: Bool { true }
    var listWatch: Watch { Watch(list: list.watch) }
    var currentWatch: Watch { listWatch }
    func listsOnly(_ registration: Registration, _ interest: Interest) -> Bool { false }
    mutating func takeList(of other: inout PollPoller) { swap(&list, &other.list) }

    mutating func prepareList(_ fill: (inout DescriptorList) throws(IPCError) -> Void) throws(IPCError) -> Watch {
        list.removeAll()
        try fill(&list)
        return listWatch
    }

    mutating func prepare() throws(IPCError) -> Watch {
        isStale = false
        list.removeAll()
        for index in 0..<entries.count {
            let isWanted = try list.append(entries[index].registration, entries[index].interest)
            if !isWanted { entries[index].interest.remove(.changes) }
        }
        if libipc_is_alone() == 0 { try appendWaker() }
        return listWatch
    }

    private mutating func appendWaker() throws(IPCError) {
        if waker == nil {
            do throws(IPCError) { waker = try Waker() } catch {
                // Nothing can wake the wait: it ends by itself.
                guard error.isShortage else { throw error }
                return list.limitWait()
            }
        }
        if let descriptor = waker?.descriptor { try list.append(waker: descriptor) }
    }

    mutating func moveReady(_ reported: Int) -> Int { list.moveReady(reported) }
    func readiness(at index: Int) -> Readiness { list.readiness(at: index) }

    func wake() { waker?.wake() }
    var markedWaker: UInt64 { waker?.marked() ?? 0 }
    func drainWaker() { waker?.drain() }
}
#endif
