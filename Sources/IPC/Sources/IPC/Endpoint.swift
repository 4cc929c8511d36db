// Endpoint.swift - what contexts, services and clients have in common: services and connections.

internal import CIPC

/// A context, or something that has one: ``Context``, ``Service``, ``Client``.
public protocol Endpoint: Sendable {
    /// What it talks with.
    var context: Context { get }
}

extension Endpoint {
    // MARK: Services and connections

    /// Offers the service of this name. Clients that connect are accepted, with an event ``Event/connected(_:)``.
    ///
    /// `socket` is one that listens already, and that somebody else has made, such as systemd (sd_listen_fds(3)). It becomes the
    /// context's.
    public func listen(_ name: some ServiceName, socket: Int32? = nil) throws(IPCError) {
        let context = context
        try context.withOpenState { _ throws(IPCError) in }
        try name.withCName { name throws(IPCError) in
            if let socket {
                try IPCError.check(last: ipc_ctx_add(context.handle, name, socket))
            } else {
                try IPCError.check { cipc_server_init(context.handle, name, $0) }
            }
        }
        try context.withOpenState { state throws(IPCError) in state.services += 1 }
        AtExit.shared.add(context)
    }

    /// Connects to the service of this name. As a rule that takes no time. When the service's backlog is full, or IPC_NETWORK has a route
    /// for the name, it waits, at most ``Limit/connectTime``. Tasks that must not wait call ``open(_:)``.
    public func connect(_ name: some ServiceName) throws(IPCError) -> Connection {
        let context = context
        try context.withOpenState { _ throws(IPCError) in }
        context.state.withLock { $0.connecting += 1 }
        defer { context.state.withLock { $0.connecting -= 1 } }
        var descriptor: Int32 = -1
        try name.withCName { name throws(IPCError) in
            try IPCError.check { cipc_connection(context.handle, name, &descriptor, $0) }
        }
        return try context.withOpenState { state throws(IPCError) in
            // Its end may have been told of already.
            if let ended = state.endedEarly.removeValue(forKey: descriptor) { return ended }
            if context.options.contains(.acceptDescriptors) { _ = ipc_ctx_accept_fds(context.handle, descriptor, 1) }
            return state.connection(descriptor)
        }
    }

    /// ``connect(_:)`` in another thread. When the task is cancelled the wait ends, and the connection that is made nevertheless is closed.
    nonisolated(nonsending) public func open(_ name: some ServiceName) async throws -> Connection {
        let context = context
        let bytes = name.serviceNameBytes
        return try await ThreadCall.run {
            () throws(IPCError) in
            try context.connect(bytes)
        } unwanted: { connection in
            context.disconnect(connection)
        }
    }

    /// Closes the connection. What is queued for it is offered to the kernel once. One that has ended already stays so.
    public func disconnect(_ connection: Connection) {
        let context = context
        var deliveries: [Delivery] = []
        context.state.withLock { state in
            guard state.connections[connection.descriptor] == connection else { return }
            state.connections[connection.descriptor] = nil
            if let pair = state.pairs.removeValue(forKey: connection) {
                state.pairs[pair.other(than: connection)] = nil
                pair.forgetTranslations()
            }
            let reason = IPCError(code: .closedByPeer, text: "\(connection) was closed")
            state.inbox.failRequests(of: connection.id, reason, to: &deliveries)
            // The library may know already that the peer has left.
            try? IPCError.check { cipc_close_fd(context.handle, connection.descriptor, $0) }
        }
        context.make(deliveries)
    }

    /// Tells once, with ``Event/readable(_:)``, when a descriptor of the program's own is readable, or at its end. After it has read, the
    /// program calls this again.
    ///
    /// The descriptor stays the program's. It ends the watch before it closes the descriptor.
    public func watch(_ descriptor: Int32) throws(IPCError) {
        let context = context
        try context.withOpenState { state throws(IPCError) in
            guard !state.watched.contains(descriptor) else { return }
            try IPCError.check { cipc_add_fd(context.handle, descriptor, $0) }
            state.watched.insert(descriptor)
        }
    }

    /// Ends ``watch(_:)``. An event that was found before may still come.
    public func unwatch(_ descriptor: Int32) throws(IPCError) {
        let context = context
        try context.withOpenState { state throws(IPCError) in
            guard state.watched.remove(descriptor) != nil else { return }
            try IPCError.check { cipc_del_fd(context.handle, descriptor, $0) }
        }
    }

    /// Closes all connections and services, and ends all waits. What is queued is offered to the kernel once: call
    /// ``Endpoint/flush(_:timeout:)`` before, if it is much. The last reference to a context does the same.
    public func close() { context.closeNow() }

    /// Whether the context is closed.
    public var isClosed: Bool { context.state.withLock { $0.isClosed } }

    // MARK: Other

    /// Ends one wait with ``Event/woken``: the one that waits now, or the next.
    public func wake() throws(IPCError) {
        let context = context
        try context.withOpenState { _ throws(IPCError) in
            let code = ipc_wake(context.handle)
            guard code == IPC_ERROR_NONE else {
                throw IPCError(code: IPCError.Code(rawValue: code.rawValue), text: "nothing can wait on an empty context")
            }
        }
    }

    /// Who is at the other end of a connection.
    public func peer(of connection: Connection) throws(IPCError) -> Peer {
        let context = context
        return try context.withOpenState { state throws(IPCError) in
            try state.check(connection)
            var info = ipc_peer_info()
            try IPCError.check(last: ipc_peer(context.handle, connection.descriptor, &info))
            let process = info.pidfd >= 0 ? Descriptor(owning: info.pidfd) : nil
            return Peer(user: info.uid, group: info.gid, process: info.pid > 0 ? info.pid : nil, processDescriptor: process)
        }
    }

    /// Sets a limit of the context; nil: its default.
    public func setLimit(_ limit: Limit, to value: Int?) throws(IPCError) {
        let context = context
        try context.withOpenState { _ throws(IPCError) in
            let limit = ipc_limit(rawValue: limit.rawValue)
            try IPCError.check(last: ipc_ctx_limit(context.handle, limit, value.map { Int(bitPattern: UInt(max(0, $0))) } ?? -1))
        }
    }

    /// How many messages are queued for a connection, and not with the kernel yet.
    public func pending(for connection: Connection) throws(IPCError) -> Int {
        let context = context
        return try context.withOpenState { state throws(IPCError) in
            try state.check(connection)
            var entry = ipc_entry()
            try IPCError.check { cipc_ctx_entry(context.handle, connection.descriptor, &entry, $0) }
            return Int(entry.pending)
        }
    }
}

/// Who is at the other end of a connection, as the kernel noted it when that process connected or listened.
public struct Peer: Sendable {
    /// The user (uid).
    public let user: UInt32
    /// The group (gid).
    public let group: UInt32
    /// The number of the process (pid); nil: this process cannot see it.
    public let process: Int32?
    /// A pidfd, which cannot come to mean another process; nil: the kernel has none.
    public let processDescriptor: Descriptor?
}

/// What ``Endpoint/setLimit(_:to:)`` limits.
public enum Limit: UInt32, Sendable {
    /// Payload of a received message, in bytes.
    case frame = 0
    /// What may be queued for one receiver, in bytes; 64 MiB by default.
    case queueBytes = 1
    /// The same in messages; there is no limit by default.
    case queueMessages = 2
    /// Accepted connections that are open. More wait until others leave.
    case connections = 3
    /// Accepted connections of one user. More are closed at once.
    case connectionsOfUser = 4
    /// Milliseconds that connecting may take, for a look-up and for a full backlog each; 10,000 by default.
    case connectTime = 5
}
