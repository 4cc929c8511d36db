// Service.swift - a context that offers a service.

/// A service: it has a name, clients connect to it, and it gets their messages as events.
///
/// ```swift
/// let service = try Service("echo")
/// for try await case .message(let message) in service.events {
///     try service.reply(message.payload, to: message)
/// }
/// ```
///
/// It is closed by ``Endpoint/close()``, or when nothing refers to it any more.
public struct Service: Endpoint {
    /// The context. It may offer other services, too, and have connections.
    public let context: Context

    /// Offers the service, on a socket that is there already, if there is one: see ``Endpoint/listen(_:socket:)``.
    public init(_ name: some ServiceName, socket: Int32? = nil, options: Options = []) throws(IPCError) {
        context = Context(options: options)
        try context.listen(name, socket: socket)
    }
}
