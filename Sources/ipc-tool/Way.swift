// Way.swift - one direction of a monitored connection: sends what it receives from one end to the other, bytes and descriptors, also broken
// frames and half-closes. It does not use the library for that, which would end a connection that breaks the protocol.

import CDaemon

final class Way {
    private struct Piece {
        var bytes: [UInt8]
        var sent = 0
        /// To be sent with the first byte. The piece owns them until then.
        var descriptors: [Int32] = []
    }

    let from: Int32
    let to: Int32
    let isAnswer: Bool
    private var observer: Observer
    private var pieces: [Piece] = []
    private var waiting = 0
    /// The end of the stream was received.
    private(set) var hasEnded = false
    private var isShut = false
    /// It ended before the other direction did.
    var endedFirst = false

    /// The limit of bytes that wait for a slow receiver: that of switched ends (ipc(7), LIMITS).
    private static let most = 256 << 10

    init(from: Int32, to: Int32, isAnswer: Bool, wanted: Int) {
        (self.from, self.to, self.isAnswer) = (from, to, isAnswer)
        observer = Observer(wanted: wanted)
    }

    deinit { drop() }

    var wantsBytes: Bool { !hasEnded && waiting < Way.most }
    var hasBytes: Bool { !pieces.isEmpty }

    /// Drops what waits: the receiver has gone.
    func drop() {
        for piece in pieces { for descriptor in piece.descriptors { close(descriptor) } }
        pieces = []
        waiting = 0
    }

    func end() { hasEnded = true }

    /// Receives what is there. Returns false if the connection has failed.
    func receive(_ connection: Int, _ journal: Journal) -> Bool {
        var (passed, number, got) = ([Int32](repeating: -1, count: CD_PASSED), Int32(0), 0)
        let from = from
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            got = passed.withUnsafeMutableBufferPointer { passed in
                passed.baseAddress.map { cd_receive_passed(from, base, buffer.count, $0, &number) } ?? -1
            }
            count = max(got, 0)
        }
        if got < 0 { return Reach.isShortage(cd_errno()) }
        if got == 0 {
            hasEnded = true
            return true
        }
        let descriptors = Array(passed[..<Int(number)])
        let seen = observer.see(bytes, descriptors: descriptors.count)
        tell(seen, descriptors.count, connection, journal)
        waiting += bytes.count
        // The kernel delivers a descriptor with the first byte of the call that sent it.
        if !descriptors.isEmpty, seen.lastStart > 0 {
            pieces.append(Piece(bytes: Array(bytes[..<seen.lastStart])))
            pieces.append(Piece(bytes: Array(bytes[seen.lastStart...]), descriptors: descriptors))
        } else {
            pieces.append(Piece(bytes: bytes, descriptors: descriptors))
        }
        return true
    }

    private func tell(_ seen: Observer.Seen, _ descriptors: Int, _ connection: Int, _ journal: Journal) {
        for message in seen.messages {
            journal.message(connection, isAnswer: isAnswer, message.header, message.payload, descriptors: message.descriptors)
        }
        let sender: StaticString = isAnswer ? "the service" : "the client"
        if seen.isBareDescriptor { journal.notes(connection, "\(sender) passes a descriptor by itself") }
        if let excess = seen.excess {
            journal.notes(
                connection,
                "\(sender) announces \(excess) bytes; a message has \(Int(IPC_MAX_MESSAGE_SIZE)) at most; what follows is not shown"
            )
        }
    }

    /// Sends as much as the receiver takes. Returns false if the connection has failed.
    func send() -> Bool {
        while !pieces.isEmpty {
            let piece = pieces[0]
            let count = piece.bytes.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return 0 }
                let descriptors = piece.sent == 0 ? piece.descriptors : []
                return cd_send_passed(to, base + piece.sent, bytes.count - piece.sent, descriptors, Int32(descriptors.count))
            }
            if count < 0 { return Reach.isShortage(cd_errno()) }
            for descriptor in piece.descriptors { close(descriptor) }
            pieces[0].descriptors = []
            pieces[0].sent += count
            waiting -= count
            if pieces[0].sent == pieces[0].bytes.count { pieces.removeFirst() }
        }
        if hasEnded, !isShut {
            cd_stop_writing(to)
            isShut = true
        }
        return true
    }
}
