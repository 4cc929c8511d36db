// QueueLimit.swift - how much may wait for one receiver: the limit counts the memory that messages take, not their bytes alone.
// Otherwise 64 MiB of empty messages, which have 6 bytes each, would be 1.7 GB.

extension Outbox {
    /// Bytes of memory that a frame takes beside its own: its node, what malloc(3) adds and rounds up, its places in the lists of the
    /// context. Measured with empty messages (about 170), rounded up.
    private static var overhead: Int { 200 }
    /// Bytes of memory that are not counted: a page. So a limit may also be a few bytes.
    private static var freeMemory: Int { 4096 }

    /// Whether one frame more keeps to the limit, in bytes of frames and in bytes of memory.
    @inline(__always)
    mutating func hasRoom(for header: FrameHeader, _ limit: Int) -> Bool {
        let bytes = pendingBytes &+ header.frameSize
        let memory = bytes &+ (pendingFrames &+ 1) &* Outbox.overhead
        return bytes <= limit && memory <= max(limit, Outbox.freeMemory)
    }
}
