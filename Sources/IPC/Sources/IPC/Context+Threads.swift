// Context+Threads.swift - waits of threads, for programs without concurrency: they wait in the library itself.
//
// If the reactor reads the context already, because a task has waited on it, the thread waits for a task instead.

internal import CIPC
import Synchronization

extension Context {
    private enum Way: Sendable {
        case done(Outcome)
        case library(hasNothing: Bool)
        case task
    }

    private enum Step {
        case done(Outcome)
        case reply(Result<Message, IPCError>)
        case again
    }

    func nextInThread(timeout: Duration?) throws(IPCError) -> Event? {
        let way: Way = state.withLock { state in
            if let event = state.inbox.takeEvent() { return .done(.success(event)) }
            if state.isClosed { return .done(.success(nil)) }
            guard case .none = state.watch else { return .task }
            state.waitingThreads += 1
            return .library(hasNothing: state.connections.isEmpty && state.services == 0 && state.watched.isEmpty)
        }
        switch way {
        case .done(let outcome): return try outcome.get()
        case .task:
            let outcome: Outcome = awaitInThread {
                do throws(IPCError) { return .success(try await self.nextInTask(timeout: timeout)) } catch { return .failure(error) }
            }
            return try outcome.get()
        case .library(let hasNothing):
            // Nothing could end a wait on an empty context; with a descriptor for other loops a wake does.
            if hasNothing, timeout == nil { _ = ipc_ctx_fd(handle) }
            defer { leave() }
            var timer = timeout?.milliseconds ?? -1
            while true {
                if case .done(let outcome) = step(&timer, request: nil) { return try outcome.get() }
            }
        }
    }

    func requestInThread(
        _ message: Message, to connection: Connection, passing descriptor: Int32?, timeout: Duration?
    ) throws(IPCError) -> Message {
        try asking.withLock { _ throws(IPCError) in
            let id: UInt64? = try withOpenState { state throws(IPCError) in
                guard case .none = state.watch else { return nil }
                let id = state.inbox.makeID()
                try queue(message, to: connection, passing: descriptor, &state)
                state.inbox.add(Inbox.Request(id: id, receiver: .thread), to: connection)
                state.waitingThreads += 1
                return id
            }
            guard let id else {
                return try awaitInThread { () -> Result<Message, IPCError> in
                    do {
                        return .success(try await self.requestInTask(message, to: connection, passing: descriptor, timeout: timeout))
                    } catch {
                        return .failure(error as? IPCError ?? .contextClosed)
                    }
                }.get()
            }
            defer {
                // Other threads ask on the same connection.
                try? IPCError.check { cipc_ctx_release(handle, $0) }
                leave()
            }
            var timer = timeout?.milliseconds ?? -1
            while true {
                switch step(&timer, request: id) {
                case .again: continue
                case .reply(let reply): return try reply.get()
                case .done(let outcome):
                    let delivery = state.withLock { $0.inbox.giveUp(id, to: connection, with: CancellationError()) }
                    delivery?.make(in: self)
                    if try outcome.get() == nil { throw .contextClosed }
                    throw IPCError(code: .timeout, text: "no reply within the time")
                }
            }
        }
    }

    /// One wait of the library, for one event: a thread keeps its claim on the event's connection until its next wait.
    private func step(_ timer: inout Int32, request: UInt64?) -> Step {
        let raw = EventBuffer(capacity: 1)
        let events = RawEvents(raw.base)
        var count = 0
        let code = ipc_wait_events(handle, raw.base, 1, &count, &timer)
        var deliveries: [Delivery] = []
        let step: Step = state.withLock { state in
            if let request, let reply = state.inbox.takeReply(to: request) { return .reply(reply) }
            if state.isClosed { return .done(.success(nil)) }
            if count == 0 {
                return code == IPC_ERROR_WAIT_EVENT__POLL ? .again : .done(.failure(IPCError(last: code)))
            }
            guard let event = convert(events, 0, code, &state) else { return .again }
            if case .timer = event { return .done(.success(event)) }
            if request == nil, !state.inbox.isExpecting { return .done(.success(event)) }
            state.inbox.deliver(event, to: &deliveries)
            if let request, let reply = state.inbox.takeReply(to: request) {
                // This thread need not be woken.
                deliveries = deliveries.filter { if case .wake = $0 { false } else { true } }
                return .reply(reply)
            }
            if request == nil, let event = state.inbox.takeEvent() { return .done(.success(event)) }
            return .again
        }
        make(deliveries)
        return step
    }

    /// What tasks wait for the reactor reads from now on.
    private func leave() {
        var deliveries: [Delivery] = []
        state.withLock { state in
            state.waitingThreads -= 1
            if state.inbox.hasTasks { watchForTasks(&state, &deliveries) }
        }
        freeIfUnused()
        make(deliveries)
    }

    private func awaitInThread<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Value {
        let gate = Gate<Value>()
        Task.detached { gate.open(await body()) }
        return gate.wait()
    }
}
