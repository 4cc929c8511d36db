// ValueTests.swift - payloads, messages, names, errors, limits, and Codable values as JSON.

import Foundation
import IPC
import IPCJSON
import Testing

@Suite struct ValueTests {
    /// They can be sent to other tasks; the compiler checks that here.
    @Test func values_are_sendable() {
        func check(_ type: (some Sendable).Type) {}
        check(Context.self)
        check(Service.self)
        check(Client.self)
        check(Message.self)
        check(Payload.self)
        check(Connection.self)
        check(Descriptor.self)
        check(Event.self)
        check(Events.self)
        check(IPCError.self)
        check(Peer.self)
        check(PairEnd.self)
        check(Translation.self)
    }

    @Test func payload_is_a_collection_of_its_bytes() async throws {
        let name = makeName()
        let service = try startEcho(name)
        defer { service.close() }
        let bytes = [UInt8](0...255)
        for payload in [Payload(bytes), try await Client(name).request(Message(bytes)).payload] {
            #expect(payload.count == 256 && Array(payload) == bytes && payload[255] == 255)
            #expect(payload == Payload(bytes) && payload.hashValue == Payload(bytes).hashValue)
            #expect(payload.text == nil && payload.description == "256 bytes")
            #expect(payload.withBytes { $0.byteCount } == 256)
            #expect(Array(payload[10..<12]) == [10, 11])
        }
        #expect(Payload("Grüße").text == "Grüße" && Payload("a\0b").count == 3)
        let literal: Payload = [1, 2]
        #expect(Array(literal) == [1, 2] && Payload().isEmpty)
    }

    @Test func received_bytes_outlive_their_client() async throws {
        let name = makeName()
        let service = try startEcho(name)
        defer { service.close() }
        func ask() async throws -> Message { try await Client(name).request(Message("kept", userType: 9, kind: .data)) }
        let reply = try await ask()
        #expect(reply.text == "kept" && reply.userType == 9 && reply.kind == .data)
    }

    @Test func errors_have_code_text_and_kind() async throws {
        let name = makeName()
        do throws(IPCError) {
            _ = try Client(name)
        } catch {
            #expect(error.code.rawValue == 47 && error.kind == .connect)
            #expect(error.text.hasSuffix("\(name): No such file or directory"))
            #expect("\(error)" == "\(error.text) (code 47)")
        }
        let service = try Service(name)
        #expect(await codeOf { _ = try Service(name) } == 54)
        #expect(await codeOf { try service.setLimit(.frame, to: 3_000_000) } == 126)
        let client = try Client(name)
        #expect(await codeOf { try client.send(Message([UInt8](repeating: 0, count: Message.maximumSize + 1))) } == 67)
    }

    @Test func peer_is_this_process() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        guard case .connected(let connection) = try await service.next() else { throw Missing() }
        #expect(try service.peer(of: connection).process == getpid())
        #expect(try client.peer(of: client.connection).user == getuid())
    }

    struct Measure: Codable, Equatable {
        var celsius: Double
        var place: String
    }

    @Test func codable_values_travel_as_json() async throws {
        let name = makeName()
        let service = try Service(name)
        let client = try Client(name)
        async let answer: Measure = client.request(json: Measure(celsius: 21.5, place: "Ås"), userType: 3)
        guard case .connected = try await service.next(), case .message(let message) = try await service.next() else { throw Missing() }
        #expect(message.userType == 3)
        var measure = try message.decode(Measure.self)
        #expect(measure == Measure(celsius: 21.5, place: "Ås"))
        measure.celsius += 1
        try service.reply(json: measure, to: message)
        #expect(try await answer == Measure(celsius: 22.5, place: "Ås"))
        #expect(throws: DecodingError.self) { try Message("no JSON").decode(Measure.self) }
        #expect(throws: DecodingError.self) { try Message("").decode(Measure.self) }
    }

    @Test func translation_that_throws_ends_its_pair() async throws {
        struct Refused: Error {}
        let name = makeName()
        let front = try Service(name)
        let back = try Service(name + "-back")
        let client = try Client(name)
        guard case .connected(let end) = try await front.next() else { throw Missing() }
        let translation = Translation(read: { _ in throw Refused() }, write: nil)
        let counterpart = try front.connectSwitched(name + "-back", to: end, translation: translation)
        guard case .connected = try await back.next() else { throw Missing() }
        try client.send("what the translation refuses")
        guard case .pairEnded(let pairEnd) = try await front.next() else { throw Missing() }
        #expect(pairEnd.cause is Refused && pairEnd.end == end && pairEnd.counterpart == counterpart)
        #expect(pairEnd.error != nil)
    }

    @Test func pair_passes_messages_on() async throws {
        let name = makeName()
        let front = try Service(name)
        let back = try startEcho(name + "-back")
        defer { back.close() }
        let client = try Client(name)
        guard case .connected(let end) = try await front.next() else { throw Missing() }
        try front.connectSwitched(name + "-back", to: end)
        let loop = Task { try await front.next() }
        #expect(try await client.request("through").text == "through")
        client.close()
        guard case .pairEnded(let pairEnd) = try await loop.value else { throw Missing() }
        #expect(pairEnd.error == nil && pairEnd.descriptors.count == 2)
    }
}
