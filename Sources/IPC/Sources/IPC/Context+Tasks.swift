// Context+Tasks.swift - waits of tasks, which hold up no thread: the reactor reads the context's events while there is somebody to wait.

internal import CIPC
import Synchronization

extension Context {
    /// Lets the reactor read events from now on. A thread that waits in the library does so itself, and calls this when it leaves.
    func watch(_ state: inout State) throws(IPCError) {
        guard case .none = state.watch, state.waitingThreads == 0, state.suspensions == 0, !state.isClosed else { return }
        let descriptor = ipc_ctx_fd(handle)
        if descriptor >= 0 {
            state.sendsAtOnce = true
            state.watch = .descriptor(descriptor)
        } else {
            // A library that was built for poll(2), or no descriptor is free.
            state.watch = .timer
        }
        if !Reactor.shared.watch(self, descriptor) {
            state.watch = .none
            throw IPCError(code: .poller, text: "no thread or no descriptor is free to wait for events")
        }
    }

    func unwatch(_ state: inout State) {
        switch state.watch {
        case .none: return
        case .descriptor(let descriptor): Reactor.shared.unwatch(descriptor)
        case .timer: Reactor.shared.unwatch(self)
        }
        state.watch = .none
    }

    /// `watch`, for tasks that wait already.
    func watchForTasks(_ state: inout State, _ deliveries: inout [Delivery]) {
        do throws(IPCError) { try watch(&state) } catch { fail(error, &state, &deliveries) }
    }

    /// Calls `body` while the reactor does not read this context. Other contexts go on.
    func suspendingReads<Result>(_ body: () throws(IPCError) -> Result) throws(IPCError) -> Result {
        let wasWatched = state.withLock { state in
            state.suspensions += 1
            guard case .none = state.watch else {
                unwatch(&state)
                return true
            }
            return false
        }
        // Until it is done with what it has begun.
        reading.withLock { _ in }
        defer {
            var deliveries: [Delivery] = []
            state.withLock { state in
                state.suspensions -= 1
                if wasWatched || state.inbox.hasTasks { watchForTasks(&state, &deliveries) }
            }
            make(deliveries)
        }
        return try body()
    }

    /// An event that is there, or a reason not to wait; nil: none.
    private func takeAtOnce(_ state: inout State) -> Outcome? {
        if let event = state.inbox.takeEvent() {
            if case .none = state.watch, state.inbox.events.count == backlog / 2 {
                // Read on. A failure shows when there is nothing left.
                try? watch(&state)
            }
            return .success(event)
        }
        if state.isClosed { return .success(nil) }
        if let failure = state.inbox.failure {
            state.inbox.failure = nil
            return .failure(failure)
        }
        return nil
    }

    nonisolated(nonsending) func nextInTask(timeout: Duration?) async throws(IPCError) -> Event? {
        if let outcome = state.withLock({ takeAtOnce(&$0) }) { return try outcome.get() }
        let id = state.withLock { $0.inbox.makeID() }
        var alarm: Task<Void, Never>?
        defer { alarm?.cancel() }
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Outcome, Never>) in
                let outcome: Outcome? = state.withLock { state in
                    if Task.isCancelled { return .success(nil) }
                    if let outcome = takeAtOnce(&state) { return outcome }
                    do throws(IPCError) { try watch(&state) } catch { return .failure(error) }
                    state.inbox.wait(id, continuation)
                    return nil
                }
                if let outcome { return continuation.resume(returning: outcome) }
                // Now that there is a wait to end.
                alarm = setAlarm(after: timeout) { context in
                    let delivery = context.state.withLock { $0.inbox.endWait(id, with: .success(.timer)) }
                    delivery?.make(in: context)
                }
            }
        } onCancel: {
            let delivery = state.withLock { $0.inbox.endWait(id, with: .success(nil)) }
            delivery?.make(in: self)
        }
        return try outcome.get()
    }

    nonisolated(nonsending) func requestInTask(
        _ message: Message, to connection: Connection, passing descriptor: Int32?, timeout: Duration?
    ) async throws -> Message {
        let id = state.withLock { $0.inbox.makeID() }
        @Sendable func giveUp(_ context: Context, _ error: any Error) {
            let delivery = context.state.withLock { $0.inbox.giveUp(id, to: connection, with: error) }
            delivery?.make(in: context)
        }
        var alarm: Task<Void, Never>?
        defer { alarm?.cancel() }
        let reply = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Reply, Never>) in
                do throws(IPCError) {
                    let isSent = try withOpenState { state throws(IPCError) in
                        if Task.isCancelled { return false }
                        try watch(&state)
                        // Queued and noted in one step, so that replies find their requests.
                        try queue(message, to: connection, passing: descriptor, &state)
                        state.inbox.add(Inbox.Request(id: id, receiver: .task(continuation)), to: connection)
                        return true
                    }
                    guard isSent else { return continuation.resume(returning: .failure(CancellationError())) }
                    alarm = setAlarm(after: timeout) { giveUp($0, IPCError(code: .timeout, text: "no reply within the time")) }
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        } onCancel: {
            giveUp(self, CancellationError())
        }
        return try reply.get()
    }

    /// Runs `body` after that time, unless it is cancelled. It does not keep the context: it ends some time after it was cancelled.
    private func setAlarm(after time: Duration?, _ body: @escaping @Sendable (Context) -> Void) -> Task<Void, Never>? {
        time.map { time in
            Task.detached { [weak self] in
                do { try await Task.sleep(for: time) } catch { return }
                if let self { body(self) }
            }
        }
    }
}
