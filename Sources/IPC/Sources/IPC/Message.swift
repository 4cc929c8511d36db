// Message.swift - a message, made by the program or received.

/// A message: bytes, and two numbers that say what they are.
public struct Message: Sendable {
    /// The largest payload, in bytes.
    public static let maximumSize = 1_999_994

    /// The type of a message. The library passes every value on; these have a name.
    public struct Kind: RawRepresentable, Hashable, Sendable {
        /// The number.
        public let rawValue: UInt8
        /// The type with this number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The service will end.
        public static let serverClose = Self(rawValue: 0)
        /// An error.
        public static let error = Self(rawValue: 1)
        /// Data: what programs send to each other, and the default.
        public static let data = Self(rawValue: 2)
        /// A question to the network daemon.
        public static let networkLookup = Self(rawValue: 3)
    }

    /// The bytes.
    public var payload: Payload
    /// The program's own number for what the bytes are.
    public var userType: UInt8
    /// The type.
    public var kind: Kind
    /// The connection that the message came from; nil of one that the program has made.
    public internal(set) var sender: Connection?
    /// The descriptor that came with the message, see ``Options/acceptDescriptors``.
    public internal(set) var descriptor: Descriptor?

    /// A message to send.
    public init(_ payload: Payload = Payload(), userType: UInt8 = 0, kind: Kind = .data) {
        self.payload = payload
        self.userType = userType
        self.kind = kind
    }

    /// A message with a text, in UTF-8 and without a NUL at its end.
    public init(_ text: some StringProtocol, userType: UInt8 = 0, kind: Kind = .data) {
        self.init(Payload(text), userType: userType, kind: kind)
    }

    /// A message with these bytes.
    public init(_ bytes: some Sequence<UInt8>, userType: UInt8 = 0, kind: Kind = .data) {
        self.init(Payload(bytes), userType: userType, kind: kind)
    }

    /// The payload as text, if it is UTF-8.
    public var text: String? { payload.text }
}

extension Message: ExpressibleByStringLiteral {
    /// A message with a text, of user type 0.
    public init(stringLiteral text: String) { self.init(Payload(text)) }
}

extension Message: CustomStringConvertible {
    /// For people to read.
    public var description: String { "Message(\(payload), userType: \(userType), kind: \(kind.rawValue))" }
}

/// A connection of a context: with a client that was accepted, or with a service.
///
/// The number of its descriptor will mean another connection when this one has ended. A `Connection` never does: it then leads nowhere.
public struct Connection: Hashable, Sendable {
    /// The number of the descriptor, for the log. The context reads, writes and closes it.
    public let descriptor: Int32
    let id: UInt64
}

extension Connection: CustomStringConvertible {
    /// The number of the descriptor.
    public var description: String { "connection \(descriptor)" }
}
