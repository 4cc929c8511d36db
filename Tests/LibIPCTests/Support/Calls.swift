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

    static func close(_ number: Int32) throws { try result { usock_close_into($0, number) } }

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

    /// Accepts a client of the entry by hand. Returns the event's type, index and descriptor.
    func accept(on index: UInt32) throws -> (type: ipc_event_type, index: UInt32, descriptor: Int32) {
        try Call.result { libipc_step_by_hand($0, event, ctx, index, LIBIPC_STEP_ACCEPT) }
        return (event.pointee.type, event.pointee.index, event.pointee.origin)
    }

    /// The next event's message, for which it waits; nil: it is another event.
    func next() throws -> Frame? {
        try Call.result { ipc_wait_event_into($0, ctx, event, nil) }
        let message = event.pointee.m?.assumingMemoryBound(to: ipc_message.self)
        return message.map { Frame($0.pointee) }
    }
}

extension Claim {
    /// Of a call of another thread, which has ended; but whoever finds it waits for its end. (A thread that is made later may take its
    /// place.)
    static func another() throws -> Claim {
        try withPeer(
            doing: {
                var claim = Claim()
                claim.begin()
                return claim
            }, stop: {}
        ) {}
    }
}

extension DescriptorTable {
    /// The stream that calls have left for a number that is in no context.
    static func left(_ number: Int32) -> StreamReference? { stream(of: number, stripe(of: number)) }
}

/// Runs `body` with the stream of a descriptor in no context, as a call does.
func withStray<Result>(_ number: Int32, _ body: (StreamReference) throws -> Result) throws -> Result {
    try DescriptorTable.stripe(of: number).locked {
        let stream = try DescriptorTable.stray(number)
        defer { DescriptorTable.freeIfUnneeded(stream) }
        return try body(stream)
    }
}

/// Queues frames that nobody is to be told of.
func leave(_ frames: Frame..., for end: End) throws {
    try withStray(end.number) { stream in for frame in frames { stream.pointee.outbox.append(try frame.outbound()) } }
}
