// Texts.swift - the library's texts as strings, and its errors as a failed test shows them.

import Testing

@testable import LibIPC

extension UnsafeRawBufferPointer {
    var string: String { String(decoding: self, as: UTF8.self) }
}

extension Text {
    var string: String { Text.bytes(sequence)?.string ?? "lost" }
}

extension IPCError: CustomTestStringConvertible {
    public var testDescription: String { "error \(code.rawValue): \(text.string)" }
}
