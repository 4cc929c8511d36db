// Context+Reading.swift - events of the library become values, and go to whoever waits for them.

internal import CIPC

/// So many events are taken from the library at once.
let batchSize = 32
/// So many events wait for the program; with more the context is not looked at, and peers that send wait in the end.
let backlog = 256

/// An array for the library's events. What they still have is freed with it.
struct EventBuffer: ~Copyable {
    let base: UnsafeMutablePointer<ipc_event>
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
        base.initialize(repeating: ipc_event(), count: capacity)
    }

    deinit {
        for index in 0..<capacity { cipc_clean(base + index) }
        base.deallocate()
    }
}

/// Such an array, which one thread has.
struct RawEvents: @unchecked Sendable {
    let base: UnsafeMutablePointer<ipc_event>
    init(_ base: UnsafeMutablePointer<ipc_event>) { self.base = base }
}

extension Context {
    /// Takes what is there, for tasks. Called by the reactor, with its array of `batchSize` events. Returns whether there was something.
    func readEvents(into events: UnsafeMutablePointer<ipc_event>) -> Bool {
        // Descriptors have to be allowed at the event before the first message.
        let room = options.contains(.acceptDescriptors) ? 1 : batchSize
        let raw = RawEvents(events)
        var deliveries: [Delivery] = []
        let found = reading.withLock { _ in
            var count = 0
            var timer: Int32 = 0
            let code = ipc_wait_events(handle, raw.base, room, &count, &timer)
            let found = state.withLock { state in take(raw, count, code, &state, &deliveries) }
            // Threads may wait on the same context; and what has ended is closed now.
            try? IPCError.check { cipc_ctx_release(handle, $0) }
            return found
        }
        make(deliveries)
        return found
    }

    private func take(
        _ events: RawEvents, _ count: Int, _ code: ipc_error_code, _ state: inout State, _ deliveries: inout [Delivery]
    ) -> Bool {
        guard !state.isClosed else { return false }
        if count == 0, code != IPC_ERROR_WAIT_EVENT__POLL {
            // A shortage, as a rule. The next that waits tries again.
            unwatch(&state)
            fail(IPCError(last: code), &state, &deliveries)
            return false
        }
        var found = false
        for index in 0..<count {
            let last = index == count - 1
            guard let event = convert(events, index, last ? code : IPC_ERROR_NONE, &state) else { continue }
            if case .timer = event { continue }
            found = true
            state.inbox.deliver(event, to: &deliveries)
        }
        if state.inbox.events.count >= backlog, !state.inbox.isExpecting { unwatch(&state) }
        return found
    }

    /// Nobody can read for those that wait: they are told why, or else the next that waits.
    func fail(_ failure: IPCError, _ state: inout State, _ deliveries: inout [Delivery]) {
        if !state.inbox.isExpecting { state.inbox.failure = failure }
        state.inbox.end(failure, waits: .failure(failure), to: &deliveries)
    }

    /// What the library tells, as an event; nil if it is none that the binding knows. Keeps the table of connections.
    func convert(_ events: RawEvents, _ index: Int, _ code: ipc_error_code, _ state: inout State) -> Event? {
        let raw = events.base[index]
        switch raw.type {
        case IPC_EVENT_TYPE_MESSAGE:
            guard let m = raw.m?.assumingMemoryBound(to: ipc_message.self) else { return nil }
            let count = Int(m.pointee.length)
            var message = Message(Payload(taking: cipc_take_payload(m), count: count))
            message.userType = UInt8(bitPattern: m.pointee.user_type)
            message.kind = Message.Kind(rawValue: UInt8(bitPattern: m.pointee.type))
            message.sender = state.connection(raw.origin)
            if options.contains(.acceptDescriptors) {
                let descriptor = ipc_event_take_fd(events.base + index)
                if descriptor >= 0 { message.descriptor = Descriptor(owning: descriptor) }
            }
            return .message(message)
        case IPC_EVENT_TYPE_CONNECTION:
            let connection = Self.makeConnection(raw.origin)
            state.connections[raw.origin] = connection
            if options.contains(.acceptDescriptors) { _ = ipc_ctx_accept_fds(handle, raw.origin, 1) }
            return .connected(connection)
        case IPC_EVENT_TYPE_DISCONNECTION, IPC_EVENT_TYPE_ERROR:
            return convertEnd(raw.origin, isFailure: raw.type == IPC_EVENT_TYPE_ERROR, code, &state)
        case IPC_EVENT_TYPE_TX: return .sent(state.connection(raw.origin))
        case IPC_EVENT_TYPE_SWITCH: return .switched(state.connection(raw.origin))
        case IPC_EVENT_TYPE_EXTRA_SOCKET: return convertReadable(raw.origin, &state)
        case IPC_EVENT_TYPE_TIMER: return .timer
        case IPC_EVENT_TYPE_WAKE: return .woken
        default: return nil
        }
    }

    /// Told once: the event may wait for the program, and the library would tell again and again meanwhile.
    private func convertReadable(_ descriptor: Int32, _ state: inout State) -> Event? {
        guard state.watched.remove(descriptor) != nil else { return nil }
        try? IPCError.check { cipc_del_fd(handle, descriptor, $0) }
        return .readable(descriptor)
    }

    private func convertEnd(_ descriptor: Int32, isFailure: Bool, _ code: ipc_error_code, _ state: inout State) -> Event? {
        // A watched descriptor that has hung up: its reader finds the end.
        if state.watched.contains(descriptor) { return convertReadable(descriptor, &state) }
        guard state.connections[descriptor] != nil || state.connecting > 0 else { return nil }
        let isKnown = state.connections[descriptor] != nil
        let connection = state.connection(descriptor)
        if !isKnown { state.endedEarly[descriptor] = connection }
        // The text belongs to the last event of a batch, which an end with a reason is.
        let reason = isFailure ? IPCError(code: IPCError.Code(rawValue: code.rawValue), text: String(cString: ipc_last_error())) : nil
        state.connections[descriptor] = nil
        guard let pair = state.pairs.removeValue(forKey: connection) else {
            return reason.map { .failed(connection, $0) } ?? .disconnected(connection)
        }
        let counterpart = pair.other(than: connection)
        state.pairs[counterpart] = nil
        state.connections[counterpart.descriptor] = nil
        // The library closes those that it does not leave to the program when the event is done with.
        try? IPCError.check { cipc_ctx_release(handle, $0) }
        let cause = pair.forgetTranslations()
        let descriptors = pair.openEnds().map { Descriptor(owning: $0) }
        let error = reason ?? cause.map { IPCError(code: .closedByPeer, text: "the translation of the program has failed: \($0)") }
        return .pairEnded(PairEnd(end: connection, counterpart: counterpart, descriptors: descriptors, error: error, cause: cause))
    }
}
