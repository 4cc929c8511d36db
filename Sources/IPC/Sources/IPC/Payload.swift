// Payload.swift - the bytes of a message. Those that were received stay where the library has put them; they are not copied.

/// The bytes of a message: a collection, and a value with bytes of its own.
///
/// What was received is memory that the library has allocated, and that the payload has taken over. `Array(payload)` and
/// `String(decoding: payload, as: UTF8.self)` copy it; ``withUnsafeBytes(_:)`` and ``withBytes(_:)`` do not.
public struct Payload: Sendable {
    enum Storage: Sendable {
        case array([UInt8])
        case received(Received)
    }

    /// Memory of malloc(3), which goes with the last payload that has it. Nobody writes to it.
    final class Received: @unchecked Sendable {
        let bytes: UnsafeRawBufferPointer

        init(taking memory: UnsafeMutableRawPointer?, count: Int) {
            bytes = UnsafeRawBufferPointer(start: memory, count: memory == nil ? 0 : count)
        }

        deinit { System.release(UnsafeMutableRawPointer(mutating: bytes.baseAddress)) }
    }

    let storage: Storage

    init(taking memory: UnsafeMutableRawPointer?, count: Int) {
        storage = .received(Received(taking: memory, count: count))
    }

    /// No bytes.
    public init() { storage = .array([]) }

    /// These bytes. An array is not copied.
    public init(_ bytes: some Sequence<UInt8>) { storage = .array(Array(bytes)) }

    /// The text in UTF-8, without a NUL at its end.
    public init(_ text: some StringProtocol) { storage = .array(Array(text.utf8)) }

    /// Calls `body` with the bytes, where they are. They are valid until it returns.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch storage {
        case .array(let bytes):
            try bytes.withUnsafeBufferPointer { buffer throws(Failure) in try body(UnsafeRawBufferPointer(buffer)) }
        case .received(let received): try received.lend(body)
        }
    }

    /// Calls `body` with the bytes, where they are, as a span, which cannot outlive the call.
    public func withBytes<Result, Failure: Error>(_ body: (RawSpan) throws(Failure) -> Result) throws(Failure) -> Result {
        try withUnsafeBytes { bytes throws(Failure) in try body(bytes.bytes) }
    }

    /// The text, if the bytes are UTF-8.
    public var text: String? {
        withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    }
}

extension Payload.Received {
    func lend<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        try withExtendedLifetime(self) { () throws(Failure) in try body(bytes) }
    }
}

extension Payload: RandomAccessCollection {
    /// 0.
    public var startIndex: Int { 0 }

    /// The number of bytes.
    public var endIndex: Int {
        switch storage {
        case .array(let bytes): bytes.count
        case .received(let received): received.bytes.count
        }
    }

    /// A byte.
    public subscript(position: Int) -> UInt8 {
        switch storage {
        case .array(let bytes): bytes[position]
        case .received(let received): received[position]
        }
    }

    /// Makes `Array(payload)` one copy.
    public func withContiguousStorageIfAvailable<Result>(_ body: (UnsafeBufferPointer<UInt8>) throws -> Result) rethrows -> Result? {
        try withUnsafeBytes { try $0.withMemoryRebound(to: UInt8.self, body) }
    }
}

extension Payload.Received {
    subscript(position: Int) -> UInt8 {
        precondition(position >= 0 && position < bytes.count, "the payload has no such byte")
        return bytes[position]
    }
}

extension Payload: Hashable {
    /// Whether they have the same bytes.
    public static func == (left: Payload, right: Payload) -> Bool {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in left.count == right.count && System.isEqual(left, right) }
        }
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { withUnsafeBytes { hasher.combine(bytes: $0) } }
}

extension Payload: ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
    /// The text in UTF-8.
    public init(stringLiteral text: String) { self.init(text) }

    /// These bytes.
    public init(arrayLiteral bytes: UInt8...) { self.init(bytes) }
}

extension Payload: CustomStringConvertible {
    /// The text, if it is one, else the number of bytes.
    public var description: String { text ?? "\(count) bytes" }
}
