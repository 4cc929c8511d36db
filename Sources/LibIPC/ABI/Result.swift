// Result.swift - how an error becomes a `struct ipc_error`: here, and nowhere else.
//
// The structure is the caller's memory (exports.h says why) and has 8 KiB: on success two stores, on failure the text with
// zeros behind it.

import CLibIPC

/// What the exports take: pointers that may be NULL.
public typealias Ref<Pointee: ~Copyable> = UnsafeMutablePointer<Pointee>?
public typealias Const<Pointee: ~Copyable> = UnsafePointer<Pointee>?

private let messageOffset = 4

@inline(__always)
func answer(_ result: Ref<ipc_error>, _ body: () throws(IPCError) -> Void) {
    do throws(IPCError) {
        try body()
        guard let result else { return }
        let raw = UnsafeMutableRawPointer(result)
        raw.storeBytes(of: 0, as: UInt32.self)
        raw.storeBytes(of: 0, toByteOffset: messageOffset, as: UInt8.self)
    } catch {
        fail(result, error)
    }
}

/// Also for the one case of a reason without a code: a peer that an event tells of.
@inline(never)
private func fail(_ result: Ref<ipc_error>, _ error: IPCError) {
    Trace.note(error)
    guard let result else { return }
    let raw = UnsafeMutableRawPointer(result)
    memset(raw, 0, MemoryLayout<ipc_error>.size)
    raw.storeBytes(of: error.code.rawValue, as: UInt32.self)
    var text = TextWriter(UnsafeMutableRawBufferPointer(start: raw + messageOffset, count: MemoryLayout<ipc_error>.size - messageOffset))
    text.write(error)
}

/// An argument that must not be NULL.
func require<Pointee: ~Copyable>(_ pointer: Ref<Pointee>, _ code: ErrorCode, _ what: StaticString) throws(IPCError) -> UnsafeMutablePointer<Pointee> {
    guard let pointer else { throw IPCError(code, what) }
    return pointer
}

func require<Pointee: ~Copyable>(_ pointer: Const<Pointee>, _ code: ErrorCode, _ what: StaticString) throws(IPCError) -> UnsafePointer<Pointee> {
    guard let pointer else { throw IPCError(code, what) }
    return pointer
}
