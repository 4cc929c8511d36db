// Receiver.swift - an inbox that receives from one end of a wire, while the test writes to the other.

import Testing

@testable import LibIPC

final class Receiver {
    let wire: Wire
    var inbox = Inbox()
    private var pool: BufferPool

    init(_ kind: Wire.Kind = .socket, scratchSize: Int = BufferPool.fullSize) throws {
        wire = try Wire(kind)
        pool = BufferPool(size: scratchSize)
    }

    func receive(waiting: Bool = false, _ extent: Inbox.Extent = .all) throws -> Inbox.Arrival {
        try inbox.receive(from: wire.near.descriptor, into: &pool, waiting: waiting, extent)
    }

    func parse() throws -> Bool { try inbox.parse(&pool) }

    /// The next frame, if it can be made of what is here and in the kernel.
    func frame(_ extent: Inbox.Extent = .all) throws -> Frame? { try hasFrame(extent) ? inbox.takeFrame() : nil }

    private func hasFrame(_ extent: Inbox.Extent) throws -> Bool {
        while try !parse() {
            let arrival = try receive(extent)
            guard arrival == .bytes || arrival == .message else { return false }
        }
        return true
    }

    /// All frames that can be made of what is here and in the kernel.
    func frames(_ extent: Inbox.Extent = .all) throws -> [Frame] {
        var frames: [Frame] = []
        while let frame = try frame(extent) { frames.append(frame) }
        return frames
    }

    // MARK: Blocks

    /// The next frame, as `frame`. Its block goes back, as a program's does with its next call.
    func recycledFrame() throws -> Frame? { try hasFrame(.all) ? recycle() : nil }

    /// The same of the frame that is here.
    func recycle() -> Frame? {
        guard let message = inbox.takeMessage() else { return nil }
        let (header, payload) = (message.header, message.releasePayload())
        defer { pool.returnPayload(payload, header.payloadSize) }
        let bytes = [UInt8](UnsafeRawBufferPointer(start: payload, count: header.payloadSize))
        return Frame(bytes, type: header.type, userType: header.userType)
    }

    /// Whether there is a block for a large message.
    var hasSpare: Bool {
        guard let spare = pool.takeLargeBlock(BufferPool.largeSize) else { return false }
        pool.returnPayload(spare.memory, spare.size)
        return true
    }
}
