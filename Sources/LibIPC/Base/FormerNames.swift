// FormerNames.swift - former names of functions, until their callers have moved to the new ones (the script of renames deletes this file).

extension BufferPool {
    @inline(__always)
    mutating func block(_ size: Int, _ code: ErrorCode) throws(IPCError) -> UnsafeMutableRawPointer { try takeBlock(size, code) }
    @inline(__always)
    mutating func payload(_ size: Int, _ code: ErrorCode) throws(IPCError) -> Block { try takePayload(size, code) }
    @inline(__always) mutating func spare(_ size: Int) -> Block? { takeLargeBlock(size) }
    @inline(__always) mutating func giveBack(_ block: UnsafeMutableRawPointer, _ size: Int) { returnBlock(block, size) }
    @inline(__always) mutating func recycle(_ payload: UnsafeMutableRawPointer?, _ size: Int) { returnPayload(payload, size) }
    @inline(__always) mutating func space() throws(IPCError) -> UnsafeMutableRawBufferPointer { try receiveBuffer() }
    @inline(__always)
    mutating func space(behind earlier: UnsafeRawBufferPointer) throws(IPCError) -> UnsafeMutableRawBufferPointer {
        try receiveBuffer(after: earlier)
    }
    @inline(__always) mutating func keep(_ part: UnsafeRawBufferPointer, of block: Block? = nil) -> Bytes { detach(part, of: block) }
}

extension Bytes {
    @inline(__always) mutating func drop(_ count: Int) { removeFirst(count) }
}

extension UnsafeRawBufferPointer {
    @inline(__always) func behind(_ count: Int) -> UnsafeRawBufferPointer { rest(after: count) }
}
