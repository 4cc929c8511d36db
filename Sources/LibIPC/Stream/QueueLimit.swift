// QueueLimit.swift - the limit of one receiver's queue. It counts the memory that messages take, not only their bytes. Otherwise 64
// MiB of empty messages, which have 6 bytes each, would be 1.7 GB.

extension Outbox {
    /// Bytes of memory that a frame takes beside its own: its node, what malloc(3) adds and rounds up, its places in the lists of the
    /// context. Measured with empty messages (about 170), rounded up.
    private static var overhead: Int { 200 }
    /// The first page of memory (in bytes) is not counted, so that a limit of a few bytes is possible.
    private static var freeMemory: Int { 4096 }

    /// Whether one more frame fits into the limit, in bytes of frames and in bytes of memory.
    @inline(__always)
    mutating func hasRoom(for header: FrameHeader, _ limit: Int, frames: UInt32 = .max) -> Bool {
        let bytes = pendingBytes &+ header.frameSize
        let memory = bytes &+ (Int(pendingFrames) &+ 1) &* Outbox.overhead
        return bytes <= limit && pendingFrames < frames && memory <= max(limit, Outbox.freeMemory)
    }
}
