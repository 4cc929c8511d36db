// Context.swift - a context of the library: its memory, who is in it, who waits for its events, and its end.
//
// The library is thread-safe, so calls need no lock of the binding's. The lock here is for what the binding adds: which connection a number
// means, and who gets the next event. A number is looked up and used in one step, under the lock. A connection that ends is taken out of
// the table under the lock, too, before the wait in which the library may give its number to somebody else. So a message never
// goes to another connection than the one that it was meant for.

internal import CIPC
import Synchronization

/// What a program listens to and talks with: any number of services and connections. ``Service`` and ``Client`` are contexts with one.
///
/// Any thread and any task may call anything at any time. The last reference closes it.
public final class Context: Endpoint {
    /// Nobody waits for events in tasks; the reactor watches for them; or the library has no descriptor for that, and the reactor looks.
    enum Watch {
        case none, descriptor(Int32), timer
    }

    struct State {
        var isClosed = false
        var isFreed = false
        /// Threads that are in a wait of the library, or on their way to one.
        var waitingThreads = 0
        var watch = Watch.none
        /// While this is not 0 the reactor does not read.
        var suspensions = 0
        /// From ipc_ctx_fd on the library sends at once, also when no wait follows.
        var sendsAtOnce = false
        var connections: [Int32: Connection] = [:]
        /// Threads that connect; and connections that have ended before these threads could know of them.
        var connecting = 0 {
            didSet { if connecting == 0 { endedEarly = [:] } }
        }
        var endedEarly: [Int32: Connection] = [:]
        var pairs: [Connection: Pair] = [:]
        /// What can end a wait beside connections.
        var services = 0
        var watched: Set<Int32> = []
        var inbox = Inbox()
    }

    nonisolated(unsafe) let handle: UnsafeMutablePointer<ipc_ctx>
    let options: Options
    let state = Mutex(State())
    /// The reactor is in the library, for this context.
    let reading = Mutex(())
    /// Threads that ask take turns.
    let asking = Mutex(())

    /// An empty context.
    public init(options: Options = []) {
        self.options = options
        handle = .allocate(capacity: 1)
        handle.initialize(to: ipc_ctx())
        var quiet: UInt32 = 0
        if !options.contains(.reportSent) { quiet |= 1 << IPC_EVENT_TYPE_TX.rawValue }
        if !options.contains(.reportSwitched) { quiet |= 1 << IPC_EVENT_TYPE_SWITCH.rawValue }
        _ = ipc_ctx_quiet(handle, quiet)
    }

    deinit {
        closeNow()
        AtExit.shared.remove(ObjectIdentifier(self))
        ipc_ctx_free(handle)
        handle.deallocate()
    }

    /// Itself.
    public var context: Context { self }

    private static let lastID = Atomic<UInt64>(0)

    static func makeConnection(_ descriptor: Int32) -> Connection {
        Connection(descriptor: descriptor, id: lastID.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// Calls the library under the lock, which the call must not wait in.
    func withOpenState<Result: Sendable>(_ body: (inout State) throws(IPCError) -> Result) throws(IPCError) -> Result {
        try state.withLock { state throws(IPCError) in
            if state.isClosed { throw .contextClosed }
            return try body(&state)
        }
    }

    func make(_ deliveries: [Delivery]) {
        for delivery in deliveries { delivery.make(in: self) }
    }

    func wakeForReply() { _ = ipc_wake(handle) }

    /// Closes all connections and services at once, and ends all waits. What is queued is offered to the kernel once.
    func closeNow() {
        var deliveries: [Delivery] = []
        let isFirst = state.withLock { state in
            if state.isClosed { return false }
            state.isClosed = true
            unwatch(&state)
            state.inbox.end(.contextClosed, waits: .success(nil), to: &deliveries)
            for pair in state.pairs.values { pair.forgetTranslations() }
            state.pairs = [:]
            state.connections = [:]
            return true
        }
        guard isFirst else { return }
        // Threads that wait, and those on their way: they find the wake.
        _ = ipc_wake(handle)
        try? IPCError.check { cipc_close_all(handle, $0) }
        // What the reactor was told of is closed, too, when it is done.
        reading.withLock { _ in }
        freeIfUnused()
        make(deliveries)
    }

    /// The memory that the library has for the context goes when no thread can be waiting on it any more.
    func freeIfUnused() {
        state.withLock { state in
            guard state.isClosed, !state.isFreed, state.waitingThreads == 0 else { return }
            state.isFreed = true
            ipc_ctx_free(handle)
        }
    }
}

extension Context.State {
    /// The connection with this number. Another thread may hear of a connection before the one that makes it knows.
    mutating func connection(_ descriptor: Int32) -> Connection {
        if let known = connections[descriptor] { return known }
        let made = Context.makeConnection(descriptor)
        connections[descriptor] = made
        return made
    }

    func check(_ connection: Connection) throws(IPCError) {
        guard connections[connection.descriptor] == connection else {
            throw IPCError(code: .unknownReceiver, text: "\(connection) has ended")
        }
    }
}
