// OutboundFrame.swift - one frame that waits to be sent.
//
// It is one block of memory: its node, its header, and right behind that a copy of the payload, so that many frames go in one
// sendmsg(2). A payload that somebody gives away is not copied.

typealias FrameReference = UnsafeMutablePointer<OutboundFrame>

struct OutboundFrame: BitwiseCopyable {
    var next: FrameReference?
    let header: FrameHeader
    /// Its number in the program's list of messages; negative: the program is not told about this frame.
    var listing = unlisted
    /// Behind the header, or a block of its own.
    let payload: UnsafeMutableRawPointer

    static var unlisted: Int { -1 }

    /// Bytes in front of the encoded frame. The payload behind its header lies at a multiple of 16, as memory from malloc(3) does: AMD
    /// processors copy a large block up to 15 times slower when the places of source and destination within their pages differ by less.
    static var nodeSize: Int { (MemoryLayout<OutboundFrame>.stride + FrameHeader.size + 15) / 16 * 16 - FrameHeader.size }
    var isListed: Bool { listing >= 0 }

    /// A frame with a copy of `payload` behind it, or with room for one.
    static func make(
        _ header: FrameHeader, copying payload: UnsafeRawPointer?, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        let frame = try make(header, together: header.frameSize, &pool)
        if let payload { memcpy(frame.inlinePayload, payload, header.payloadSize) }
        frame.initialize(to: OutboundFrame(header: header, payload: frame.inlinePayload))
        return frame
    }

    /// A frame whose payload stays where it is: malloc'ed, and the frame's own.
    static func make(
        _ header: FrameHeader, adopting payload: UnsafeMutableRawPointer?, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        guard let payload else { return try make(header, copying: nil, &pool) }
        let frame = try make(header, together: FrameHeader.size, &pool)
        frame.initialize(to: OutboundFrame(header: header, payload: payload))
        return frame
    }

    private static func make(
        _ header: FrameHeader, together: Int, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        let memory = try pool.takeBlock(OutboundFrame.nodeSize + together, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY)
        let frame = memory.bindMemory(to: OutboundFrame.self, capacity: 1)
        header.encode(into: frame.encoded)
        return frame
    }

    static func destroy(_ frame: FrameReference) {
        var none = BufferPool(size: 0)
        destroy(frame, &none)
    }

    /// The memory serves frames to come.
    @inline(__always)
    static func destroy(_ frame: FrameReference, _ pool: inout BufferPool) {
        if !frame.isInline { pool.returnPayload(frame.pointee.payload, frame.pointee.header.payloadSize) }
        pool.returnBlock(frame, OutboundFrame.nodeSize + frame.together)
    }
}

extension FrameReference {
    var encoded: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self) + OutboundFrame.nodeSize }
    var inlinePayload: UnsafeMutableRawPointer { encoded + FrameHeader.size }
    var isInline: Bool { pointee.payload == inlinePayload }

    /// Bytes that lie behind the node: the whole frame, or its header.
    fileprivate var together: Int { isInline ? pointee.header.frameSize : FrameHeader.size }

    /// The parts of the frame from byte `offset` on: one, or two where the payload lies elsewhere.
    func parts(from offset: Int, _ add: (UnsafeMutableRawPointer, Int) -> Void) {
        let together = together
        if offset < together { add(encoded + offset, together - offset) }
        let start = Swift.max(offset - FrameHeader.size, 0)
        if together < pointee.header.frameSize { add(pointee.payload + start, pointee.header.payloadSize - start) }
    }
}
