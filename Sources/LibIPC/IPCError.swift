// IPCError.swift - what went wrong: the contract's code, what was done, on what, and the system's reason.
//
// Thrown with typed throws everywhere below the exports; turned into a `struct ipc_error` in one place
// (ABI/Result.swift). It holds no reference and allocates nothing, so that it can say "no memory".

import CLibIPC

/// A code of the contract, as the public header names it.
typealias ErrorCode = ipc_error_code

struct IPCError: Error {
    /// What the operation was about.
    enum Subject {
        case nothing
        case descriptor(Int32)
        case number(Int)
        case text(ShortText)
    }

    var code: ErrorCode
    /// What failed, for instance "connect to".
    let operation: StaticString
    let subject: Subject
    /// The system's error number, or 0.
    let systemError: Int32

    init(_ code: ErrorCode, _ operation: StaticString, _ subject: Subject = .nothing, systemError: Int32 = 0) {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.systemError = systemError
    }

    /// For a system call that has just failed: reads errno.
    static func system(_ code: ErrorCode, _ operation: StaticString, _ subject: Subject = .nothing) -> IPCError {
        IPCError(code, operation, subject, systemError: libipc_errno())
    }

    /// The system is short of something: nothing is wrong with the peer, and trying again may help.
    var isShortage: Bool {
        switch systemError {
        case ENOMEM, ENOBUFS, ENOSPC, EMFILE, ENFILE: true
        case 0:
            code == IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY || code == IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION
                || code == IPC_ERROR_ADD__NOT_ENOUGH_MEMORY
        default: false
        }
    }

    /// The same reason under another code.
    func with(code: ErrorCode) -> IPCError {
        var copy = self
        copy.code = code
        return copy
    }
}

/// A text of at most 160 bytes, stored in place: longer ones are cut.
struct ShortText {
    private var bytes = InlineArray<160, UInt8>(repeating: 0)
    private(set) var count = 0

    init(_ text: UnsafePointer<CChar>) { self.init(bytes: UnsafeRawBufferPointer(start: text, count: strlen(text))) }

    init(bytes text: UnsafeRawBufferPointer) {
        for byte in text.prefix(bytes.count) {
            bytes[count] = byte
            count += 1
        }
    }

    subscript(_ index: Int) -> UInt8 { bytes[index] }
}

/// Writes text into memory that somebody else owns, and stops at its end.
struct TextWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    /// - Parameter buffer: one byte of it is kept for a NUL.
    init(_ buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

    mutating func write(byte: UInt8) {
        guard count + 1 < buffer.count else { return }
        buffer[count] = byte
        count += 1
    }

    mutating func write(_ text: StaticString) {
        for offset in 0..<text.utf8CodeUnitCount { write(byte: text.utf8Start[offset]) }
    }

    mutating func write(_ text: UnsafePointer<CChar>?) {
        guard var next = text else { return }
        while next.pointee != 0 {
            write(byte: UInt8(bitPattern: next.pointee))
            next += 1
        }
    }

    mutating func write(_ number: Int) {
        if number < 0 { write(byte: UInt8(ascii: "-")) }
        let magnitude = number.magnitude
        var divisor: UInt = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            write(byte: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude / divisor % 10))
            divisor /= 10
        }
    }

    mutating func write(_ error: IPCError) {
        write(error.operation)
        switch error.subject {
        case .nothing: break
        case .descriptor(let descriptor):
            write(" descriptor ")
            write(Int(descriptor))
        case .number(let number):
            write(" ")
            write(number)
        case .text(let text):
            write(" ")
            for index in 0..<text.count { write(byte: text[index]) }
        }
        guard error.systemError != 0 else { return }
        write(": ")
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { reason in
            write(libipc_strerror(error.systemError, reason.baseAddress, reason.count))
        }
    }
}
