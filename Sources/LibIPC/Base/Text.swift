// Text.swift - the text of an error or of a trace line, made by string interpolation without an allocation (texts.c).
//
// Each thread has memory for one text, and a new text replaces the one before. The sequence number tells whether a text is still
// there. A signal handler may make a text while its thread is making another one: then that one is lost. To use the text of an error in
// a new text, copy it first (SavedText).

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

    /// The text with this number; nil when the thread has made another one since.
    static func bytes(_ sequence: UInt32) -> UnsafeRawBufferPointer? {
        let text = libipc_last_text()
        guard text.pointee.sequence == sequence else { return nil }
        return UnsafeRawBufferPointer(start: libipc_text_bytes(text), count: Int(text.pointee.length))
    }
}

/// A copy of a text, which stays when the next text replaces the original.
struct SavedText {
    fileprivate var bytes = InlineArray<256, UInt8>(repeating: 0)
    let count: Int

    @inline(never) init(_ text: UnsafeRawBufferPointer) {
        count = min(text.count, Text.capacity)
        let copied = UnsafeRawBufferPointer(start: text.baseAddress, count: count)
        withUnsafeMutableBytes(of: &bytes) { $0.copyMemory(from: copied) }
    }
}

extension Text {
    /// - Parameter room: bytes for it; the rest is cut off.
    func appendInterpolation(_ saved: SavedText, room: Int = capacity) {
        withUnsafeBytes(of: saved.bytes) { libipc_append($0.baseAddress, max(min(saved.count, room), 0)) }
    }
}
