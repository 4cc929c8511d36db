// Text.swift - a short text in memory of its own, for errors, traces and listings: written by interpolation, without allocation,
// and cut where it would not fit.

struct Text: ExpressibleByStringInterpolation, StringInterpolationProtocol {
    static let capacity = 256

    private var bytes = InlineArray<256, UInt8>(repeating: 0)
    private(set) var count = 0

    @inline(never) init(stringLiteral literal: StaticString) { appendLiteral(literal) }
    init(stringInterpolation text: Text) { self = text }
    init(literalCapacity: Int, interpolationCount: Int) {}

    private mutating func append(_ byte: UInt8) {
        guard count < Text.capacity else { return }
        bytes[count] = byte
        count += 1
    }

    @inline(never) mutating func appendLiteral(_ literal: StaticString) {
        for index in 0..<literal.utf8CodeUnitCount { append(literal.utf8Start[index]) }
    }

    @inline(never) mutating func appendInterpolation(_ literal: StaticString) { appendLiteral(literal) }
    @inline(never) mutating func appendInterpolation(_ text: UnsafeRawBufferPointer) {
        for byte in text.prefix(Text.capacity) { append(byte) }
    }
    @inline(never) mutating func appendInterpolation(_ text: Text) { for index in 0..<text.count { append(text.bytes[index]) } }
    @inline(never) mutating func appendInterpolation(_ text: Text, atMost limit: Int) {
        for index in 0..<min(text.count, max(limit, 0)) { append(text.bytes[index]) }
    }
    @inline(never) mutating func appendInterpolation(_ text: UnsafePointer<CChar>?) {
        if let text { appendInterpolation(UnsafeRawBufferPointer(start: text, count: strlen(text))) }
    }

    @inline(never) mutating func appendInterpolation(_ number: some BinaryInteger) {
        if number < 0 { append(UInt8(ascii: "-")) }
        let magnitude = UInt(number.magnitude)
        var divisor: UInt = 1
        while magnitude / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude / divisor % 10))
            divisor /= 10
        }
    }

    /// What the system says of one of its error numbers.
    @inline(never) mutating func appendInterpolation(reason number: Int32) {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            appendInterpolation(libipc_strerror(number, buffer.baseAddress, buffer.count))
        }
    }

    /// - Parameter body: gets the bytes, without a NUL.
    func withBytes(_ body: (UnsafeRawPointer?, Int) -> Void) { withUnsafeBytes(of: bytes) { body($0.baseAddress, count) } }
}
