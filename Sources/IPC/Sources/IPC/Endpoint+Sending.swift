// Endpoint+Sending.swift - messages go out: at once if there is room in the kernel, else when there is.

internal import CIPC

extension Endpoint {
    /// Sends a message, and does not wait: what the kernel does not take at once is queued, and sent by a wait or by
    /// ``Endpoint/flush(_:timeout:)``.
    ///
    /// A descriptor for `passing` goes with the message. The receiver gets a copy; this one may be closed at once.
    ///
    /// - Throws: ``IPCError/Kind/unknownConnection`` when the receiver has left, ``IPCError/Kind/queueFull`` when it does not read.
    public func send(_ message: Message, to connection: Connection, passing descriptor: Int32? = nil) throws(IPCError) {
        let context = context
        try context.withOpenState { state throws(IPCError) in
            try context.queue(message, to: connection, passing: descriptor, &state)
            // A failure shows in an event.
            if !state.sendsAtOnce { _ = ipc_flush(context.handle, connection.descriptor, 0) }
        }
    }

    /// Sends a reply to the sender of a message, by default with the user type of that message.
    ///
    /// A service gets messages of clients that have left meanwhile. That is no error: nobody misses the reply.
    ///
    /// - Returns: whether the sender is still there.
    @discardableResult
    public func reply(
        _ payload: Payload, to message: Message, userType: UInt8? = nil, kind: Message.Kind = .data, passing descriptor: Int32? = nil
    ) throws(IPCError) -> Bool {
        guard let sender = message.sender else { return false }
        do throws(IPCError) {
            try send(Message(payload, userType: userType ?? message.userType, kind: kind), to: sender, passing: descriptor)
            return true
        } catch {
            if error.code == .unknownReceiver { return false }
            throw error
        }
    }

    /// Waits until what is queued for a connection, or for all, is with the kernel.
    ///
    /// - Throws: ``IPCError/Kind/timeout``, ``IPCError/Kind/closed`` when a receiver has left, or `CancellationError`.
    nonisolated(nonsending) public func flush(_ connection: Connection? = nil, timeout: Duration? = nil) async throws {
        let context = context
        do throws(IPCError) {
            return try context.flushNow(connection, milliseconds: 0)
        } catch {
            guard error.code == .timeout, timeout != .zero else { throw error }
        }
        let slice: Duration = .milliseconds(100)
        let wanted = Flag()
        try await withTaskCancellationHandler {
            try await ThreadCall.run {
                () throws(IPCError) in
                var remaining = timeout
                while true {
                    let part = min(remaining ?? slice, slice)
                    do throws(IPCError) { return try context.flushNow(connection, milliseconds: part.milliseconds) } catch {
                        remaining = remaining.map { $0 - part }
                        if error.code != .timeout || wanted.isSet || remaining.map({ $0 <= .zero }) == true { throw error }
                    }
                }
            } unwanted: { _ in
            }
        } onCancel: {
            wanted.set()
        }
    }
}

extension Context {
    /// Queues a copy of the message.
    func queue(_ message: Message, to connection: Connection, passing descriptor: Int32?, _ state: inout State) throws(IPCError) {
        try state.check(connection)
        try message.payload.withUnsafeBytes { bytes throws(IPCError) in
            guard bytes.count <= Message.maximumSize else {
                throw IPCError(code: .messageTooLong, text: "a payload of \(bytes.count) bytes is too long")
            }
            var raw = ipc_message()
            raw.type = CChar(bitPattern: message.kind.rawValue)
            raw.user_type = CChar(bitPattern: message.userType)
            raw.fd = connection.descriptor
            raw.length = UInt32(bytes.count)
            // The library only reads it.
            raw.payload = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
            if let descriptor {
                try IPCError.check(last: ipc_write_with_fd(handle, &raw, descriptor))
            } else {
                try IPCError.check { cipc_write(handle, &raw, $0) }
            }
        }
    }

    func flushNow(_ connection: Connection?, milliseconds: Int32) throws(IPCError) {
        try withOpenState { state throws(IPCError) in
            if let connection { try state.check(connection) }
        }
        var code = IPC_ERROR_WAIT_EVENT__POLL
        while code == IPC_ERROR_WAIT_EVENT__POLL { code = ipc_flush(handle, connection?.descriptor ?? -1, milliseconds) }
        try IPCError.check(last: code)
    }
}
