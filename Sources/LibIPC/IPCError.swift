// IPCError.swift - what went wrong: the contract's code, and a text that says what failed, on what, and the system's reason.
//
// Thrown with typed throws everywhere below the exports; turned into a `struct ipc_error` in one place (ABI/Result.swift). It
// holds no reference and allocates nothing, so that it can say "no memory".

import CLibIPC

/// A code of the contract, as the public header names it.
typealias ErrorCode = ipc_error_code

struct IPCError: Error {
    var code: ErrorCode
    let text: Text
    /// The system's error number, or 0.
    let systemError: Int32

    init(_ code: ErrorCode, _ text: Text, systemError: Int32 = 0) {
        self.code = code
        self.text = systemError == 0 ? text : "\(text): \(reason: systemError)"
        self.systemError = systemError
    }

    /// For a system call that has just failed: reads errno.
    static func system(_ code: ErrorCode, _ text: @autoclosure () -> Text) -> IPCError {
        let number = libipc_errno()
        return IPCError(code, text(), systemError: number)
    }

    /// The same reason under another code.
    func with(code: ErrorCode) -> IPCError {
        var copy = self
        copy.code = code
        return copy
    }

    /// The system is short of something: nothing is wrong with the peer, and trying again may help.
    var isShortage: Bool {
        switch systemError {
        case ENOMEM, ENOBUFS, ENOSPC, EMFILE, ENFILE: true
        default: false
        }
    }
}

/// Throws unless `holds`.
func check(_ holds: Bool, _ code: ErrorCode, _ text: @autoclosure () -> Text) throws(IPCError) {
    if !holds { throw IPCError(code, text()) }
}

/// The result of a system call, unless it has failed.
@discardableResult
func check<Value: BinaryInteger>(call result: Value, _ code: ErrorCode, _ text: @autoclosure () -> Text) throws(IPCError) -> Value {
    if result < 0 { throw .system(code, text()) }
    return result
}

/// Runs `body`; where that finds no memory the code is this one.
func outOfMemory<Result: ~Copyable>(is code: ErrorCode, _ body: () throws(IPCError) -> Result) throws(IPCError) -> Result {
    do throws(IPCError) { return try body() } catch { throw error.systemError == ENOMEM ? error.with(code: code) : error }
}
