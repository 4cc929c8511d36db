// Text.swift - the text of an error or of a trace line, made by string interpolation without an allocation (texts.c).
//
// Each thread has memory for one text, and a new text replaces the one before. The sequence number tells whether a text is still
// there. A signal handler may also make a text in the middle of another one: then the first text is lost. To use the text of an error in
// a new text, copy it first (withCopy).

struct Text: ExpressibleByStringInterpolation, StringInterpolationProtocol {
    /// In bytes. What does not fit is cut off.
    static let capacity = 256

    let sequence: UInt32

    init(literalCapacity: Int = 0, interpolationCount: Int = 0) { sequence = libipc_begin_text() }
    init(stringInterpolation text: Text) { self = text }
    init(stringLiteral literal: StaticString) {
        self.init()
        appendLiteral(literal)
    }

    func appendLiteral(_ literal: StaticString) { libipc_append(literal.utf8Start, literal.utf8CodeUnitCount) }
    func appendInterpolation(_ literal: StaticString) { appendLiteral(literal) }
    func appendInterpolation(_ bytes: UnsafeRawBufferPointer) { libipc_append(bytes.baseAddress, bytes.count) }
    func appendInterpolation(_ string: UnsafePointer<CChar>?) { libipc_append_string(string) }
    func appendInterpolation(_ number: some BinaryInteger) { libipc_append_number(UInt64(number.magnitude), number < 0 ? 1 : 0) }
    /// A colon, and what the system says of one of its error numbers.
    func appendInterpolation(reason number: Int32) { libipc_append_reason(number) }

    /// The text with this number, if the thread has made none since.
    static func bytes(_ sequence: UInt32) -> UnsafeRawBufferPointer? {
        let text = libipc_last_text()
        guard text.pointee.sequence == sequence else { return nil }
        return UnsafeRawBufferPointer(start: libipc_text_bytes(text), count: Int(text.pointee.length))
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
}
