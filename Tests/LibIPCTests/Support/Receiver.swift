// Receiver.swift - an inbox that receives from one end of a wire, while the test writes to the other.

import Testing

@testable import LibIPC

final class Receiver {
    let wire: Wire
    var inbox = Inbox()
    private var scratch: Scratch

    init(_ kind: Wire.Kind = .socket, scratchSize: Int = Scratch.fullSize) throws {
        wire = try Wire(kind)
        scratch = Scratch(size: scratchSize)
    }

    func receive(waiting: Bool = false, _ extent: Inbox.Extent = .all) throws -> Inbox.Arrival {
        try inbox.receive(from: wire.near.descriptor, into: &scratch, waiting: waiting, extent)
    }

    func settle() throws -> Bool { try inbox.settle(&scratch) }

    /// The next frame, if it can be made of what is here and in the kernel.
    func frame(_ extent: Inbox.Extent = .all) throws -> Frame? {
        while try !settle() {
            let arrival = try receive(extent)
            guard arrival == .bytes || arrival == .message else { return nil }
        }
        return inbox.takeFrame()
    }

    /// All frames that can be made of what is here and in the kernel.
    func frames(_ extent: Inbox.Extent = .all) throws -> [Frame] {
        var frames: [Frame] = []
        while let frame = try frame(extent) { frames.append(frame) }
        return frames
    }
}
