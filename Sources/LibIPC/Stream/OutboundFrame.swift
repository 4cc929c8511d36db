// OutboundFrame.swift - one frame that waits to be sent.
//
// It is one block of memory: the node (this structure), the encoded header, and right behind that a copy of the payload: so many frames
// fit into one sendmsg(2). A payload whose owner gives it away is not copied, and stays in a block of its own.

typealias FrameReference = UnsafeMutablePointer<OutboundFrame>

struct OutboundFrame: BitwiseCopyable {
    /// The next frame of the same outbox.
    var next: FrameReference?
    let header: FrameHeader
    /// Its number in the program's list of messages (ctx->tx); negative: it is not in the list, and the program gets no event for it.
    var listing = unlisted
    /// Lies behind the encoded header (`isInline`), or in a block of its own.
    let payload: UnsafeMutableRawPointer
    /// A copy of the program's descriptor, which goes with the first byte and is closed then; -1: none.
    var descriptor: Int32 = -1
    /// How many frames are packed behind this one, and the bytes that are left in the block for more (PackedFrames.swift).
    var packed: UInt16 = 0, room: UInt16 = 0

    static var unlisted: Int { -1 }

    /// Bytes in front of the encoded frame. They are as many as put the payload at a multiple of 16, as memory from malloc(3) is: AMD
    /// processors copy a large block up to 15 times slower when source and destination lie less than 16 bytes apart within their pages.
    static var nodeSize: Int { (MemoryLayout<OutboundFrame>.stride + FrameHeader.size + 15) / 16 * 16 - FrameHeader.size }
    var isListed: Bool { listing >= 0 }
    /// Number of frames in the block, and of their bytes on the wire.
    var frameCount: UInt32 { UInt32(packed) + 1 }
    var size: Int { packed == 0 ? header.frameSize : OutboundFrame.roomyCapacity - Int(room) }

    /// A frame with a copy of `payload` behind it, or with room for one.
    static func make(
        _ header: FrameHeader, copying payload: UnsafeRawPointer?, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        let frame = try make(header, inlineSize: header.frameSize, &pool)
        if let payload { memcpy(frame.inlinePayload, payload, header.payloadSize) }
        frame.initialize(to: OutboundFrame(header: header, payload: frame.inlinePayload))
        return frame
    }

    /// A frame that becomes the owner of a payload from malloc(3), which stays where it is.
    static func make(
        _ header: FrameHeader, adopting payload: UnsafeMutableRawPointer?, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        guard let payload else { return try make(header, copying: nil, &pool) }
        let frame = try make(header, inlineSize: FrameHeader.size, &pool)
        frame.initialize(to: OutboundFrame(header: header, payload: payload))
        return frame
    }

    /// - Parameter inlineSize: bytes of the block behind the node.
    static func make(
        _ header: FrameHeader, inlineSize: Int, _ pool: inout BufferPool
    ) throws(IPCError) -> FrameReference {
        let memory = try pool.takeBlock(OutboundFrame.nodeSize + inlineSize, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY)
        let frame = memory.bindMemory(to: OutboundFrame.self, capacity: 1)
        header.encode(into: frame.encoded)
        return frame
    }

    static func destroy(_ frame: FrameReference) {
        var none = BufferPool(size: 0)
        destroy(frame, &none)
    }

    /// Gives the memory to the pool, for later frames.
    @inline(__always)
    static func destroy(_ frame: FrameReference, _ pool: inout BufferPool) {
        if frame.pointee.descriptor >= 0 { frame.closeDescriptor() }
        if !frame.isInline { pool.returnPayload(frame.pointee.payload, frame.pointee.header.payloadSize) }
        pool.returnBlock(frame, OutboundFrame.nodeSize + frame.inlineCapacity)
    }
}

extension FrameReference {
    /// The descriptor was sent, or will never be.
    @inline(never)
    func closeDescriptor() {
        if pointee.descriptor >= 0 { close(pointee.descriptor) }
        pointee.descriptor = -1
    }

    var encoded: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self) + OutboundFrame.nodeSize }
    var inlinePayload: UnsafeMutableRawPointer { encoded + FrameHeader.size }
    var isInline: Bool { pointee.payload == inlinePayload }

    /// Bytes of the block behind the node that belong to the stream: the whole frame, with those that are packed behind it, or its header
    /// alone.
    private var inlineSize: Int { isInline ? pointee.size : FrameHeader.size }
    /// Bytes of the block behind the node.
    fileprivate var inlineCapacity: Int { isRoomy ? OutboundFrame.roomyCapacity : inlineSize }
    var isRoomy: Bool { pointee.room > 0 || pointee.packed > 0 }

    /// Calls `add` for each part in memory of the frame from byte `offset` on: one, or two if the payload has a block of its own.
    func parts(from offset: Int, _ add: (UnsafeMutableRawPointer, Int) -> Void) {
        let inlineSize = inlineSize
        if offset < inlineSize { add(encoded + offset, inlineSize - offset) }
        let start = Swift.max(offset - FrameHeader.size, 0)
        if !isInline, pointee.header.payloadSize > start { add(pointee.payload + start, pointee.header.payloadSize - start) }
    }
}
