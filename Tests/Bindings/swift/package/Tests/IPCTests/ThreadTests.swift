// ThreadTests.swift - the blocking form: waits of threads, alone and beside tasks.

import Foundation
import IPC
import Testing

@Suite struct ThreadTests {
    /// A service without concurrency, in a thread.
    func startBlockingEcho(_ name: String) throws -> Service {
        let service = try Service(name)
        Thread {
            do {
                while let event = try service.blocking.next() {
                    if case .message(let message) = event { try service.reply(message.payload, to: message) }
                }
            } catch {
                Issue.record(error)
            }
        }.start()
        return service
    }

    @Test func requests_of_threads_get_their_replies() async throws {
        let name = makeName()
        let service = try startBlockingEcho(name)
        defer { service.close() }
        let client = try Client(name)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    try await inThread {
                        for number in 0..<50 {
                            let text = "\(thread) \(number)"
                            let reply = try client.blocking.request(Message(text))
                            #expect(reply.text == text)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func tasks_and_threads_ask_on_one_client() async throws {
        let name = makeName()
        let service = try startEcho(name)
        defer { service.close() }
        let client = try Client(name)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for asker in 0..<8 {
                group.addTask {
                    for number in 0..<50 {
                        let text = "\(asker) \(number)"
                        let reply =
                            asker % 2 == 0
                            ? try await client.request(Message(text)) : try await inThread { try client.blocking.request(Message(text)) }
                        #expect(reply.text == text)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func time_limits_and_closing_end_waits_of_threads() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        try await inThread {
            guard case .timer = try client.blocking.next(timeout: .milliseconds(1)) else { throw Missing() }
        }
        let late = await codeOf { _ = try await inThread { try client.blocking.request("silence", timeout: .milliseconds(1)) } }
        #expect(late == 125)
        let wait = Task { try await inThread { try client.blocking.next() } }
        let empty = Context()
        let emptyWait = Task { try await inThread { try empty.blocking.next() } }
        await Task.yield()
        client.close()
        empty.close()
        #expect(try await wait.value == nil)
        #expect(try await emptyWait.value == nil)
        service.close()
    }

    @Test func late_reply_to_a_thread_is_dropped() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        let late = await codeOf { _ = try await inThread { try client.blocking.request("first", timeout: .milliseconds(1)) } }
        #expect(late == 125)
        guard case .connected = try await service.next(), case .message(let first) = try await service.next() else { throw Missing() }
        async let reply = inThread { try client.blocking.request("second") }
        guard case .message(let second) = try await service.next() else { throw Missing() }
        try service.reply("late", to: first)
        try service.reply("in time", to: second)
        #expect(try await reply.text == "in time")
    }

    @Test func events_of_others_stay_for_the_next_wait() async throws {
        let name = makeName()
        let service = try Service(name)
        let context = Context()
        let first = try context.connect(name)
        let second = try context.connect(name)
        async let reply = inThread { try context.blocking.request("question", to: first) }
        var connections: [Connection] = []
        while true {
            guard let event = try await service.next() else { throw Missing() }
            if case .connected(let connection) = event { connections.append(connection) }
            if case .message(let message) = event {
                guard let other = connections.first(where: { $0 != message.sender }) else { throw Missing() }
                try service.send("unasked", to: other)
                try service.reply("answer", to: message)
                break
            }
        }
        #expect(try await reply.text == "answer")
        guard case .message(let message) = try await inThread({ try context.blocking.next() }) else { throw Missing() }
        #expect(message.text == "unasked" && message.sender == second)
    }
}
