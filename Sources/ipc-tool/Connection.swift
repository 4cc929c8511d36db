// Connection.swift - one connection to a service, of this machine or another one (IPC_NETWORK), and what comes over it.

import CDaemon

/// Owns the context and its connection.
final class Connection {
    private let context: UnsafeMutablePointer<ipc_ctx>
    private let event: UnsafeMutablePointer<ipc_event>
    private let shown: String
    private var descriptor: Int32 = -1
    private var code = IPC_ERROR_NONE

    enum Heard {
        /// Valid until the next wait.
        case message(ipc_message)
        /// The other descriptor that is watched is readable, or has ended.
        case readable
        case sent
        case late
        case ended(String)
    }

    /// - Parameter milliseconds: in which it must be connected; 0: the library's own 10 seconds.
    init(_ name: CText, within milliseconds: Int) throws(Ending) {
        shown = String(c: name)
        context = .allocate(capacity: 1)
        context.initialize(to: ipc_ctx())
        event = .allocate(capacity: 1)
        event.initialize(to: ipc_event())
        // A signal does not end the library's look-up or connect. So the timer ends the whole process, which has changed nothing yet.
        var words = Line()
        words.add("ipc: ")
        words.add(escaped: bytes(of: name))
        words.add(": no connection: the time is up\n")
        words.bytes.withUnsafeBytes {
            if let base = $0.baseAddress { cd_end_after(Int64(milliseconds), base, $0.count, lateStatus) }
            code = cd_connect(context, name, &descriptor)
            if let base = $0.baseAddress { cd_end_after(0, base, 0, lateStatus) }
        }
        if code != IPC_ERROR_NONE { throw .failed("\(shown): \(String(c: cd_reason()))") }
    }

    deinit {
        _ = cd_close_all(context)
        ipc_ctx_free(context)
        cd_empty(event)
        event.deallocate()
        context.deallocate()
    }

    func leaveOutSent() { _ = ipc_ctx_quiet(context, 1 << IPC_EVENT_TYPE_TX.rawValue) }

    func watch(_ descriptor: Int32) throws(Ending) {
        if cd_watch(context, descriptor) != IPC_ERROR_NONE { throw .failed(String(c: cd_reason())) }
    }

    func unwatch(_ descriptor: Int32) { _ = cd_unwatch(context, descriptor) }

    /// - Parameter timer: milliseconds, -1 for ever; what remains is left in it.
    func next(_ timer: inout Int32) throws(Ending) -> Heard {
        while true {
            let code = cd_wait(context, event, &timer)
            switch code {
            case IPC_ERROR_NONE: break
            case IPC_ERROR_WAIT_EVENT__POLL: continue
            default: throw .failed("\(shown): \(String(c: cd_reason()))")
            }
            switch event.pointee.type {
            case IPC_EVENT_TYPE_MESSAGE:
                if let message = event.pointee.m { return .message(message.assumingMemoryBound(to: ipc_message.self).pointee) }
            case IPC_EVENT_TYPE_EXTRA_SOCKET: return .readable
            case IPC_EVENT_TYPE_TX: return .sent
            case IPC_EVENT_TYPE_TIMER: return .late
            case IPC_EVENT_TYPE_DISCONNECTION where event.pointee.origin != descriptor: return .readable
            case IPC_EVENT_TYPE_DISCONNECTION: return .ended("the service has closed the connection")
            case IPC_EVENT_TYPE_ERROR: return .ended(String(c: cd_reason()))
            default: break
            }
        }
    }

    /// Queues a message.
    func write(_ sending: Sending, _ payload: [UInt8]) throws(Ending) {
        let code = queue(context, descriptor, sending.type, sending.userType, payload)
        if code != IPC_ERROR_NONE { throw .failed("\(shown): \(String(c: cd_reason()))") }
    }

    /// Sends what is queued.
    func flush(within milliseconds: Int) throws(Ending) {
        let code = ipc_flush(context, descriptor, milliseconds == 0 ? -1 : Int32(milliseconds))
        if code == IPC_ERROR_FLUSH__UNSENT { throw .late("\(shown): the service does not read; the time is up") }
        if code != IPC_ERROR_NONE { throw .failed("\(shown): \(String(c: ipc_last_error()))") }
    }
}
