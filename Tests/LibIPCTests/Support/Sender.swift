// Sender.swift - an outbox that sends into one end of a wire, while the test reads the other.

import CLibIPC
import Testing

@testable import LibIPC

final class Sender {
    /// Frames whose payload lies where the test says.
    enum Place: CaseIterable { case copied, adopted }

    let wire: Wire
    var outbox = Outbox()
    private var pool = BufferPool(size: 0)

    init(_ kind: Wire.Kind = .socket) throws {
        wire = try Wire(kind)
        if kind == .socket { end.shrinkSendBuffer() }
    }

    /// A pipe is read at the library's end.
    var end: End { wire.kind == .pipe ? wire.far : wire.near }
    var reader: End { wire.kind == .pipe ? wire.near : wire.far }

    /// - Parameter isListed: a program is to be told of it.
    func append(_ frame: Frame, _ place: Place = .copied, isListed: Bool = false) throws {
        let made = try place == .copied ? frame.outbound() : adopting(frame)
        if isListed { made.pointee.listing = 0 }
        outbox.append(made)
    }

    private func adopting(_ frame: Frame) throws -> FrameReference {
        let payload = try #require(malloc(max(frame.payload.count, 1)))
        payload.copyMemory(from: frame.payload, byteCount: frame.payload.count)
        return try OutboundFrame.make(frame.header, adopting: payload, &pool)
    }

    /// One send: as much as there is room for. Returns whether that was all.
    func send() throws -> Bool { try outbox.send(to: end.descriptor) }

    /// Sends all, while the test reads what has come. Returns that, and how many sends it took.
    func sendAll() throws -> (bytes: [UInt8], sends: Int) {
        var bytes: [UInt8] = []
        var sends = 1
        while try !send() {
            bytes += reader.read()
            sends += 1
            try #require(sends < 10_000)
        }
        return (bytes + reader.read(), sends)
    }

    func takeSent() -> [Frame] {
        var frames: [Frame] = []
        while let frame = outbox.takeSent() { frames.append(Frame(destroying: frame)) }
        return frames
    }

    func takeUnbegun() -> Frame? { outbox.takeUnbegun().map { Frame(destroying: $0) } }
    func takePending() -> Frame? { outbox.takePending().map { Frame(destroying: $0) } }
}
