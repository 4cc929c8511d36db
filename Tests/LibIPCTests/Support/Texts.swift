// Texts.swift - the library's texts as strings, and its errors as a failed test shows them.

import Testing

@testable import LibIPC

extension Text {
    var string: String {
        var string = ""
        withBytes { bytes, count in string = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self) }
        return string
    }
}

extension IPCError: CustomTestStringConvertible {
    public var testDescription: String { "error \(code.rawValue): \(text.string)" }
}
