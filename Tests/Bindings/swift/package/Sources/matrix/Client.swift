// Client.swift - the client of scenarios.md: what its scenarios share, and the choice of one.

import IPC

struct Client {
    let scenario: String
    let client: IPC.Client

    init(_ scenario: String) throws {
        self.scenario = scenario
        let options: Options =
            switch scenario {
            case "flight", "timer": .reportSent
            case "descriptor": .acceptDescriptors
            default: []
            }
        client = try IPC.Client("matrix", options: options)
    }

    func run() async throws {
        switch scenario {
        case "echo": try await echo()
        case "sizes": try await sizes()
        case "events": try await events()
        case "timer": try await timer()
        case "services": try await services()
        case "descriptor": try await descriptor()
        case "switch": try await switching()
        case "killed": try await killed()
        case "names": try await names()
        case "flight": try await flight()
        case "leaks": try await leaks()
        default: throw Unexpected(description: "there is no scenario \(scenario)")
        }
        if scenario != "killed" { try await ask("q", Payload(), expecting: Payload()) }
        client.close()
    }

    func letter(_ command: Character) -> UInt8 { command.asciiValue ?? 0 }

    /// Sends a command; its reply must be this.
    func ask(
        _ command: Character, _ payload: Payload, expecting reply: Payload, on connection: Connection? = nil, line: Int = #line
    ) async throws {
        try await ask(letter(command), payload, expecting: reply, on: connection, line: line)
    }

    func ask(
        _ userType: UInt8, _ payload: Payload, expecting reply: Payload, on connection: Connection? = nil, line: Int = #line
    ) async throws {
        let connection = connection ?? client.connection
        let answer = try await client.request(Message(payload, userType: userType), to: connection)
        try check(answer.kind == .data && answer.userType == userType && answer.sender == connection, "\(answer)", line: line)
        try check(answer.payload == reply, "\(answer)", line: line)
    }

    func roundTrip(
        _ payload: Payload, userType: UInt8 = UInt8(ascii: "e"), on connection: Connection? = nil, line: Int = #line
    ) async throws {
        try await ask(userType, payload, expecting: payload, on: connection, line: line)
    }

    /// The next event, which must come within 20 seconds.
    func next(of endpoint: some Endpoint) async throws -> Event {
        guard let event = try await endpoint.next(timeout: .seconds(20)) else { throw Unexpected(description: "no event") }
        return event
    }

    func expectMessage(_ payload: some Sequence<UInt8>, of endpoint: some Endpoint, from connection: Connection) async throws {
        let event = try await next(of: endpoint)
        guard case .message(let message) = event else { throw Unexpected(description: "\(event)") }
        try check(message.sender == connection && message.userType == letter("l") && message.payload.elementsEqual(payload), "\(message)")
    }

    /// What the body throws must be an error of the library with one of these codes, and a text that ends so.
    func expectError(_ codes: UInt32..., end: String = "", line: Int = #line, _ body: () throws(IPCError) -> Void) throws {
        do throws(IPCError) {
            try body()
        } catch {
            return try check(codes.contains(error.code.rawValue) && error.text.hasSuffix(end), "\(error)", line: line)
        }
        throw Unexpected(description: "line \(line): no error")
    }
}

func pattern(_ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ ($0 >> 8)) }
}
