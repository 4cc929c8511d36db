// Inbox+ReadAhead.swift - small messages that were read ahead as a whole: they go to the program without a stop in the inbox.

extension Inbox {
    /// Takes out a small message that was read ahead as a whole; nil: there is none, or no memory.
    mutating func takeReadAhead(_ pool: inout BufferPool) -> Message? {
        guard hasReadAhead, let bytes = readAhead.readable.baseAddress,
            let announced = Inbox.small(bytes, readAhead.count, pool), let payload = malloc(announced.payloadSize + 1)
        else { return nil }
        memcpy(payload, bytes + FrameHeader.size, announced.payloadSize)
        readAhead.removeFirst(announced.frameSize)
        consume(announced.frameSize)
        return makeMessage(announced, payload)
    }

    /// The header of a small message that these bytes begin with as a whole.
    @inline(__always)
    private static func small(_ bytes: UnsafeRawPointer, _ count: Int, _ pool: borrowing BufferPool) -> FrameHeader? {
        guard count >= FrameHeader.size else { return nil }
        let header = FrameHeader(decoding: bytes)
        let isSmall = header.length < UInt32(BufferPool.largeSize) && header.length <= pool.maximumPayload
        return isSmall && count >= header.frameSize ? header : nil
    }

    /// Takes out several small messages that were read ahead; none where descriptors may come with them.
    /// - Parameters:
    ///   - room: how many at most.
    ///   - place: becomes the owner of the payload of the message with this number; false: there is no place for it.
    /// - Returns: how many were taken.
    @inline(__always)
    mutating func takeRun(
        _ room: Int, _ pool: inout BufferPool, _ place: (Int, FrameHeader, UnsafeMutableRawPointer, inout BufferPool) -> Bool
    ) -> Int {
        guard hasReadAhead, !acceptsDescriptors, passed == nil, var bytes = readAhead.readable.baseAddress else { return 0 }
        var (count, left) = (0, readAhead.count)
        while count < room, let header = Inbox.small(bytes, left, pool), let payload = pool.takeSmallPayload(header.payloadSize) {
            memcpy(payload, bytes + FrameHeader.size, header.payloadSize)
            payload.storeBytes(of: 0, toByteOffset: header.payloadSize, as: UInt8.self)
            guard place(count, header, payload, &pool) else {
                pool.returnBatchPayload(payload, header.payloadSize)
                break
            }
            lastLength = header.length
            (bytes, left, count) = (bytes + header.frameSize, left &- header.frameSize, count &+ 1)
        }
        consumed += UInt64(readAhead.count - left)
        readAhead.removeFirst(readAhead.count - left)
        return count
    }
}
