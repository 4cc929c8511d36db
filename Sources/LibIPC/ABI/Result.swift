// Result.swift - how an error becomes a `struct ipc_error`: here, and nowhere else.
//
// The structure is the caller's memory (exports.h says why) and has 8 KiB: on success two stores, on failure the text with
// zeros behind it.

import CLibIPC

/// What the exports take: pointers that may be NULL.
public typealias Ref<Pointee: ~Copyable> = UnsafeMutablePointer<Pointee>?
public typealias Const<Pointee: ~Copyable> = UnsafePointer<Pointee>?
public typealias Outcome = Ref<ipc_error>
public typealias CText = Const<CChar>

private let messageOffset = 4

@inline(__always)
func answer(_ result: Outcome, _ body: () throws(IPCError) -> Void) {
    do throws(IPCError) {
        try body()
        guard let result else { return }
        let raw = UnsafeMutableRawPointer(result)
        raw.storeBytes(of: 0, as: UInt32.self)
        raw.storeBytes(of: 0, toByteOffset: messageOffset, as: UInt8.self)
    } catch { fail(result, error) }
}

@inline(__always)
func answer(_ result: Outcome, _ body: @autoclosure () throws(IPCError) -> Void) {
    answer(result) { () throws(IPCError) in try body() }
}

/// The same for a call about a context, which `missing` says is not there.
@inline(__always)
func answer(_ result: Outcome, _ ctx: Ref<ipc_ctx>, missing: ErrorCode, _ body: (inout PublicContext) throws(IPCError) -> Void) {
    answer(result, try withContext(try require(ctx, missing, "no context"), body))
}

/// The same for a call that puts a value into a place, which `missing` says is not there.
@inline(__always)
func answer<Value>(_ result: Outcome, _ place: Ref<Value>, missing: ErrorCode, _ value: @autoclosure () throws(IPCError) -> Value) {
    answer(result) { () throws(IPCError) in try require(place, missing, "no place for the result").pointee = value() }
}

/// Also for the one case of a reason without a code: a peer that an event tells of.
@inline(never)
private func fail(_ result: Outcome, _ error: IPCError) {
    Trace.note(error)
    guard let result else { return }
    let raw = UnsafeMutableRawPointer(result)
    memset(raw, 0, MemoryLayout<ipc_error>.size)
    raw.storeBytes(of: error.code.rawValue, as: UInt32.self)
    error.text.withBytes { bytes, count in _ = bytes.map { memcpy(raw + messageOffset, $0, count) } }
}

/// An argument that must not be NULL.
@inline(__always)
func require<Pointee: ~Copyable>(_ pointer: Ref<Pointee>, _ code: ErrorCode, _ text: StaticString) throws(IPCError) -> UnsafeMutablePointer<
    Pointee
> {
    guard let pointer else { throw IPCError(code, "\(text)") }
    return pointer
}

@inline(__always)
func require<Pointee: ~Copyable>(_ pointer: Const<Pointee>, _ code: ErrorCode, _ text: StaticString) throws(IPCError) -> UnsafePointer<
    Pointee
> {
    guard let pointer else { throw IPCError(code, "\(text)") }
    return pointer
}
