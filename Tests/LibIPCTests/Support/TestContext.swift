// TestContext.swift - a context with a view of Swift arrays, and what it tells as values that tests can compare.

import CLibIPC
import Testing

@testable import LibIPC

/// What one call for an event gave. Two are equal when they tell the same of the same descriptor; indices are looked at apart.
struct Happening: Equatable, CustomStringConvertible {
    var kind: Event.Kind
    var descriptor: Int32 = 0
    var frame: Frame?
    /// The code of the error that was thrown beside it; nil: there was none.
    var code: UInt32?
    var index = 0
    var reason = ""

    static func message(_ frame: Frame, from end: End) -> Happening { Happening(kind: .message, descriptor: end.number, frame: frame) }
    static func sent(to end: End) -> Happening { Happening(kind: .sent, descriptor: end.number) }
    static func readable(_ end: End) -> Happening { Happening(kind: .readable, descriptor: end.number) }
    static func connection(_ end: End) -> Happening { Happening(kind: .connection, descriptor: end.number) }
    static func disconnection(_ end: End, _ code: ErrorCode? = nil) -> Happening {
        Happening(kind: .disconnection, descriptor: end.number, code: code?.rawValue)
    }
    static func error(_ end: End, _ code: ErrorCode) -> Happening { Happening(kind: .error, descriptor: end.number, code: code.rawValue) }
    static func switched(from end: End) -> Happening { Happening(kind: .switched, descriptor: end.number) }
    static func callReader(_ end: End) -> Happening { Happening(kind: .callback, descriptor: end.number) }
    static func callWriter(_ frame: Frame, to end: End) -> Happening { Happening(kind: .callback, descriptor: end.number, frame: frame) }
    static let timer = Happening(kind: .timer)

    static func == (left: Happening, right: Happening) -> Bool {
        (left.kind, left.descriptor, left.frame, left.code) == (right.kind, right.descriptor, right.frame, right.code)
    }

    var description: String {
        let parts = [frame?.description, code.map { "error \($0)" }, reason].compactMap { $0 }.filter { !$0.isEmpty }
        return "\(kind) \(descriptor) \(parts)"
    }
}

/// Threads come in by its lock.
final class TestContext: @unchecked Sendable {
    /// Streams lead to it, and the context lies behind it. The library itself may have its memory next.
    let monitor: MonitorReference
    let context: UnsafeMutablePointer<Context<ListView>>
    /// Closed after the context is gone: a context closes what is its own, and nothing else.
    private var ends: [End] = []

    init() throws {
        monitor = try #require(libipc_allocate_monitor(MemoryLayout<libipc_monitor>.stride + MemoryLayout<PublicContext>.stride))
        try #require(MemoryLayout<Context<ListView>>.size <= MemoryLayout<PublicContext>.size)
        context = monitor.guardedContext()
        context.initialize(to: Context(view: ListView(), monitor: monitor))
    }

    deinit {
        context.deinitialize(count: 1)
        libipc_recycle_monitor(monitor)
    }

    // MARK: Entries

    /// The end is closed with the context, if that has not done so.
    func keep(_ end: End) { ends.append(end) }

    func add(_ end: End, _ kind: ConnectionKind = .ipc) throws {
        keep(end)
        try context.pointee.add(end.number, kind)
    }

    /// A wire whose near end is an entry.
    func connect(_ kind: ConnectionKind = .ipc, _ wireKind: Wire.Kind = .socket) throws -> Wire {
        let wire = try Wire(wireKind)
        try add(wire.near, kind)
        return wire
    }

    /// Two wires whose near ends are a pair.
    func connectPair() throws -> (Wire, Wire) {
        let (first, second) = (try connect(.switched), try connect(.switched))
        try pair(first.near, second.near)
        return (first, second)
    }

    /// As a program does it.
    func pair(_ first: End, _ second: End) throws {
        try context.pointee.view.pair(first.number, second.number)
        libipc_note_pair_change()
    }

    func connection(of end: End) throws -> ConnectionReference {
        let connection = context.pointee.connection(of: end.number)
        return try #require(connection)
    }

    func stream(of end: End) throws -> StreamReference {
        let stream = try connection(of: end).pointee.stream
        return try #require(stream)
    }

    /// The connection's turn is put off until another thread, or a call, is done with it.
    func isLeased(_ end: End) throws -> Bool { if case .leased = try connection(of: end).pointee.state { true } else { false } }
    /// How many connections are; the context's own count agrees.
    var leased: Int {
        let count = (0..<context.pointee.connections.count).count {
            if case .leased = context.pointee.connections[$0].pointee.state { true } else { false }
        }
        #expect(context.pointee.leasedTurns == count)
        return count
    }

    func has(_ end: End) -> Bool { context.pointee.connection(of: end.number) != nil }
    var descriptors: [Int32] { context.pointee.view.entries.map(\.descriptor) }

    // MARK: Frames

    func write(_ frame: Frame, to end: End) throws {
        try frame.payload.withUnsafeBytes {
            try context.pointee.queue(frame.header, copying: UnsafeMutableRawPointer(mutating: $0.baseAddress), for: end.number)
        }
    }

    var queued: [Frame] { context.pointee.view.listed.map { Frame($0.frame) } }

    // MARK: Events

    /// What a thread does with the lock: it counts as a call, and whoever waits for what it leaves behind is woken.
    func locked<Result>(as thread: UInt? = nil, _ body: () throws -> Result) rethrows -> Result {
        monitor.lock()
        context.pointee.call &+= 1
        defer {
            context.pointee.alert(thread.flatMap { context.pointee.leases.find($0) })
            monitor.unlock()
        }
        return try body()
    }

    /// What a step of the context tells. An error that belongs to no event is thrown.
    func happening(
        for lease: LeaseReference? = nil, _ step: (inout Context<ListView>, inout Event) throws(IPCError) -> Void
    ) throws -> Happening {
        try tell(Event(lease)) { event throws(IPCError) in try step(&context.pointee, &event) }
    }

    private func tell(_ empty: consuming Event, _ step: (inout Event) throws(IPCError) -> Void) throws -> Happening {
        var event = empty
        var thrown: IPCError?
        do throws(IPCError) { try step(&event) } catch { thrown = error }
        if let thrown, event.kind == .none || event.kind == .waiting { throw thrown }
        var happening = Happening(kind: event.kind, descriptor: event.descriptor, code: thrown?.code.rawValue)
        (happening.index, happening.reason) = (event.index, thrown?.text.string ?? "")
        if let message = event.message.take() { happening.frame = Frame(message) }
        if let frame = event.frame { happening.frame = Frame(destroying: frame) }
        return happening
    }

    /// What a call gives that waits for an event, and lets go of what its thread was given last.
    /// - Parameters:
    ///   - milliseconds: how long to wait; what is there already needs no wait.
    ///   - thread: whose call this is: it need not be a real one.
    func next(waiting milliseconds: Int32 = 0, as thread: UInt = 1) throws -> Happening {
        try next(until: Deadline(milliseconds: milliseconds), as: thread)
    }

    func next(until deadline: Deadline, as thread: UInt = 1) throws -> Happening {
        try locked(as: thread) {
            let lease = try context.pointee.leases.lease(of: thread)
            context.pointee.end(lease)
            return try tell(Event(lease)) { event throws(IPCError) in
                try context.pointee.catchUp()
                try context.pointee.next(&event, deadline)
                while event.kind == .waiting {
                    try wait(&event, deadline)
                    event.clock.expire()
                    if event.kind != .none { return }
                    context.pointee.end(lease)
                    try context.pointee.catchUp()
                    try context.pointee.search(&event, deadline)
                }
            }
        }
    }

    /// What the poller would say to a thread that waits: how many descriptors are ready.
    func look() throws -> Int { try context.pointee.prepareToWait().named(timeout: 0) }

    /// The thread is done with the event that it was given last.
    func release(_ thread: UInt) throws {
        try locked(as: thread) { context.pointee.end(try lease(thread)) }
    }

    func lease(_ thread: UInt) throws -> LeaseReference {
        let lease = context.pointee.leases.find(thread)
        return try #require(lease)
    }

    /// Waits until there may be something, as the library's own calls do: without the lock.
    private func wait(_ event: inout Event, _ deadline: Deadline) throws(IPCError) {
        var limit = context.pointee.sleepLimit(deadline.remaining, &event)
        var watch = context.pointee.isLed ? nil : try context.pointee.prepareToWait()
        if var asked = watch {
            try context.pointee.prepareToSleep(&asked, &limit)
            watch = asked
        }
        (event.kind, event.reported) = (.none, 0)
        context.pointee.waiting += 1
        defer { context.pointee.waiting -= 1 }
        guard let watch else { return limit == 0 ? () : libipc_wait_for_change(monitor, limit) }
        context.pointee.isLed = true
        defer { context.pointee.isLed = false }
        let call = context.pointee.call
        monitor.unlock()
        let finding = Result { () throws(IPCError) in try watch.wait(timeout: limit) }
        monitor.lock()
        context.pointee.turns.begin()
        try context.pointee.mark(finding.get(), &event)
        if context.pointee.call != call { context.pointee.call &+= 1 }
    }

    /// Until other threads have made it so: with the lock, but not as a call.
    func until(_ isSo: () -> Bool) throws {
        let deadline = Deadline(milliseconds: 60_000)
        while !monitor.locked(isSo) {
            try #require(deadline.remaining > 0)
            sched_yield()
        }
    }

    /// All that is to be told now.
    func all(as thread: UInt = 1) throws -> [Happening] {
        var happenings: [Happening] = []
        while true {
            let next = try next(as: thread)
            if next == .timer { return happenings }
            try #require(happenings.count < 10_000, "there is no end to \(next.description)")
            happenings.append(next)
        }
    }
}
