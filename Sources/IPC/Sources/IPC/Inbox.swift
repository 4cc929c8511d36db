// Inbox.swift - decides who gets an event of a context: the request that it answers, a task that waits, or the next task that waits.
//
// A plain value, changed under the context's lock. Continuations are resumed when that is free again: deliveries are collected.

/// A wait's end: an event; nil when the context is closed or the task was cancelled.
typealias Outcome = Result<Event?, IPCError>
/// A request's end.
typealias Reply = Result<Message, any Error>

enum Delivery {
    case event(CheckedContinuation<Outcome, Never>, Outcome)
    case reply(CheckedContinuation<Reply, Never>, Reply)
    /// For a thread that is in a wait of the library; its reply is in the inbox.
    case wake

    func make(in context: Context) {
        switch self {
        case .event(let continuation, let outcome): continuation.resume(returning: outcome)
        case .reply(let continuation, let reply): continuation.resume(returning: reply)
        case .wake: context.wakeForReply()
        }
    }
}

struct Inbox {
    struct Request {
        enum Receiver {
            case task(CheckedContinuation<Reply, Never>)
            /// A thread, which looks for its reply by the request's number.
            case thread
            /// Its time was up, or its task was cancelled. Its reply is still to come, and is dropped.
            case nobody
        }

        let id: UInt64
        var receiver: Receiver
    }

    private(set) var events = Queue<Event>()
    /// Tasks that wait, oldest first. There is none while there are events.
    private var waiters = Queue<(id: UInt64, continuation: CheckedContinuation<Outcome, Never>)>()
    /// Of each connection: what was sent and is not answered yet, oldest first.
    private var requests: [UInt64: Queue<Request>] = [:]
    private var replies: [UInt64: Result<Message, IPCError>] = [:]
    private var lastID: UInt64 = 0
    /// For the next that waits.
    var failure: IPCError?

    /// A number for a request or a wait.
    mutating func makeID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Whether there may be an event to come for which somebody waits.
    var isExpecting: Bool { !waiters.isEmpty || !requests.isEmpty }

    /// Whether tasks wait.
    var hasTasks: Bool {
        !waiters.isEmpty
            || requests.values.contains { queue in
                queue.contains { if case .task = $0.receiver { true } else { false } }
            }
    }

    mutating func takeEvent() -> Event? { events.popFirst() }

    mutating func wait(_ id: UInt64, _ continuation: CheckedContinuation<Outcome, Never>) { waiters.append((id, continuation)) }

    /// Ends a wait before its event.
    mutating func endWait(_ id: UInt64, with outcome: Outcome) -> Delivery? {
        waiters.remove { $0.id == id }.map { .event($0.continuation, outcome) }
    }

    mutating func add(_ request: Request, to connection: Connection) {
        requests[connection.id, default: Queue()].append(request)
    }

    /// Ends a request before its reply, which is dropped when it comes.
    mutating func giveUp(_ id: UInt64, to connection: Connection, with error: any Error) -> Delivery? {
        var delivery: Delivery?
        requests[connection.id]?.update { request in
            guard request.id == id else { return false }
            if case .task(let continuation) = request.receiver { delivery = .reply(continuation, .failure(error)) }
            request.receiver = .nobody
            return true
        }
        return delivery
    }

    /// The reply to a thread's request.
    mutating func takeReply(to id: UInt64) -> Result<Message, IPCError>? {
        replies.isEmpty ? nil : replies.removeValue(forKey: id)
    }

    mutating func deliver(_ event: Event, to deliveries: inout [Delivery]) {
        switch event {
        case .message(let message):
            if let sender = message.sender, let request = takeRequest(of: sender.id) {
                answer(request, .success(message), to: &deliveries)
                return
            }
        case .disconnected(let connection):
            failRequests(of: connection.id, IPCError(code: .closedByPeer, text: "the service has left"), to: &deliveries)
        case .failed(let connection, let error):
            failRequests(of: connection.id, error, to: &deliveries)
        default: break
        }
        if let waiter = waiters.popFirst() {
            deliveries.append(.event(waiter.continuation, .success(event)))
        } else {
            events.append(event)
        }
    }

    private mutating func takeRequest(of connection: UInt64) -> Request? {
        guard !requests.isEmpty, let request = requests[connection]?.popFirst() else { return nil }
        if requests[connection]?.isEmpty == true { requests[connection] = nil }
        return request
    }

    private mutating func answer(_ request: Request, _ reply: Result<Message, IPCError>, to deliveries: inout [Delivery]) {
        switch request.receiver {
        case .task(let continuation): deliveries.append(.reply(continuation, reply.mapError { $0 }))
        case .thread:
            replies[request.id] = reply
            deliveries.append(.wake)
        case .nobody: break
        }
    }

    /// No more replies come from this connection.
    mutating func failRequests(of connection: UInt64, _ error: IPCError, to deliveries: inout [Delivery]) {
        while let request = takeRequest(of: connection) { answer(request, .failure(error), to: &deliveries) }
    }

    /// No more events come: all who wait are told so.
    mutating func end(_ error: IPCError, waits outcome: Outcome, to deliveries: inout [Delivery]) {
        while let waiter = waiters.popFirst() { deliveries.append(.event(waiter.continuation, outcome)) }
        for connection in requests.keys { failRequests(of: connection, error, to: &deliveries) }
    }
}
