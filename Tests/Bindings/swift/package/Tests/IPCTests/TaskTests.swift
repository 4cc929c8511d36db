// TaskTests.swift - waits of tasks: requests at once, cancellation, time limits, the end of a context.

import Foundation
import IPC
import Testing

@Suite struct TaskTests {
    @Test func replies_belong_to_requests_of_many_tasks() async throws {
        let name = makeName()
        let service = try startEcho(name)
        defer { service.close() }
        let client = try Client(name)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let reply = try await client.request(Message("\(number)", userType: UInt8(number)))
                    #expect(reply.text == "\(number)" && reply.userType == UInt8(number))
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func waits_hold_up_no_thread_of_the_pool() async throws {
        // More waits than the pool has threads: if they held them up, the echo would not run.
        let name = makeName()
        let service = try startEcho(name)
        defer { service.close() }
        let others = try (0..<64).map { _ in try Client(name) }
        let waits = others.map { other in Task { try await other.next() } }
        let client = try Client(name)
        for _ in 0..<10 { #expect(try await client.request("still there?").text == "still there?") }
        for wait in waits { wait.cancel() }
        for wait in waits { #expect(try await wait.value == nil) }
    }

    @Test func cancelled_wait_ends_without_an_event_and_loses_none() async throws {
        let name = makeName()
        let service = try Service(name)
        let wait = Task { try await service.next() }
        wait.cancel()
        #expect(try await wait.value == nil)
        let client = try Client(name)
        guard case .connected = try await service.next() else { throw Missing() }
        let second = Task { try await service.next() }
        await Task.yield()
        second.cancel()
        _ = try await second.value
        try client.send("kept")
        guard case .message(let message) = try await service.next() else { throw Missing() }
        #expect(message.text == "kept")
    }

    @Test func cancelled_iteration_ends() async throws {
        let service = try Service(makeName())
        let loop = Task {
            var count = 0
            for try await _ in service.events { count += 1 }
            return count
        }
        loop.cancel()
        #expect(try await loop.value == 0)
    }

    @Test func cancelled_request_throws_and_its_late_reply_is_dropped() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        let request = Task { try await client.request("first") }
        guard case .connected = try await service.next(), case .message(let first) = try await service.next() else { throw Missing() }
        request.cancel()
        await #expect(throws: CancellationError.self) { try await request.value }
        let second = Task { try await client.request("second") }
        guard case .message(let following) = try await service.next() else { throw Missing() }
        try service.reply("late", to: first)
        try service.reply("in time", to: following)
        #expect(try await second.value.text == "in time")
    }

    @Test func request_that_is_cancelled_before_is_not_sent() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        let request = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await client.request("never")
        }
        request.cancel()
        await #expect(throws: CancellationError.self) { try await request.value }
        try client.send("sent")
        guard case .connected = try await service.next(), case .message(let message) = try await service.next() else { throw Missing() }
        #expect(message.text == "sent")
    }

    @Test func request_without_a_reply_times_out() async throws {
        let name = makeName()
        let service = try Service(name)
        defer { service.close() }
        let client = try Client(name)
        do {
            _ = try await client.request("silence", timeout: .milliseconds(5))
            throw Missing()
        } catch let error as IPCError {
            #expect(error.kind == .timeout)
        }
    }

    @Test func wait_with_a_time_gives_the_timer_and_never_early() async throws {
        let service = try Service(makeName())
        for time in [Duration.zero, .milliseconds(1), .milliseconds(20)] {
            let begin = ContinuousClock.now
            guard case .timer = try await service.next(timeout: time) else { throw Missing() }
            #expect(.now - begin >= time)
        }
    }

    @Test func requests_fail_when_the_service_leaves() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        async let answer = client.request("anybody?")
        guard case .connected = try await service.next(), case .message = try await service.next() else { throw Missing() }
        service.close()
        do {
            _ = try await answer
            throw Missing()
        } catch let error as IPCError {
            #expect(error.kind == .closed)
        }
        guard case .disconnected(client.connection) = try await client.next() else { throw Missing() }
        #expect(await codeOf { try client.send("too late") } == 104)
    }

    @Test func closing_ends_all_waits() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        let loop = Task { for try await _ in service.events {} }
        let wait = Task { try await client.next() }
        let request = Task { try await client.request("anybody?") }
        // Both tasks wait when the service has the message; which of them came first does not matter.
        await Task.yield()
        client.close()
        service.close()
        try await loop.value
        #expect(try await wait.value == nil)
        do {
            _ = try await request.value
            throw Missing()
        } catch let error as IPCError {
            #expect(error.kind == .closed)
        }
        #expect(client.isClosed)
        #expect(try await client.next() == nil)
        #expect(await codeOf { try client.send("closed") } == 114)
    }

    @Test func wake_ends_a_wait() async throws {
        let service = try Service(makeName())
        let wait = Task { try await service.next() }
        try service.wake()
        guard case .woken = try await wait.value else { throw Missing() }
    }

    @Test func slow_program_reads_only_so_much_ahead() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name, options: .reportSent)
        try client.setLimit(.queueMessages, to: 10)
        guard
            case .connected = try await {
                try client.send("0"); return try await service.next()
            }()
        else { throw Missing() }
        // Nobody takes the events: at last neither the context, nor the kernel, nor the queue has room.
        let large = Payload([UInt8](repeating: 1, count: 10000))
        let refusal = await codeOf { while true { try client.send(Message(large)) } }
        #expect(refusal == 110)
        var count = 0
        while count < 300 {
            guard case .message = try await service.next() else { throw Missing() }
            count += 1
            if case .sent = try await client.next() { try? client.send(Message(large)) }
        }
    }

    @Test func connecting_in_another_thread_works_and_fails_as_usual() async throws {
        let name = makeName()
        #expect(await codeOf { _ = try await Client.open(name) } == 47)
        let service = try startEcho(name)
        defer { service.close() }
        let client = try await Client.open(name)
        #expect(try await client.request("hello").text == "hello")
    }

    @Test func flush_returns_when_the_kernel_has_all() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        let large = Payload([UInt8](repeating: 7, count: Message.maximumSize))
        try client.send(Message(large))
        #expect(await codeOf { try await client.flush(timeout: .milliseconds(1)) } == 125)
        let flush = Task { try await client.flush() }
        guard case .connected = try await service.next(), case .message(let message) = try await service.next() else { throw Missing() }
        try await flush.value
        #expect(message.payload == large)
    }

    @Test func cancelled_flush_ends() async throws {
        let name = makeName()
        // Nobody waits on it, so it reads nothing.
        let service = try Service(name)
        let client = try Client(name)
        try client.send(Message([UInt8](repeating: 7, count: Message.maximumSize)))
        let flush = Task { try await client.flush() }
        flush.cancel()
        await #expect(throws: CancellationError.self) { try await flush.value }
        service.close()
    }
}

struct Missing: Error {}
