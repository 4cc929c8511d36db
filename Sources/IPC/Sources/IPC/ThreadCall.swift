// ThreadCall.swift - a call of the library that may wait, made for a task in a thread of its own.

import Synchronization

enum ThreadCall {
    /// Runs `body` in a thread. A task that is cancelled does not wait for it; `unwanted` then gets the result.
    nonisolated(nonsending) static func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws(IPCError) -> Value, unwanted: @escaping @Sendable (Value) -> Void
    ) async throws -> Value {
        let result = FirstResult<Value>()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Value, any Error>) in
                guard result.begin(continuation) else { return }
                let isStarted = System.startThread {
                    do throws(IPCError) {
                        let value = try body()
                        if !result.end(.success(value)) { unwanted(value) }
                    } catch {
                        _ = result.end(.failure(error))
                    }
                }
                if !isStarted { _ = result.end(.failure(IPCError(code: .poller, text: "no thread is free"))) }
            }
        } onCancel: {
            _ = result.end(.failure(CancellationError()))
        }
    }
}

/// The first result counts.
private final class FirstResult<Value: Sendable>: Sendable {
    private enum State {
        case new, ended
        case waiting(CheckedContinuation<Value, any Error>)
    }

    private let state = Mutex(State.new)

    /// False: it has ended already.
    func begin(_ continuation: CheckedContinuation<Value, any Error>) -> Bool {
        let isNew = state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(continuation)
            return true
        }
        if !isNew { continuation.resume(throwing: CancellationError()) }
        return isNew
    }

    /// False: it had ended already.
    func end(_ result: Result<Value, any Error>) -> Bool {
        let continuation: CheckedContinuation<Value, any Error>? = state.withLock { state in
            defer { state = .ended }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume(with: result)
        return continuation != nil
    }
}
