// Text.swift - the text of an error or of a trace line, made by string interpolation without an allocation.
//
// Each thread has memory for one text (libipc_error_text), and a new text replaces the one before. The sequence number tells whether a
// text is still there. A signal handler may also make a text in the middle of another one: then the first text is lost.

struct Text: ExpressibleByStringInterpolation, StringInterpolationProtocol {
    /// In bytes. What does not fit is cut off.
    static let capacity = 256

    private let memory: UnsafeMutablePointer<libipc_error_text>
    let sequence: UInt32
    private var count = 0

    @inline(never) init(literalCapacity: Int = 0, interpolationCount: Int = 0) {
        memory = libipc_error_text()
        sequence = memory.pointee.sequence &+ 1
        memory.pointee.sequence = sequence
        memory.pointee.length = 0
    }
    init(stringInterpolation text: Text) { self = text }
    @inline(never) init(stringLiteral literal: StaticString) {
        self.init()
        appendLiteral(literal)
    }

    /// The text with this number, if the thread has made none since.
    static func bytes(_ sequence: UInt32) -> UnsafeRawBufferPointer? {
        let memory = libipc_error_text()
        guard memory.pointee.sequence == sequence else { return nil }
        return UnsafeRawBufferPointer(start: libipc_text_bytes(memory), count: Int(memory.pointee.length))
    }

    /// Runs `body` with a copy of a text, which stays when the next text replaces the original.
    @inline(never)
    static func withCopy<Result>(
        of text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws(IPCError) -> Result
    ) throws(IPCError) -> Result {
        var copy = InlineArray<256, UInt8>(repeating: 0)
        let count = min(text.count, capacity)
        return try withUnsafeMutableBytes(of: &copy) { copy throws(IPCError) in
            copy.copyMemory(from: UnsafeRawBufferPointer(start: text.baseAddress, count: count))
            return try body(UnsafeRawBufferPointer(start: copy.baseAddress, count: count))
        }
    }

    /// Writes a line to the trace, if there is one.
    func trace() { libipc_trace_note(libipc_text_bytes(memory), count) }

    @inline(never) private mutating func append(_ bytes: UnsafeRawPointer, _ length: Int) {
        let length = min(length, Text.capacity - count)
        memcpy(libipc_text_bytes(memory) + count, bytes, length)
        count += length
        memory.pointee.length = UInt32(truncatingIfNeeded: count)
    }

    mutating func appendLiteral(_ literal: StaticString) { append(literal.utf8Start, literal.utf8CodeUnitCount) }
    mutating func appendInterpolation(_ literal: StaticString) { appendLiteral(literal) }
    mutating func appendInterpolation(_ text: UnsafeRawBufferPointer) { if let bytes = text.baseAddress { append(bytes, text.count) } }
    @inline(never) mutating func appendInterpolation(_ text: UnsafePointer<CChar>?) { if let text { append(text, strlen(text)) } }

    mutating func appendInterpolation(_ number: some BinaryInteger) { append(UInt(number.magnitude), isNegative: number < 0) }

    @inline(never) private mutating func append(_ magnitude: UInt, isNegative: Bool) {
        if isNegative { appendLiteral("-") }
        var (digits, length, rest) = (InlineArray<20, UInt8>(repeating: 0), 0, magnitude)
        repeat {
            length += 1
            digits[20 - length] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        withUnsafeBytes(of: digits) { appendInterpolation(UnsafeRawBufferPointer(rebasing: $0.suffix(length))) }
    }

    /// What the system says of one of its error numbers.
    @inline(never) mutating func appendInterpolation(reason number: Int32) {
        var buffer = InlineArray<128, CChar>(repeating: 0)
        withUnsafeMutableBytes(of: &buffer) { buffer in
            let buffer = buffer.bindMemory(to: CChar.self)
            appendInterpolation(libipc_strerror(number, buffer.baseAddress, buffer.count))
        }
    }
}
