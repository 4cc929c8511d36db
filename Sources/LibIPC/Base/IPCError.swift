// IPCError.swift - what went wrong: the contract's code, and a text that says what failed, on what, and the system's reason.
//
// Thrown with typed throws everywhere below the exports; turned into a `struct ipc_error` in one place (ABI/Result.swift). The
// value is a few bytes: its text waits in memory of the thread, so that nothing is allocated, not even to say "no memory", and
// little is copied on the way up. Should another error come between, the code's own text stands for it.

/// A code of the contract, as the public header names it.
typealias ErrorCode = ipc_error_code

struct IPCError: Error {
    var code: ErrorCode
    /// The system's error number, or 0.
    let systemError: Int32
    private let sequence: UInt32

    /// Out of line with what its text is made of: little code lies where nothing fails.
    @inline(never) init(_ code: ErrorCode, _ text: @autoclosure () -> Text, systemError: Int32 = 0) {
        self.init(code, saying: text(), systemError)
    }

    @inline(never) private init(_ code: ErrorCode, saying text: Text, _ systemError: Int32) {
        let place = libipc_error_text()
        (self.code, self.systemError, sequence) = (code, systemError, (place?.pointee.sequence ?? 0) &+ 1)
        (systemError == 0 ? text : "\(text): \(reason: systemError)").withBytes { bytes, count in
            guard let place else { return }
            (place.pointee.sequence, place.pointee.length) = (sequence, UInt32(count))
            withUnsafeMutableBytes(of: &place.pointee.bytes) { $0.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: count)) }
        }
    }

    var text: Text {
        guard let place = libipc_error_text(), place.pointee.sequence == sequence else { return "\(ipc_errors_get(code))" }
        return withUnsafeBytes(of: &place.pointee.bytes) { "\(UnsafeRawBufferPointer(rebasing: $0.prefix(Int(place.pointee.length))))" }
    }

    /// For a system call that has just failed: reads errno.
    @inline(never) static func system(_ code: ErrorCode, _ text: @autoclosure () -> Text) -> IPCError {
        let number = libipc_errno()
        return IPCError(code, text(), systemError: number)
    }

    /// The same reason under another code.
    @inline(never) func with(code: ErrorCode) -> IPCError {
        var copy = self
        copy.code = code
        return copy
    }

    /// The system is short of something: nothing is wrong with the peer, and trying again may help.
    var isShortage: Bool {
        systemError == ENOMEM || systemError == ENOBUFS || systemError == ENOSPC || systemError == EMFILE || systemError == ENFILE
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

extension Optional {
    func orThrow(_ code: ErrorCode, _ text: @autoclosure () -> Text) throws(IPCError) -> Wrapped {
        guard let self else { throw IPCError(code, text()) }
        return self
    }
}

/// Runs `body`; where that finds no memory the code is this one.
func outOfMemory<Result: ~Copyable>(is code: ErrorCode, _ body: () throws(IPCError) -> Result) throws(IPCError) -> Result {
    do throws(IPCError) { return try body() } catch { throw error.systemError == ENOMEM ? error.with(code: code) : error }
}

/// Runs `body`; when that fails, `undo` too.
@discardableResult
func undoing<Undone, Result: ~Copyable>(
    _ undo: @autoclosure () -> Undone, _ body: @autoclosure () throws(IPCError) -> Result
) throws(IPCError) -> Result {
    do throws(IPCError) { return try body() } catch {
        _ = undo()
        throw error
    }
}
