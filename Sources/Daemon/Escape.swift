// Escape.swift - text from outside as it may stand in a line of the log: what peers say must not look like lines of our own, reorder
// them (Unicode's bidirectional controls, UTS 55), nor speak to a terminal.
//
// `\x1b` is a byte: a control character of ASCII, or one that is no UTF-8. `\u{202e}` is another character.

enum Escape {
    enum Kind {
        /// Only what is not UTF-8: a String can hold the rest.
        case invalid
        /// Also what is not to be shown.
        case unsafe
    }

    /// Appends `bytes` to `line` up to `limit` bytes of it; what is cut is cut between characters, and `…` says so.
    static func append(_ bytes: UnsafeBufferPointer<UInt8>, to line: inout [UInt8], _ kind: Kind, limit: Int = .max) {
        var index = 0
        while index < bytes.count {
            let (scalar, count) = decode(bytes, at: index)
            let start = line.count
            if let scalar, kind == .invalid || isSafe(scalar) {
                line.append(contentsOf: bytes[index..<(index + count)])
            } else if let scalar, scalar >= 0x80 {
                line.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "u"), UInt8(ascii: "{")])
                appendHexadecimal(scalar, digits: scalar > 0xFF ? 4 : 2, to: &line)
                line.append(UInt8(ascii: "}"))
            } else {
                line.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "x")])
                appendHexadecimal(UInt32(bytes[index]), digits: 2, to: &line)
            }
            guard line.count <= limit else {
                line.removeSubrange(start...)
                return line.append(contentsOf: [0xE2, 0x80, 0xA6])
            }
            index += count
        }
    }

    /// The character at `index` and its bytes (RFC 3629, 4); nil and 1 where there is none.
    static func decode(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> (scalar: UInt32?, count: Int) {
        let first = bytes[index]
        if first < 0x80 { return (UInt32(first), 1) }
        let count = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard (0xC2...0xF4).contains(first), index + count <= bytes.count else { return (nil, 1) }
        var scalar = UInt32(first) & (0x7F >> UInt32(count))
        for byte in bytes[(index + 1)..<(index + count)] {
            guard byte & 0xC0 == 0x80 else { return (nil, 1) }
            scalar = scalar << 6 | UInt32(byte & 0x3F)
        }
        let least: UInt32 = count == 2 ? 0x80 : count == 3 ? 0x800 : 0x1_0000
        let isCharacter = scalar >= least && scalar <= 0x10_FFFF && !(0xD800...0xDFFF).contains(scalar)
        return isCharacter ? (scalar, count) : (nil, 1)
    }

    static func isSafe(_ scalar: UInt32) -> Bool {
        switch scalar {
        // C0, DEL and C1; ends of lines and paragraphs; marks, embeddings, overrides and isolates of a direction.
        case 0...0x1F, 0x7F...0x9F, 0x2028...0x2029, 0x061C, 0x200E...0x200F, 0x202A...0x202E, 0x2066...0x2069: false
        default: true
        }
    }

    static func appendHexadecimal(_ number: UInt32, digits: Int, to line: inout [UInt8]) {
        for place in stride(from: digits - 1, through: 0, by: -1) {
            let digit = UInt8(truncatingIfNeeded: number >> UInt32(4 * place) & 15)
            line.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
