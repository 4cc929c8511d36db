// IPCError.swift - an error: the contract's code, and a text that names the operation, the object and the system's reason.
//
// The engine throws it with typed throws, and ABI/Result.swift turns it into a `struct ipc_error`. The value is small, and needs no
// allocation, because memory may have run out: the text is in memory of the thread (Text.swift), and the value has its number. When the
// thread makes another text before this one is read, the error has the text of its code instead (`ipc_errors_get`).

typealias ErrorCode = ipc_error_code

struct IPCError: Error {
    var code: ErrorCode
    /// The system's error number, or 0.
    let systemError: Int32
    /// Number of the text.
    private let sequence: UInt32

    /// Neither this function nor the making of the text is inlined: so the path without an error has little code.
    @inline(never) init(_ code: ErrorCode, _ text: @autoclosure () -> Text, systemError: Int32 = 0) {
        self.init(code, saying: text(), systemError)
    }

    @inline(never) private init(_ code: ErrorCode, saying text: Text, _ systemError: Int32) {
        (self.code, self.systemError, sequence) = (code, systemError, text.sequence)
        if systemError != 0 { text.appendInterpolation(reason: systemError) }
    }

    /// Valid until the thread makes the next text.
    var text: UnsafeRawBufferPointer {
        if let text = Text.bytes(sequence) { return text }
        let text = ipc_errors_get(code)
        return UnsafeRawBufferPointer(start: text, count: text.map { strlen($0) } ?? 0)
    }

    /// For a system call that has just failed. Reads errno.
    @inline(never) static func system(_ code: ErrorCode, _ text: @autoclosure () -> Text) -> IPCError {
        let number = libipc_errno()
        return IPCError(code, text(), systemError: number)
    }

    /// The same error with another code.
    @inline(never) func with(code: ErrorCode) -> IPCError {
        var copy = self
        copy.code = code
        return copy
    }

    @inline(never) static var calledInHandler: IPCError {
        IPCError(IPC_ERROR_CONTEXT__CALLED_IN_HANDLER, "a signal handler has interrupted another call of its thread")
    }

    /// The call has failed only for now: a later one may send the rest of a frame.
    var isTemporary: Bool { isShortage || systemError == EAGAIN || systemError == EINTR || systemError == EDEADLK }

    /// The system is short of memory, disk space or descriptors. The peer is all right, and a retry may succeed.
    var isShortage: Bool {
        systemError == ENOMEM || systemError == ENOBUFS || systemError == ENOSPC || systemError == EMFILE || systemError == ENFILE
            || systemError == ETOOMANYREFS
    }
}

/// Throws unless `holds`.
func check(_ holds: Bool, _ code: ErrorCode, _ text: @autoclosure () -> Text) throws(IPCError) {
    if !holds { throw IPCError(code, text()) }
}

/// Returns the result of a system call, or throws when it has failed.
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

/// Runs `body`, and replaces the code of an error that it throws.
func failing<Result: ~Copyable>(with code: ErrorCode, _ body: @autoclosure () throws(IPCError) -> Result) throws(IPCError) -> Result {
    do throws(IPCError) { return try body() } catch { throw error.with(code: code) }
}

/// Runs `body`; when it fails, runs `undo` too.
@discardableResult
func undoing<Undone, Result: ~Copyable>(
    _ undo: @autoclosure () -> Undone, _ body: @autoclosure () throws(IPCError) -> Result
) throws(IPCError) -> Result {
    do throws(IPCError) { return try body() } catch {
        _ = undo()
        throw error
    }
}
