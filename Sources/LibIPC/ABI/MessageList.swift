// MessageList.swift - the messages of ctx->tx in the order of ipc_write, and their frames.
//
// Frames have numbers in that order (OutboundFrame.listing), so binary search finds one. Removing the oldest is O(1). Removing another
// one moves the younger ones down with one memmove(3). The public array begins at the oldest message.

struct MessageList: ~Copyable {
    private var messages = HeapArray<ipc_message>()
    /// At the same indices.
    private var frames = HeapArray<FrameReference>()
    /// Index of the oldest message. The elements before it are removed.
    private var first = 0
    private var nextNumber = 0

    init() {}

    var count: Int { messages.count - first }
    var array: Ref<ipc_message>? { messages.base.map { $0 + first } }

    @inline(__always)
    mutating func reserve() throws(IPCError) {
        if first > 0, first * 2 >= messages.count { compact() }
        try messages.reserve()
        try frames.reserve()
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
        if oldest[first] == frame, count > 0 {
            first += 1
            if count == 0 { clear() }
        } else if let number = frame.pointee.listing {
            removeLater(number)
        }
    }

    @inline(never)
    private mutating func removeLater(_ number: Int) {
        // The first whose number is not smaller.
        var (low, high) = (first, frames.count)
        while low < high {
            let middle = low + (high - low) / 2
            if (frames[middle].pointee.listing ?? 0) < number { low = middle + 1 } else { high = middle }
        }
        guard low < frames.count, frames[low].pointee.listing == number else { return }
        messages.remove(at: low)
        frames.remove(at: low)
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
