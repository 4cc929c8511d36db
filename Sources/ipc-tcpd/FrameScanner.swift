// FrameScanner.swift - follows the frames in a stream of bytes without keeping them: where a header lies about its length the stream
// ends, and what is whole counts as a message.

import CDaemon

struct FrameScanner {
    /// Bytes of the header that have come, and its length as far as that is known.
    private var headerBytes = 0
    private var length = 0
    /// Bytes of the payload that are to come.
    private var remaining = 0

    /// - Returns: how many of the bytes may go on, how many frames end among them, and whether what follows is no frame.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> (valid: Int, frames: Int, isBroken: Bool) {
        var (index, frames) = (0, 0)
        while index < bytes.count {
            if remaining > 0 {
                let part = min(remaining, bytes.count - index)
                index += part
                remaining -= part
                if remaining == 0 { frames += 1 }
                continue
            }
            // Type, four bytes of length (big-endian), user type.
            if (1...4).contains(headerBytes) { length = length << 8 | Int(bytes[index]) }
            headerBytes += 1
            index += 1
            guard headerBytes == FrameHeader.size else { continue }
            guard length <= Int(IPC_MAX_MESSAGE_SIZE) else { return (max(index - FrameHeader.size, 0), frames, true) }
            (remaining, length, headerBytes) = (length, 0, 0)
            if remaining == 0 { frames += 1 }
        }
        return (index, frames, false)
    }
}
