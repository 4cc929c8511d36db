// Poll.swift - readiness by poll(2): slow with many descriptors, and available everywhere.
//
// Positions are searched: each wait goes through all anyway.

#if !os(Linux) || POLLER_POLL

struct PollPoller: ~Copyable {
    static var watchesNumbers: Bool { true }
    static var repeatsHangUp: Bool { false }

    private struct Entry: BitwiseCopyable { var registration: Registration, interest: Interest }
    private var entries = HeapArray<Entry>()
    /// The list of the wait, which may run without the context's lock.
    private var asked = DescriptorList()
    private var alarm: Waker?
    var needsRebuild = false
    /// Something else is to be asked than what is being asked.
    private(set) var isStale = false

    struct Watch: BitwiseCopyable {
        fileprivate let memory: UnsafeMutableRawPointer?
        fileprivate let count: Int32
        fileprivate let limit: Int32
        var collectsFirst = false

        func wait(timeout: Int32) throws(IPCError) -> Finding { try DescriptorList.wait(memory, count, timeout, limit) }
        func collect() throws(IPCError) -> Finding { .named(0) }
    }

    init() throws(IPCError) {}
    init(idle: Bool) {}

    var isIdle: Bool { false }

    mutating func closeDescriptors() { alarm = nil }

    mutating func add(_ registration: Registration, _ interest: Interest) throws(IPCError) -> Admission {
        if Descriptor(registration.descriptor).poll(0, timeout: 0) & POLLNVAL != 0 { return .notOpen }
        isStale = true
        try outOfMemory(is: IPC_ERROR_POLLER) { () throws(IPCError) in
            try entries.append(Entry(registration: registration, interest: interest))
        }
        return .watched
    }

    mutating func update(_ registration: Registration, _ interest: Interest) {
        isStale = true
        if let position = position(of: registration) { entries[position] = Entry(registration: registration, interest: interest) }
    }

    mutating func remove(_ registration: Registration) {
        isStale = true
        if let position = position(of: registration) { entries.swapRemove(at: position) }
    }

    func confirm(_ registration: Registration, _ interest: Interest) -> Confirmation { .same }

    mutating func prepare(_ fill: (inout DescriptorList) throws(IPCError) -> Void) throws(IPCError) -> Watch {
        asked.removeAll()
        try fill(&asked)
        return watchOfList
    }

    mutating func takeList(of other: inout PollPoller) { swap(&asked, &other.asked) }

    var set: Watch { watchOfList }
    /// Every wait uses a list.
    var usesList: Bool { true }
    func lists(_ registration: Registration, _ interest: Interest) -> Bool { false }
    var watchOfList: Watch { Watch(memory: asked.memory, count: asked.count, limit: asked.limit) }

    mutating func prepare() throws(IPCError) -> Watch {
        isStale = false
        asked.removeAll()
        for position in 0..<entries.count {
            var entry = entries[position]
            if try asked.append(entry.registration, entry.interest) { continue }
            entry.interest.remove(.changes)
            entries[position] = entry
        }
        if libipc_is_alone() == 0 { try addAlarm() }
        return watchOfList
    }

    private mutating func addAlarm() throws(IPCError) {
        if alarm == nil {
            do throws(IPCError) { alarm = try Waker() } catch {
                // Nothing can wake the wait: it checks again by itself.
                guard error.isShortage else { throw error }
                return asked.limitWait()
            }
        }
        if let descriptor = alarm?.descriptor { try asked.append(alarm: descriptor) }
    }

    func wake() { alarm?.ring() }
    func silence() { alarm?.silence() }
    mutating func collect(_ named: Int) -> Int { asked.collect(named) }
    func readiness(at index: Int) -> Readiness { asked.readiness(at: index) }

    private func position(of registration: Registration) -> Int? { (0..<entries.count).first { entries[$0].registration == registration } }
}
#endif
