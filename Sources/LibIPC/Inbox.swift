// Inbox.swift - what was received from one descriptor and has not been handed on.
//
// Reading much and delivering one: a receive takes what is there into a buffer that all connections of a context share
// (Scratch), and only what is left when a message has been taken out moves into memory of the connection's own. A payload of
// which a part has come is received in place from then on, into memory that doubles with what has been received: what a
// peer announces costs nothing.
//
// Descriptors that come along (SCM_RIGHTS, unix(7)) belong to the last byte of the read that brought them. They wait here,
// in order, until that byte is asked for with its descriptor, or are closed when it passes as part of a frame.

import CLibIPC

struct Inbox: ~Copyable {
    private static let maximumPassed = 8
    /// Of a descriptor: the first byte behind the frame in the making.
    private static let behindFrame = UInt64.max

    private struct Passed: BitwiseCopyable {
        let descriptor: Int32
        /// Which byte of the stream brought it.
        var position: UInt64
    }

    /// The frame in the making: its header once that is whole, and its payload, malloc'ed with a byte to spare.
    private(set) var header: FrameHeader?
    private(set) var payload: UnsafeMutableRawPointer?
    private var filled = 0
    private var capacity = 0
    /// Bytes behind that frame: none while a payload is incomplete.
    private var backlog = Bytes()
    /// How many bytes were taken out of this stream.
    private var consumed: UInt64 = 0
    private var passed = HeapArray<Passed>()

    init() {}

    deinit {
        free(payload)
        for index in 0..<passed.count { close(passed[index].descriptor) }
    }

    var isEmpty: Bool { header == nil && backlog.count == 0 && passed.count == 0 }
    /// `settle` may find a whole message.
    var mayHoldMessage: Bool { isWhole || backlog.count >= (header == nil ? FrameHeader.size : 1) }
    var isWhole: Bool { payload != nil && filled == header?.payloadSize }

    /// Puts what is here into the frame in the making. True: that is whole, for `take`.
    mutating func settle(_ scratch: inout Scratch) throws(IPCError) -> Bool {
        guard !isWhole, backlog.count > 0 else { return isWhole }
        var source = backlog.readable
        let count = source.count
        defer { backlog.drop(count - source.count) }
        try absorb(&source, &scratch)
        return isWhole
    }

    mutating func take() -> Message? {
        guard isWhole, let header, let payload else { return nil }
        // A NUL behind the payload, for programs that print it as text.
        payload.storeBytes(of: 0, toByteOffset: filled, as: UInt8.self)
        (self.header, self.payload, filled, capacity) = (nil, nil, 0, 0)
        for index in 0..<passed.count where passed[index].position == Inbox.behindFrame { passed[index].position = consumed }
        return Message(header, adopting: payload)
    }

    /// Moves bytes of `source` into the frame in the making. On failure nothing is lost: what was not used stays.
    private mutating func absorb(_ source: inout UnsafeRawBufferPointer, _ scratch: inout Scratch) throws(IPCError) {
        if header == nil {
            guard source.count >= FrameHeader.size, let bytes = source.baseAddress else { return }
            let announced = FrameHeader(decoding: bytes)
            try check(!announced.isTooLong, IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the peer announced \(announced.payloadSize) bytes")
            advance(&source, FrameHeader.size)
            header = announced
        }
        guard let header else { return }
        let taken = min(header.payloadSize - filled, source.count)
        try grow(to: filled + taken, of: header.payloadSize, &scratch)
        guard taken > 0, let payload, let bytes = source.baseAddress else { return }
        memcpy(payload + filled, bytes, taken)
        filled += taken
        advance(&source, taken)
    }

    private mutating func advance(_ source: inout UnsafeRawBufferPointer, _ count: Int) {
        source = UnsafeRawBufferPointer(rebasing: source.dropFirst(count))
        pass(count)
    }

    /// Makes room for `wanted` bytes of a payload of `size`.
    private mutating func grow(to wanted: Int, of size: Int, _ scratch: inout Scratch) throws(IPCError) {
        guard payload == nil || wanted > capacity else { return }
        let code = IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY
        let needed = wanted == size ? size : min(size, max(wanted * 2, 4096))
        let grown = if let payload { try allocate(needed + 1, growing: payload, code) } else { try scratch.block(needed + 1, code) }
        payload = grown
        // A block that was kept may have room for more.
        capacity = min(malloc_usable_size(grown) - 1, size)
    }

    // MARK: Receiving

    /// How far a receive may go.
    enum Extent { case all, frame, byte }
    enum Arrival { case bytes, nothing, end }

    /// One receive. `settle` has come back false.
    mutating func receive(
        from descriptor: Descriptor, into scratch: inout Scratch, waiting: Bool = false, _ extent: Extent = .all
    ) throws(IPCError) -> Arrival {
        if let header, filled == capacity { try grow(to: filled + 1, of: header.payloadSize, &scratch) }
        let space = try scratch.space(behind: backlog.readable)
        let room = UnsafeMutableRawBufferPointer(start: payload.map { $0 + filled }, count: capacity - filled)
        let missing = header.map { $0.payloadSize - filled } ?? FrameHeader.size - backlog.count
        let rest = extent == .all ? space.count : extent == .byte ? 1 : min(missing - room.count, space.count)
        let behind = UnsafeMutableRawBufferPointer(rebasing: space.prefix(rest))
        var arrived = libipc_passed()
        guard let count = try descriptor.receive(room, behind, waiting: waiting, &arrived) else { return .nothing }
        if count == 0 { return .end }
        keep(&arrived, position: extent == .frame ? Inbox.behindFrame : consumed + UInt64(backlog.count + count) - 1)
        let inPlace = min(count, room.count)
        filled += inPlace
        pass(inPlace)
        let earlier = backlog.count
        var source = UnsafeRawBufferPointer(start: space.baseAddress.map { $0 - earlier }, count: earlier + count - inPlace)
        defer { backlog = scratch.keep(source) }
        try absorb(&source, &scratch)
        return .bytes
    }

    // MARK: Descriptors that came along

    private mutating func keep(_ arrived: inout libipc_passed, position: UInt64) {
        let count = Int(arrived.count)
        withUnsafeBytes(of: &arrived.descriptors) { bytes in
            for descriptor in bytes.bindMemory(to: Int32.self).prefix(count) {
                let kept: ()? =
                    passed.count == Inbox.maximumPassed ? nil : try? passed.append(Passed(descriptor: descriptor, position: position))
                if kept == nil { close(descriptor) }
            }
        }
    }

    /// So many bytes of the stream are somebody's now. Descriptors that came with them, unasked for, are closed.
    private mutating func pass(_ count: Int) {
        consumed += UInt64(count)
        while passed.count > 0, passed[0].position < consumed { close(removeFirstPassed()) }
    }

    private mutating func removeFirstPassed() -> Int32 {
        let descriptor = passed[0].descriptor
        // The order must stay, so the first leaves from the end.
        for index in 1..<passed.count { passed[index - 1] = passed[index] }
        passed.swapRemove(at: passed.count - 1)
        return descriptor
    }

    /// What one byte of the stream brought.
    enum PassedByte { case notHere, alone, withDescriptor(Int32) }

    /// Takes one byte out of the stream, and the descriptor that came with it.
    mutating func takePassedByte() -> PassedByte {
        guard header == nil else { return .alone }
        guard backlog.count > 0 else { return .notHere }
        backlog.drop(1)
        let descriptor = passed.count > 0 && passed[0].position == consumed ? removeFirstPassed() : -1
        pass(1)
        return descriptor >= 0 ? .withDescriptor(descriptor) : .alone
    }
}
