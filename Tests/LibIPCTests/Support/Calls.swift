// Calls.swift - calls as a program makes them, those that know no context above all; and what they find: frames that earlier calls had
// to leave.
//
// Only for descriptors in no context, or in one of a `Program`: these calls take any other for one of theirs.

import CLibIPC
import Testing

@testable import LibIPC

/// An error as the library gives it to a program.
struct CallError: Error, CustomStringConvertible {
    let code: UInt32
    let text: String

    var description: String { "error \(code): \(text)" }
}

enum Call {
    static func read(_ number: Int32) throws -> Frame {
        var message = ipc_message()
        defer { free(message.payload) }
        try result { ipc_read_fd_into($0, number, &message) }
        return Frame(message)
    }

    static func write(_ frame: Frame, to number: Int32) throws {
        try frame.payload.withUnsafeBytes { payload in
            var message = ipc_message(frame.header, number, UnsafeMutableRawPointer(mutating: payload.baseAddress))
            try result { ipc_write_fd_into($0, number, &message) }
        }
    }

    static func pass(_ passed: Int32, over number: Int32) throws { try result { ipc_provide_fd_into($0, number, passed) } }

    static func receiveDescriptor(over number: Int32) throws -> End {
        var received: Int32 = -1
        try result { ipc_receive_fd_into($0, number, &received) }
        return try End(received)
    }

    fileprivate static func result(_ call: (Outcome) -> Void) throws {
        let result = Outcome.allocate(capacity: 1)
        defer { result.deallocate() }
        memset(result, 0, MemoryLayout<ipc_error>.size)
        call(result)
        guard result.pointee.error_code == IPC_ERROR_NONE else {
            // Swift does not import the text, an array that is too long for it: it follows the code.
            let text = UnsafeRawPointer(result).advanced(by: MemoryLayout<ipc_error_code>.size).assumingMemoryBound(to: CChar.self)
            throw CallError(code: result.pointee.error_code.rawValue, text: String(cString: text))
        }
    }
}

extension Frame {
    fileprivate init(_ message: ipc_message) {
        let payload = [UInt8](UnsafeRawBufferPointer(start: message.payload, count: Int(message.length)))
        self.init(payload, type: UInt8(bitPattern: message.type), userType: UInt8(bitPattern: message.user_type))
    }
}

/// A context as a program has it.
final class Program {
    private let ctx = Ref<ipc_ctx>.allocate(capacity: 1)
    private let event = Ref<ipc_event>.allocate(capacity: 1)

    init() {
        ctx.initialize(to: ipc_ctx())
        event.initialize(to: ipc_event())
    }

    deinit {
        free()
        let message = event.pointee.m?.assumingMemoryBound(to: ipc_message.self)
        CLibIPC.free(message?.pointee.payload)
        CLibIPC.free(message)
        ctx.deallocate()
        event.deallocate()
    }

    func free() { ipc_ctx_free(ctx) }
    func add(_ end: End, _ type: ipc_connection_type = IPC_CONNECTION_TYPE_IPC) throws {
        try Call.result { libipc_add($0, ctx, end.number, type, nil) }
    }
    func delete(_ end: End) throws { try Call.result { ipc_del_fd_into($0, ctx, end.number) } }
    func close(_ end: End) throws { try Call.result { ipc_close_fd_into($0, ctx, end.number) } }

    /// The next event's message, for which it waits; nil: it is another event.
    func next() throws -> Frame? {
        try Call.result { ipc_wait_event_into($0, ctx, event, nil) }
        let message = event.pointee.m?.assumingMemoryBound(to: ipc_message.self)
        return message.map { Frame($0.pointee) }
    }
}

extension Reader {
    /// A thread that has ended; but who finds it reading waits for it.
    static func another() throws -> Reader { try withPeer(doing: { .this }, stop: {}) {} }
}

/// Runs `body` with what belongs to a descriptor in no context.
func withLoose<Result>(_ number: Int32, _ body: (ConnectionReference) throws -> Result) throws -> Result {
    let stripe = DescriptorTable.stripe(of: number)
    stripe.lock()
    defer { stripe.unlock() }
    let connection = try DescriptorTable.loose(number)
    defer { DescriptorTable.putAway(connection) }
    return try body(connection)
}

/// Queues frames that nobody is to be told of.
func leave(_ frames: Frame..., for end: End) throws {
    try withLoose(end.number) { connection in
        for frame in frames {
            let outbound = try frame.outbound()
            outbound.pointee.listing = nil
            connection.pointee.channel.outbox.append(outbound)
        }
    }
}
