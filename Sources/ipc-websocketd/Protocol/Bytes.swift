// Bytes.swift - comparing bytes with literals: what peers say are bytes, and Embedded Swift's String brings tables along that nobody
// needs for ASCII.

extension Collection<UInt8> {
    func isEqual(to literal: StaticString) -> Bool {
        count == literal.utf8CodeUnitCount && zip(self, literal.bytes).allSatisfy { $0 == $1 }
    }

    func isEqualIgnoringCase(to literal: StaticString) -> Bool {
        count == literal.utf8CodeUnitCount && zip(self, literal.bytes).allSatisfy { $0.lowercased == $1.lowercased }
    }

    var lowercased: [UInt8] { map { $0.lowercased } }
}

extension Collection<UInt8> where SubSequence == ArraySlice<UInt8> {
    /// Without the blanks of HTTP at both ends (RFC 9110, 5.6.3).
    var trimmed: ArraySlice<UInt8> {
        var rest = self[...]
        while let first = rest.first, first.isBlank { rest.removeFirst() }
        while let last = rest.last, last.isBlank { rest.removeLast() }
        return rest
    }

    /// The elements of a list with commas; empty ones do not count (RFC 9110, 5.6.1).
    var listElements: [ArraySlice<UInt8>] {
        split(separator: UInt8(ascii: ",")).map { $0.trimmed }.filter { !$0.isEmpty }
    }
}

extension StaticString {
    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount) }
}

extension UInt8 {
    var lowercased: UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self }
    var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
    var isAlphanumeric: Bool { isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lowercased) }

    /// May stand in a name of HTTP (RFC 9110, 5.6.2).
    var isTokenCharacter: Bool {
        switch self {
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        default: isAlphanumeric
        }
    }

    var hexadecimalDigit: UInt8? {
        switch lowercased {
        case let digit where digit.isDigit: digit - UInt8(ascii: "0")
        case let digit where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(digit): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
