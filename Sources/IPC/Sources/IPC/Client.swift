// Client.swift - a context with one connection, to a service.

/// A connection to a service.
///
/// ```swift
/// let client = try Client("echo")
/// print(try await client.request("hello").payload)
/// ```
///
/// It is closed by ``Endpoint/close()``, or when nothing refers to it any more. When the service leaves, requests fail with
/// ``IPCError/Kind/closed``; nothing connects again by itself.
public struct Client: Endpoint {
    /// The context. It may have other connections, too.
    public let context: Context
    /// The connection to the service.
    public let connection: Connection

    /// Connects. As a rule that takes no time: see ``Endpoint/connect(_:)``.
    public init(_ name: some ServiceName, options: Options = []) throws(IPCError) {
        context = Context(options: options)
        connection = try context.connect(name)
    }

    private init(context: Context, connection: Connection) {
        self.context = context
        self.connection = connection
    }

    /// Connects in another thread: for tasks, where a service may be busy, or on another machine.
    nonisolated(nonsending) public static func open(_ name: some ServiceName, options: Options = []) async throws -> Client {
        let context = Context(options: options)
        return Client(context: context, connection: try await context.open(name))
    }

    /// Sends a message to the service; see ``Endpoint/send(_:to:passing:)``.
    public func send(_ message: Message, passing descriptor: Int32? = nil) throws(IPCError) {
        try send(message, to: connection, passing: descriptor)
    }

    /// Sends a message to the service and waits for the reply; see ``Endpoint/request(_:to:passing:timeout:)``.
    nonisolated(nonsending) public func request(
        _ message: Message, passing descriptor: Int32? = nil, timeout: Duration? = nil
    ) async throws -> Message {
        try await request(message, to: connection, passing: descriptor, timeout: timeout)
    }
}
