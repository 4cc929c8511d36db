// Codes.swift - the only place where an error becomes the result of a function that returns a code (since 1.2).

/// Runs `body`, and returns the code of the error that it throws, whose text is for ipc_last_error; or IPC_ERROR_NONE.
@inline(__always)
func code(_ body: () throws(IPCError) -> Void) -> ipc_error_code {
    do throws(IPCError) { try body() } catch { return note(error) }
    return IPC_ERROR_NONE
}

/// Runs `body` with the context, with its lock; makes the context if there is none.
@inline(__always)
func code(_ ctx: Ref<ipc_ctx>?, _ body: (inout PublicContext) throws(IPCError) -> Void) -> ipc_error_code {
    code { () throws(IPCError) in try withContext(try required(ctx), body) }
}

/// Keeps the text of an error for ipc_last_error, and returns the code.
@inline(never)
func note(_ error: IPCError) -> ipc_error_code {
    libipc_note_error(error.text.baseAddress, error.text.count)
    libipc_trace_error(error.code, error.text.baseAddress, error.text.count)
    return error.code
}

/// An argument that must not be NULL.
@inline(__always)
func required<Value>(_ argument: Ref<Value>?) throws(IPCError) -> Ref<Value> {
    if let argument { return argument }
    throw missing
}

@inline(never)
private var missing: IPCError { IPCError(IPC_ERROR_CTX_ENTRY__NO_PARAM, "an argument is NULL") }

func noteMissing() -> ipc_error_code { note(missing) }
