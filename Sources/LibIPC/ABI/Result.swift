// Result.swift - how an error becomes a `struct ipc_error`: here, and nowhere else.
//
// The structure is the caller's memory, and says "no error" when the work begins (exports.h, exports.c).

public typealias Ref<Pointee: ~Copyable> = UnsafeMutablePointer<Pointee>
public typealias Const<Pointee: ~Copyable> = UnsafePointer<Pointee>
public typealias Outcome = Ref<ipc_error>
public typealias CText = Const<CChar>

@inline(__always)
func answer(_ result: Outcome, _ body: () throws(IPCError) -> Void) {
    do throws(IPCError) { try body() } catch { fail(result, error) }
}

@inline(__always)
func answer(_ result: Outcome, _ body: @autoclosure () throws(IPCError) -> Void) {
    do throws(IPCError) { try body() } catch { fail(result, error) }
}

/// The same for a call about a context.
@inline(__always)
func answer(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ body: (inout PublicContext) throws(IPCError) -> Void) {
    answer(result, try withContext(ctx, body))
}

/// Also for the one case of a reason without a code: a peer that an event tells of.
@inline(never)
private func fail(_ result: Outcome, _ error: IPCError) { libipc_fail(result, error.code, error.text.baseAddress, error.text.count) }
