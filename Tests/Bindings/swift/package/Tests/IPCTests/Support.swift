// Support.swift - what the tests share: names that nobody else has, a service that echoes, and what the process has open.

import Foundation
import IPC
import Synchronization

private let lastName = Atomic(0)

/// A name of its own for each test: they run side by side.
func makeName() -> String { "swift-\(lastName.wrappingAdd(1, ordering: .relaxed).newValue)" }

/// A service that sends everything back, until it is closed.
func startEcho(_ name: String) throws -> Service {
    let service = try Service(name)
    Task {
        for try await case .message(let message) in service.events {
            try service.reply(message.payload, to: message)
        }
    }
    return service
}

/// Waits until this holds, which other threads bring about. The limit ends what hangs.
func eventually(_ condition: @Sendable () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
        if condition() { return true }
        await Task.yield()
    }
    return false
}

/// In a thread of the program's own, where a wait may hold up the thread.
func inThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}

/// The code of the error that the body throws; 0: it throws none.
func codeOf(_ body: () async throws -> Void) async -> UInt32 {
    do {
        try await body()
        return 0
    } catch {
        return (error as? IPCError)?.code.rawValue ?? .max
    }
}
