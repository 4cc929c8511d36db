// LifeTests.swift - contexts that nobody refers to any more, connections that have ended, and that nothing leaks.

import Foundation
import IPC
import Testing

/// One after the other: they count what the process has.
@Suite(.serialized) struct LifeTests {
    func countDescriptors() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }

    /// In KiB.
    func residentMemory() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return (Int(fields[1]) ?? 0) * 4
    }

    @Test func released_service_is_closed() async throws {
        let name = makeName()
        var service: Service? = try Service(name)
        #expect(try await service?.next(timeout: .zero) != nil)
        weak let context = service?.context
        let client = try Client(name)
        service = nil
        #expect(await eventually { context == nil })
        guard case .disconnected = try await client.next() else { throw Missing() }
        // Its name is free.
        _ = try Service(name)
    }

    @Test func wait_keeps_its_context_and_the_end_of_the_wait_releases_it() async throws {
        let name = makeName()
        var service: Service? = try Service(name)
        weak let context = service?.context
        let loop = Task { [service] in
            if let service { for try await _ in service.events {} }
        }
        service = nil
        let client = try Client(name)
        try client.send("somebody is there")
        #expect(context != nil)
        loop.cancel()
        try await loop.value
        #expect(await eventually { context == nil })
        guard case .disconnected = try await client.next() else { throw Missing() }
    }

    @Test func contexts_are_released_while_events_come() async throws {
        let name = makeName()
        let service = try startEcho(name)
        defer { service.close() }
        for _ in 0..<200 {
            let client = try Client(name)
            for _ in 0..<3 { try client.send("an answer that nobody waits for") }
            _ = try await client.next(timeout: .zero)
        }
        let client = try Client(name)
        #expect(try await client.request("hello").text == "hello")
    }

    @Test func connection_that_has_ended_is_never_another_one() async throws {
        let name = makeName()
        let service = try Service(name)
        var clients = [try Client(name)]
        guard case .connected(let first) = try await service.next() else { throw Missing() }
        clients.removeAll()
        guard case .disconnected(first) = try await service.next() else { throw Missing() }
        var reused = false
        for _ in 0..<20 {
            clients.append(try Client(name))
            guard case .connected(let connection) = try await service.next() else { throw Missing() }
            if connection.descriptor == first.descriptor { reused = true }
            #expect(connection != first)
        }
        #expect(reused)
        #expect(await codeOf { try service.send("to nobody", to: first) } == 104)
        // Nor is one of the new clients closed.
        service.disconnect(first)
        for client in clients { try client.send("still there") }
        for _ in clients {
            guard case .message = try await service.next() else { throw Missing() }
        }
    }

    @Test func reply_to_somebody_who_has_left_is_no_error() async throws {
        let name = makeName()
        let service = try Service(name)
        var client: Client? = try Client(name)
        try client?.send("I do not wait")
        guard case .connected = try await service.next(), case .message(let message) = try await service.next() else { throw Missing() }
        #expect(try service.reply("one", to: message))
        client = nil
        guard case .disconnected = try await service.next() else { throw Missing() }
        #expect(try !service.reply("two", to: message))
    }

    @Test func descriptor_that_came_is_given_out_once_and_closes_itself() async throws {
        let name = makeName()
        let service = try Service(name, options: .acceptDescriptors)
        let client = try Client(name)
        let pipe = Pipe()
        try client.send("a pipe", passing: pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        guard case .connected = try await service.next() else { throw Missing() }
        func takeOne() async throws {
            guard case .message(let message) = try await service.next(), let descriptor = message.descriptor else { throw Missing() }
            try write("written", to: descriptor.rawValue)
            // Closed with the message.
        }
        try await takeOne()
        #expect(try pipe.fileHandleForReading.readToEnd() == Data("written".utf8))
        let second = Pipe()
        try client.send("another", passing: second.fileHandleForWriting.fileDescriptor)
        try second.fileHandleForWriting.close()
        guard case .message(let message) = try await service.next(), let taken = message.descriptor?.take() else { throw Missing() }
        #expect(message.descriptor?.take() == nil)
        try write("taken", to: taken)
        close(taken)
        #expect(try second.fileHandleForReading.readToEnd() == Data("taken".utf8))
    }

    private func write(_ text: String, to descriptor: Int32) throws {
        try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Data(text.utf8))
    }

    @Test func hundred_thousand_round_trips_leave_nothing() async throws {
        let name = makeName()
        let service = try startEcho(name)
        let client = try Client(name)
        let message = Message([UInt8](repeating: 1, count: 100))
        for _ in 0..<10000 { _ = try await client.request(message) }
        let before = (try countDescriptors(), try residentMemory())
        let count = ProcessInfo.processInfo.environment["MATRIX_LEAKS"].flatMap { Int($0) } ?? 100_000
        for _ in 0..<count / 2 { _ = try await client.request(message) }
        try await inThread {
            // The blocking form, of a context without tasks.
            let other = try Client(name)
            for _ in 0..<count / 2 { _ = try other.blocking.request(message) }
        }
        // Other tests may run meanwhile, and end.
        #expect(await eventually { (try? countDescriptors()) ?? .max <= before.0 })
        #expect(await eventually { (try? residentMemory()) ?? .max < before.1 + 8192 })
        service.close()
    }
}
