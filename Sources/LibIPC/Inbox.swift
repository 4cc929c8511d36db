// Inbox.swift - what was received from one descriptor and has not been handed on.
//
// Reading much and delivering one: a receive takes what is there into a buffer that all connections of a
// context share (Scratch), and only what is left when a message has been delivered moves into memory of the
// connection's own. A payload of which a part has come is received in place from then on, into memory that
// doubles with what has been received: what a peer announces costs nothing.
//
// Descriptors that come along (SCM_RIGHTS, unix(7)) belong to the last byte of the read that brought them; they wait
// here, in order, until that byte is asked for with a descriptor (takeDescriptor) or passes as part of a frame.

import CLibIPC

struct Inbox: ~Copyable {
    private static let maximumPassed = 8

    private struct Passed {
        var descriptor: Int32
        /// Which byte of the stream brought it.
        var position: UInt64
    }

    /// The header of the frame in the making, once it is whole; and its payload, malloc'ed with a byte to spare.
    private var header: FrameHeader?
    private var payload: UnsafeMutableRawPointer?
    private var payloadCount = 0
    private var payloadCapacity = 0
    /// Bytes behind the frame in the making: empty while a payload is incomplete.
    private var backlog = Bytes()
    /// How many bytes were taken out of this stream, for the positions of descriptors.
    private var consumed: UInt64 = 0
    private var passed = HeapArray<Passed>()

    init() {}

    deinit {
        free(payload)
        for index in 0..<passed.count { close(passed[index].descriptor) }
    }

    /// Nothing is held: neither bytes nor descriptors.
    var isEmpty: Bool { header == nil && backlog.count == 0 && passed.count == 0 }

    /// `next` is worth a call.
    var mayHoldMessage: Bool {
        guard let header else { return backlog.count >= FrameHeader.size }
        return backlog.count > 0 || (payload != nil && payloadCount == header.length)
    }

    /// How many bytes the header, or behind it the payload, still needs.
    private var bytesMissing: Int {
        guard let header else { return FrameHeader.size - backlog.count }
        return Int(header.length) - payloadCount
    }

    /// Takes a message back that could not be handed on: it comes next again.
    mutating func putBack(_ message: consuming Message) {
        header = message.header
        payloadCount = Int(message.header.length)
        payloadCapacity = payloadCount
        payload = message.payload.release()
    }

    /// The next whole message among the bytes that are here.
    mutating func next() throws(IPCError) -> Message? {
        var source = backlog.readable
        defer { backlog.drop(backlog.count - source.count) }
        return try assemble(&source)
    }

    /// Adds bytes of `source` to the frame in the making, and takes it out when it is whole.
    /// On failure nothing is lost: what was not used stays in `source`.
    private mutating func assemble(_ source: inout UnsafeRawBufferPointer) throws(IPCError) -> Message? {
        if header == nil {
            guard source.count >= FrameHeader.size, let bytes = source.baseAddress else { return nil }
            let announced = FrameHeader(decoding: bytes)
            if announced.isTooLong {
                throw IPCError(
                    IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the peer announced a payload of",
                    .number(Int(announced.length)))
            }
            advance(&source, FrameHeader.size)
            header = announced
        }
        guard let header else { return nil }
        let length = Int(header.length)
        let taken = min(length - payloadCount, source.count)
        try growPayload(to: payloadCount + taken, of: length)
        guard let payload else { return nil }
        if taken > 0, let bytes = source.baseAddress {
            memcpy(payload + payloadCount, bytes, taken)
            payloadCount += taken
            advance(&source, taken)
        }
        guard payloadCount == length else { return nil }
        // A NUL behind the payload, for programs that print it as text.
        payload.storeBytes(of: 0, toByteOffset: length, as: UInt8.self)
        self.payload = nil
        self.header = nil
        (payloadCount, payloadCapacity) = (0, 0)
        return Message(header: header, payload: Payload(adopting: payload))
    }

    /// Makes room for `wanted` bytes of a payload of `length`.
    private mutating func growPayload(to wanted: Int, of length: Int) throws(IPCError) {
        guard payload == nil || wanted > payloadCapacity else { return }
        let capacity = wanted == length ? length : min(length, max(wanted * 2, 4096))
        guard let grown = realloc(payload, capacity + 1) else {
            throw IPCError(IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY, "no memory for a message of", .number(length))
        }
        payload = grown
        payloadCapacity = capacity
    }

    private mutating func advance(_ source: inout UnsafeRawBufferPointer, _ count: Int) {
        source = UnsafeRawBufferPointer(rebasing: source.dropFirst(count))
        consumed += UInt64(count)
        closePassed()
    }

    // MARK: Receiving

    enum Arrival {
        /// Bytes came. `drained`: there were no more at that moment.
        case bytes(drained: Bool)
        case nothing
        case end
    }

    /// One receive. `next` must have come back empty; `finish` takes the message out behind it.
    /// - Parameters:
    ///   - exact: take no byte behind the header, or behind the payload, in the making.
    ///   - limit: take no more than so many bytes into `scratch`.
    mutating func receive(
        from descriptor: Descriptor, into scratch: inout Scratch, waiting: Bool, exact: Bool = false,
        limit: Int = Scratch.fullSize
    ) throws(IPCError) -> Arrival {
        if let header, payloadCount == payloadCapacity {
            try growPayload(to: payloadCount + 1, of: Int(header.length))
        }
        let space = try scratch.space()
        let room = payloadCapacity - payloadCount
        let rest = min(exact ? bytesMissing - room : space.count, limit)
        var arrived = PassedDescriptors()
        let outcome = descriptor.receive(
            first: UnsafeMutableRawBufferPointer(start: payload.map { $0 + payloadCount }, count: room),
            second: UnsafeMutableRawBufferPointer(rebasing: space.prefix(rest)),
            waiting: waiting, passed: &arrived)
        switch outcome {
        case .end: return .end
        case .wouldBlock: return .nothing
        case .failed(ECONNRESET), .failed(EPIPE): return .end
        case .failed(let number):
            throw IPCError(
                IPC_ERROR_USOCK_RECV, "receive from", .descriptor(descriptor.number), systemError: number)
        case .count(let count):
            keep(arrived, position: consumed + UInt64(backlog.count + count) - 1)
            let inPlace = min(count, room)
            payloadCount += inPlace
            consumed += UInt64(inPlace)
            closePassed()
            scratch.received(count - inPlace)
            return .bytes(drained: count < room + rest && !arrived.cutShort)
        }
    }

    /// The first whole message of what was just received; what is left moves into the inbox.
    mutating func finish(_ scratch: inout Scratch) throws(IPCError) -> Message? {
        // At most the beginning of a header was here: it goes in front of what came.
        var source = scratch.joined(behind: backlog.readable)
        defer {
            if !backlog.replace(with: source) { backlog = scratch.handOver(source) }
            scratch.clear()
        }
        return try assemble(&source)
    }

    // MARK: Descriptors that came along

    private mutating func keep(_ arrived: PassedDescriptors, position: UInt64) {
        for index in 0..<arrived.count {
            let descriptor = arrived.numbers[index]
            do throws(OutOfMemory) {
                guard passed.count < Inbox.maximumPassed else { throw OutOfMemory() }
                try passed.append(Passed(descriptor: descriptor, position: position))
            } catch {
                close(descriptor)
            }
        }
    }

    /// Closes the descriptors whose byte has passed without anybody asking for them.
    private mutating func closePassed() {
        while passed.count > 0, passed[0].position < consumed { close(removeFirstPassed()) }
    }

    private mutating func removeFirstPassed() -> Int32 {
        let descriptor = passed[0].descriptor
        for index in 1..<passed.count { passed[index - 1] = passed[index] }
        _ = passed.swapRemove(at: passed.count - 1)
        return descriptor
    }

    /// What one byte of the stream brought.
    enum PassedByte {
        case notHere
        case alone
        case withDescriptor(Int32)
    }

    /// Takes one byte out of the stream, and the descriptor that came with it.
    mutating func takePassedByte() -> PassedByte {
        guard header == nil else { return .alone }
        guard backlog.count > 0 else { return .notHere }
        backlog.drop(1)
        let found = passed.count > 0 && passed[0].position == consumed
        let descriptor = found ? removeFirstPassed() : -1
        consumed += 1
        closePassed()
        return found ? .withDescriptor(descriptor) : .alone
    }

    /// Moves what `scratch` received into the inbox without looking at it.
    mutating func hold(_ scratch: inout Scratch) {
        let source = scratch.joined(behind: backlog.readable)
        if !backlog.replace(with: source) { backlog = scratch.handOver(source) }
        scratch.clear()
    }
}
