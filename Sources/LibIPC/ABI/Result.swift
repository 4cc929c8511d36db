// Result.swift - the only place where an error becomes a `struct ipc_error`.
//
// Folder: ABI. Uses: Base, Wire, IO, Sharing, Stream, Loop, Direct, Naming.
//
// The caller owns the structure, which says "no error" before the work begins (exports.h, exports.c).

public typealias Ref<Pointee: ~Copyable> = UnsafeMutablePointer<Pointee>
public typealias Const<Pointee: ~Copyable> = UnsafePointer<Pointee>
public typealias Outcome = Ref<ipc_error>
public typealias CText = Const<CChar>

/// Runs `body`, and fills `result` in when it throws.
@inline(__always)
func answer(_ result: Outcome, _ body: () throws(IPCError) -> Void) {
    do throws(IPCError) { try body() } catch { fail(result, error) }
}

@inline(__always)
func answer(_ result: Outcome, _ body: @autoclosure () throws(IPCError) -> Void) {
    do throws(IPCError) { try body() } catch { fail(result, error) }
}

/// Runs `body` with the context, with its lock; makes the context if there is none.
@inline(__always)
func answer(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ body: (inout PublicContext) throws(IPCError) -> Void) {
    answer(result, try withContext(ctx, body))
}

@inline(never)
private func fail(_ result: Outcome, _ error: IPCError) { libipc_fail(result, error.code, error.text.baseAddress, error.text.count) }
