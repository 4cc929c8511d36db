// Endpoint+Receiving.swift - waits of tasks, which hold up no thread.

extension Endpoint {
    /// The events of the context, in order, until it is closed or the task is cancelled. It throws when the system is short of memory or
    /// descriptors; going on with a new iterator is possible.
    ///
    /// ```swift
    /// for try await event in service.events {
    ///     if case .message(let message) = event { try service.reply(message.payload, to: message) }
    /// }
    /// ```
    ///
    /// Several tasks may iterate at once: each event goes to one of them. When the program is slow the context reads only so many events
    /// ahead, and then peers that send have to wait.
    public var events: Events { Events(context: context) }

    /// The next event; after the time ``Event/timer``, never early. nil: the context is closed, or the task was cancelled.
    nonisolated(nonsending) public func next(timeout: Duration? = nil) async throws(IPCError) -> Event? {
        try await context.nextInTask(timeout: timeout)
    }

    /// Sends a message and waits for the next one of that connection, which is the reply.
    ///
    /// Any number of tasks may do so at once: replies belong to requests in their order. One that comes after the time, or after the task
    /// was cancelled, is dropped.
    ///
    /// - Throws: ``IPCError``, or `CancellationError`.
    nonisolated(nonsending) public func request(
        _ message: Message, to connection: Connection, passing descriptor: Int32? = nil, timeout: Duration? = nil
    ) async throws -> Message {
        try await context.requestInTask(message, to: connection, passing: descriptor, timeout: timeout)
    }
}

/// The events of a context: see ``Endpoint/events``.
public struct Events: AsyncSequence, Sendable {
    /// An event.
    public typealias Element = Event
    /// What a wait throws.
    public typealias Failure = IPCError

    let context: Context

    /// Waits for one event after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let context: Context

        /// The next event; nil: the context is closed, or the task was cancelled.
        public func next(isolation actor: isolated (any Actor)? = #isolation) async throws(IPCError) -> Event? {
            try await context.nextInTask(timeout: nil)
        }
    }

    /// An iterator.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(context: context) }
}
