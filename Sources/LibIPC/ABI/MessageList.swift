// MessageList.swift - the messages of ctx->tx, in the order of ipc_write, and the frames behind them.
//
// Frames are numbered in that order (OutboundFrame.listing), so one is found by binary search. The oldest and the youngest leave
// at no cost; from the middle the younger ones move down in one piece. The public array begins at the oldest message.

struct MessageList: ~Copyable {
    private var messages = HeapArray<ipc_message>()
    /// The frames behind the messages, at the same indices.
    private var frames = HeapArray<FrameReference>()
    /// Index of the oldest message. Those before it were removed, and their places are not used again until `compact`.
    private var first = 0
    /// Number (`listing`) of the next frame.
    private var nextNumber = 0

    init() {}

    var count: Int { messages.count - first }
    var array: Ref<ipc_message>? { messages.base.map { $0 + first } }

    @inline(__always)
    mutating func reserve() throws(IPCError) {
        if first > 0, first * 2 >= messages.count { compact() }
        if messages.isFull { try grow() }
    }

    /// Where there is room for a message there is room for its frame.
    @inline(never)
    private mutating func grow() throws(IPCError) {
        try frames.reserve()
        try messages.reserve()
    }

    @inline(__always)
    mutating func append(_ frame: FrameReference, for receiver: Int32) {
        frame.pointee.listing = nextNumber
        nextNumber &+= 1
        messages.appendReserved(ipc_message(frame.pointee.header, receiver, frame.pointee.payload))
        frames.appendReserved(frame)
    }

    @inline(__always)
    mutating func remove(_ frame: FrameReference) {
        guard let oldest = frames.base else { return }
        if count > 0, oldest[first] == frame {
            first += 1
            if count == 0 { clear() }
        } else if frame.pointee.isListed {
            remove(frame, frame.pointee.listing)
        }
    }

    @inline(never)
    private mutating func remove(_ frame: FrameReference, _ number: Int) {
        // The first whose number is not smaller.
        var (low, high) = (first, frames.count)
        while low < high {
            let middle = low + (high - low) / 2
            if frames[middle].pointee.listing < number { low = middle + 1 } else { high = middle }
        }
        guard low < frames.count, frames[low] == frame else { return }
        messages.remove(at: low)
        frames.remove(at: low)
        if count == 0 { clear() }
    }

    /// Drops all messages for one receiver. Their frames may be gone, or in use without the lock: they are not touched.
    mutating func removeAll(for receiver: Int32) {
        guard let base = messages.base, let oldFrames = frames.base else { return }
        var kept = first
        for index in first..<messages.count where base[index].fd != receiver {
            (base[kept], oldFrames[kept]) = (base[index], oldFrames[index])
            kept += 1
        }
        messages.truncate(to: kept)
        frames.truncate(to: kept)
        if count == 0 { clear() }
    }

    @inline(never)
    private mutating func compact() {
        messages.removeFirst(first)
        frames.removeFirst(first)
        first = 0
    }

    private mutating func clear() {
        messages.removeAll()
        frames.removeAll()
        first = 0
    }
}
