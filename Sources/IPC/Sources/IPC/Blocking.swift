// Blocking.swift - the same for programs without concurrency: waits of threads, in the library itself.
//
// They have a view of their own, and not the names of the asynchronous functions: in the main file of a program the compiler would take the
// wrong ones.

internal import CIPC

/// A context, service or client for programs without concurrency: its functions hold up the thread, and cannot be called by tasks.
///
/// ```swift
/// while let event = try service.blocking.next() {
///     if case .message(let message) = event { try service.reply(message.payload, to: message) }
/// }
/// ```
public struct Blocking<Base: Endpoint>: Sendable {
    let base: Base

    /// The next event; after the time ``Event/timer``, never early. nil: the context is closed.
    ///
    /// Several threads may wait on a context. Each event goes to one of them, and no other gets the next event of that connection until
    /// this thread waits again, calls ``release()``, or ends.
    @available(*, noasync, message: "this holds up the thread")
    public func next(timeout: Duration? = nil) throws(IPCError) -> Event? {
        try base.context.nextInThread(timeout: timeout)
    }

    /// Lets other threads, and tasks, have the next events of the connection whose event this thread has got from ``next(timeout:)``,
    /// before it waits again.
    public func release() {
        try? IPCError.check { cipc_ctx_release(base.context.handle, $0) }
    }

    /// Sends a message and waits for the next one of that connection, which is the reply.
    ///
    /// Other events stay for ``next(timeout:)``. Threads that ask at once take turns.
    @available(*, noasync, message: "this holds up the thread")
    public func request(
        _ message: Message, to connection: Connection, passing descriptor: Int32? = nil, timeout: Duration? = nil
    ) throws(IPCError) -> Message {
        try base.context.requestInThread(message, to: connection, passing: descriptor, timeout: timeout)
    }

    /// Waits until what is queued for a connection, or for all, is with the kernel.
    @available(*, noasync, message: "this holds up the thread")
    public func flush(_ connection: Connection? = nil, timeout: Duration? = nil) throws(IPCError) {
        try base.context.flushNow(connection, milliseconds: timeout?.milliseconds ?? -1)
    }
}

extension Blocking where Base == Client {
    /// Sends a message to the service and waits for the reply; see ``request(_:to:passing:timeout:)``.
    @available(*, noasync, message: "this holds up the thread")
    public func request(_ message: Message, passing descriptor: Int32? = nil, timeout: Duration? = nil) throws(IPCError) -> Message {
        try request(message, to: base.connection, passing: descriptor, timeout: timeout)
    }
}

extension Endpoint {
    /// For programs without concurrency.
    public var blocking: Blocking<Self> { Blocking(base: self) }
}
