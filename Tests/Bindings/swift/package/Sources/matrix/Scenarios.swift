// Scenarios.swift - the client's side of each scenario.

import IPC

extension Client {
    func echo() async throws {
        try await roundTrip("hello")
        try await roundTrip("")
        try await roundTrip("\0in the\0middle\0")
        try await roundTrip(Payload(0...255))
        for userType in UInt8(0)...255 where !"qtxwdDskvm".utf8.contains(userType) {
            try await roundTrip("x", userType: userType)
        }
    }

    func sizes() async throws {
        for size in [0, 1, 5, 6, 7, 255, 256, 65535, 65536, 262144, 1_000_000, 1_999_993, 1_999_994] {
            try await roundTrip(Payload(pattern(size)))
        }
        try expectError(67, 68) { () throws(IPCError) in try client.send(Message(pattern(Message.maximumSize + 1), userType: letter("e"))) }
        try await roundTrip("small")
    }

    func events() async throws {
        try await ask("x", Payload(pattern(4096)), expecting: Payload(pattern(4096)))
        try await ask("w", "", expecting: "")
        try await ask("t", "1", expecting: "1")
        let second = try await client.open("matrix")
        try await roundTrip("second", on: second)
        client.disconnect(second)
        let raw = try connectRaw()
        try writeAll(raw, [2, 255, 255, 255, 255, letter("e")])
        try check(readsEnd(raw))
        closeDescriptor(raw)
        for _ in 0..<10000 {
            let counts = try await client.request(Message("", userType: letter("v"))).text ?? ""
            let number = Dictionary(
                uniqueKeysWithValues: counts.split(separator: " ").map { field in
                    let parts = field.split(separator: "=")
                    return (String(parts[0]), Int(parts[1]) ?? -1)
                })
            if counts.hasPrefix("connection=3 disconnection=1 error=1 external=1 "), number["timer"] == 1, number["wake"] == 1,
                number["tx", default: 0] >= 4
            {
                return
            }
        }
        throw Unexpected(description: "the service counts other events")
    }

    func timer() async throws {
        for milliseconds in ["0", "1", "30"] {
            try await ask("t", Payload(milliseconds), expecting: Payload(milliseconds))
            guard case .sent = try await next(of: client) else { throw Unexpected(description: "no TX") }
        }
        let begin = ContinuousClock.now
        guard case .timer = try await client.next(timeout: .milliseconds(20)) else { throw Unexpected(description: "no TIMER") }
        try check(.now - begin >= .milliseconds(20))
        try client.send(Message("for ever", userType: letter("e")))
        guard case .sent = try await client.next() else { throw Unexpected(description: "no TX") }
        guard case .message = try await client.next() else { throw Unexpected(description: "no MESSAGE") }
    }

    func services() async throws {
        let second = try client.connect("matrix-2")
        let third = try client.connect("matrix-3")
        for _ in 0..<3 {
            try await roundTrip("one")
            try await roundTrip("two", on: second)
            try await roundTrip("three", on: third)
        }
    }

    func descriptor() async throws {
        let ends = try makePipe()
        let reply = try await client.request(Message(pattern(1000), userType: letter("d")), passing: ends.writing)
        closeDescriptor(ends.writing)
        try check(reply.text == "written")
        try check(try readAll(ends.reading, 8192) == pattern(1000))
        closeDescriptor(ends.reading)
        try await ask("d", "x", expecting: "none")
        let here = try await client.request(Message(pattern(4096), userType: letter("D")))
        guard here.text == "here", let got = here.descriptor else { throw Unexpected(description: "no descriptor came") }
        try check(try readAll(got.rawValue, 8192) == pattern(4096))
    }

    func switching() async throws {
        let back = try Service("matrix-back", options: .reportSent)
        let raw = try connectRaw()
        try writeAll(raw, [2, 0, 0, 0, 11] + Array("smatrix-back".utf8))
        guard case .connected(let end) = try await next(of: back) else { throw Unexpected(description: "no CONNECTION") }
        for part in ["one\ntw", "o\n\n", "end\n"] { try writeAll(raw, Array(part.utf8)) }
        for line in ["one", "two", "", "end"] { try await expectMessage(line.utf8, of: back, from: end) }
        let long = pattern(5000).map { $0 == 10 ? 11 : $0 }
        for line in [Payload("back"), Payload(), Payload(long)] {
            try back.send(Message(line, userType: letter("l")), to: end)
        }
        for _ in 0..<3 {
            guard case .sent(end) = try await next(of: back) else { throw Unexpected(description: "no TX") }
        }
        try check(try readAll(raw, 5007) == Array("back\n\n".utf8) + long + [10])
        closeDescriptor(raw)
        guard case .disconnected(end) = try await next(of: back) else { throw Unexpected(description: "no DISCONNECTION") }
    }

    func killed() async throws {
        try await ask("k", "last words", expecting: "last words")
        guard case .disconnected(client.connection) = try await next(of: client) else { throw Unexpected(description: "no DISCONNECTION") }
        try expectError(104) { () throws(IPCError) in try client.send(Message("", userType: letter("e"))) }
        // The kernel closes the descriptors of a killed program one after the other: the listener may be there a little longer.
        let end = ContinuousClock.now + .seconds(20)
        var refusal: IPCError?
        while refusal == nil, .now < end {
            do throws(IPCError) { client.disconnect(try client.connect("matrix")) } catch { refusal = error }
        }
        try check(refusal?.code.rawValue == 47 && refusal?.text.hasSuffix("Connection refused") == true, "\(String(describing: refusal))")
    }

    func names() async throws {
        let end = "\(environment("IPC_RUNDIR") ?? "")/nobody: No such file or directory"
        try expectError(47, end: end) { () throws(IPCError) in _ = try client.connect("nobody") }
        for name in ["", ".", "..", "a/../b", String(repeating: "x", count: 200), "matrix\0x"] {
            try expectError(111) { () throws(IPCError) in _ = try client.connect(name) }
            try expectError(111) { () throws(IPCError) in try client.listen(name) }
        }
        try expectError(54) { () throws(IPCError) in try client.listen("matrix") }
        let name: [UInt8] = [0xff, 0xfe, 0x2d, 0x31]
        let own = try Service(name)
        let connection = try client.connect(name)
        guard case .connected = try await next(of: own) else { throw Unexpected(description: "no CONNECTION") }
        client.disconnect(connection)
    }

    func flight() async throws {
        let messages = 10000
        var queued = 0
        var sent = 0
        var received = 0
        func queueNext() throws {
            try client.send(Message("\(queued)", userType: letter("e")))
            queued += 1
        }
        while queued < 64 { try queueNext() }
        for try await event in client.events {
            switch event {
            case .sent: sent += 1
            case .message(let message):
                try check(message.text == "\(received)", "\(message)")
                received += 1
                if queued < messages { try queueNext() }
            default: throw Unexpected(description: "\(event)")
            }
            if sent == messages, received == messages { break }
        }
        try check(queued == messages && sent == messages)
    }

    /// Descriptors and memory of the service and of this program.
    func measure() async throws -> [Int] {
        let answer = try await client.request(Message("", userType: letter("m")))
        let there = (answer.text ?? "").split(separator: " ").compactMap { Int($0) }
        try check(there.count == 2, "\(answer)")
        return there + [try countDescriptors(), try residentMemory()]
    }

    func leaks() async throws {
        let count = environment("MATRIX_LEAKS").flatMap { Int($0) } ?? 100_000
        let payload = Payload(pattern(100))
        var other = try client.connect("matrix")
        for _ in 0..<20000 { try await roundTrip(payload, on: other) }
        let before = try await measure()
        for number in 1...count {
            try await roundTrip(payload, on: other)
            guard number % 1000 == 0, number != count else { continue }
            client.disconnect(other)
            other = try client.connect("matrix")
        }
        let after = try await measure()
        try check(after[0] == before[0] && after[1] < before[1] + 8192, "the service has \(before), then \(after)")
        try check(after[2] == before[2] && after[3] < before[3] + 8192, "this program has \(before), then \(after)")
    }
}
