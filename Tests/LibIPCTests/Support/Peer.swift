// Peer.swift - the other side of a conversation, for calls that wait: a thread of its own, so that no test waits for a place
// among those that Swift shares out.

import CLibIPC
import Testing

private final class Job<Result: Sendable>: @unchecked Sendable {
    var result: Swift.Result<Result, any Error>?
}

private final class Work: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` while `peer` runs in a thread of its own; returns what `peer` found, once both are done. When `body` is, `stop` sees to
/// it that `peer` does not wait for ever.
func withPeer<Result: Sendable>(
    doing peer: @escaping @Sendable () throws -> Result, stop: () -> Void, _ body: () throws -> Void
) throws -> Result {
    let job = Job<Result>()
    let work = Work { job.result = Swift.Result { try peer() } }
    var thread = pthread_t()
    let failure = pthread_create(
        &thread, nil,
        { work in
            if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().run() }
            return nil
        }, Unmanaged.passRetained(work).toOpaque())
    try #require(failure == 0)
    let outcome = Swift.Result { try body() }
    stop()
    pthread_join(thread, nil)
    try outcome.get()
    return try #require(job.result).get()
}

/// The same for two that talk over a wire, which is cut.
func withPeer<Result: Sendable>(
    over wire: Wire, doing peer: @escaping @Sendable () throws -> Result, _ body: () throws -> Void
) throws -> Result {
    try withPeer(doing: peer, stop: wire.cut, body)
}

/// Answers when it has read `count` bytes, and returns those.
func reply(_ text: String, after count: Int, over number: Int32) throws -> [UInt8] {
    let bytes = End.read(count, from: number)
    try End.write(Frame(text).bytes, to: number)
    return bytes
}
