// Message+JSON.swift - Codable values as messages, in JSON. The only file that needs Foundation, so it is a product of its own.

import Foundation
public import IPC

extension Message {
    /// A message with a value, as JSON.
    public init(json value: some Encodable, userType: UInt8 = 0, encoder: JSONEncoder = JSONEncoder()) throws {
        self.init(Payload(try encoder.encode(value)), userType: userType)
    }

    /// The value that the message has, as JSON. The bytes are not copied for it.
    public func decode<Value: Decodable>(_ type: Value.Type = Value.self, decoder: JSONDecoder = JSONDecoder()) throws -> Value {
        try payload.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return try decoder.decode(type, from: Data()) }
            // Read in place: the decoder does not keep it.
            let data = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none)
            return try decoder.decode(type, from: data)
        }
    }
}

extension Client {
    /// Sends a value as JSON, and waits for a value as JSON.
    nonisolated(nonsending) public func request<Answer: Decodable>(
        json value: some Encodable, userType: UInt8 = 0, as type: Answer.Type = Answer.self, timeout: Duration? = nil
    ) async throws -> Answer {
        try await request(Message(json: value, userType: userType), timeout: timeout).decode(type)
    }
}

extension Blocking where Base == Client {
    /// Sends a value as JSON, and waits for a value as JSON.
    @available(*, noasync, message: "this holds up the thread")
    public func request<Answer: Decodable>(
        json value: some Encodable, userType: UInt8 = 0, as type: Answer.Type = Answer.self, timeout: Duration? = nil
    ) throws -> Answer {
        try request(Message(json: value, userType: userType), timeout: timeout).decode(type)
    }
}

extension Endpoint {
    /// Replies with a value as JSON; see ``IPC/Endpoint/reply(_:to:userType:kind:passing:)``.
    @discardableResult
    public func reply(json value: some Encodable, to message: Message, encoder: JSONEncoder = JSONEncoder()) throws -> Bool {
        try reply(Payload(try encoder.encode(value)), to: message)
    }
}
