// PackedFrames.swift - several small frames in one block of memory: one part for sendmsg(2), and one piece of bookkeeping.
//
// Only frames that the program is not told of are packed (ipc_ctx_quiet), because nothing must be known of each. A program that sends one
// message at a time never gets here: a block with room is made for the second small frame that waits.

extension OutboundFrame {
    /// Bytes of frames in a block with room: with the node they are a medium block of the pool.
    static var roomyCapacity: Int { BufferPool.mediumSize - 48 }
    /// Bytes of the largest frame that begins such a block: so at least three fit.
    static var largestFirst: Int { 1100 }

    /// A block with the frame, and with room for more.
    @inline(never)
    static func makeRoomy(
        _ header: FrameHeader, copying payload: UnsafeRawPointer?, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        let frame = try make(header, inlineSize: roomyCapacity, &pool)
        if let payload { memcpy(frame.inlinePayload, payload, header.payloadSize) }
        frame.initialize(to: OutboundFrame(header: header, payload: frame.inlinePayload))
        frame.pointee.room = UInt16(clamping: roomyCapacity - header.frameSize)
        return frame
    }
}

extension FrameReference {
    /// Packs one more frame into the block.
    /// - Returns: false: there is no room for it.
    @inline(__always)
    func pack(_ header: FrameHeader, _ payload: UnsafeRawPointer?) -> Bool {
        let size = header.frameSize
        guard size <= Int(pointee.room) else { return false }
        let place = encoded + (OutboundFrame.roomyCapacity - Int(pointee.room))
        header.encode(into: place)
        if let payload { memcpy(place + FrameHeader.size, payload, header.payloadSize) }
        pointee.room -= UInt16(truncatingIfNeeded: size)
        pointee.packed += 1
        return true
    }

    /// What is known of this many bytes at the front of the block, at least one: how many frames are in them as a whole, and where the
    /// frame of the last of these bytes ends.
    func frame(at offset: Int) -> (number: UInt32, end: Int) {
        if pointee.packed == 0 { return (0, pointee.header.frameSize) }
        var (number, end) = (UInt32(0), 0)
        while end < offset {
            end += FrameHeader(decoding: encoded + end).frameSize
            number += 1
        }
        return (end == offset ? number : number - 1, end)
    }

    /// Drops the frames behind the one in which the last of these bytes lies.
    func truncate(behind offset: Int) {
        let (number, end) = frame(at: offset)
        pointee.packed = UInt16(truncatingIfNeeded: number)
        pointee.room = UInt16(clamping: OutboundFrame.roomyCapacity - end)
    }
}
