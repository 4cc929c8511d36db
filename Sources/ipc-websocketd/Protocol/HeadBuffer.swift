// HeadBuffer.swift - collects the head of an HTTP request, to its empty line (RFC 9112, 2.1), from bytes that come cut anywhere.
//
// Each byte is looked at once. What cannot become a head is refused when it shows, not when time is up: TLS, for one, begins with
// bytes that no head has.

struct HeadBuffer {
    /// Of the head, in bytes.
    let limit: Int
    private(set) var bytes: [UInt8] = []
    private var hasLine = false
    /// Since the last character of a line.
    private var lineEnds = 0
    private var follows = false

    init(limit: Int) { self.limit = limit }

    /// Takes bytes up to the end of the head; how many were taken, and whether that is the end.
    mutating func take(_ chunk: UnsafeRawBufferPointer) throws(Status) -> (count: Int, isWhole: Bool) {
        for (index, byte) in chunk.enumerated() {
            try check(byte)
            // One empty line before the request is forgiven (RFC 9112, 2.2).
            if byte == 10, bytes.count == 1 {
                (bytes, lineEnds) = ([], 0)
                follows = true
                continue
            }
            bytes.append(byte)
            if lineEnds == 2 { return (index + 1, true) }
        }
        return (chunk.count, false)
    }

    private mutating func check(_ byte: UInt8) throws(Status) {
        guard bytes.count < limit else { throw hasLine ? .headTooLarge : .targetTooLong }
        let isAfterReturn = bytes.last == 13
        guard isAfterReturn == (byte == 10) else { throw .badRequest }
        switch byte {
        case 10:
            lineEnds += 1
            hasLine = hasLine || bytes.count > 1
        case 13:
            guard !bytes.isEmpty || !follows else { throw .badRequest }
        case 9, 32...126, 128...:
            lineEnds = 0
            guard !bytes.isEmpty || byte.isTokenCharacter else { throw .badRequest }
        default: throw .badRequest
        }
    }
}
