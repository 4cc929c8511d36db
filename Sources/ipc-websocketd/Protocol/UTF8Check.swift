// UTF8Check.swift - whether bytes are UTF-8 (RFC 3629), as they come: a wrong byte is found when it is there, not at the end of
// the message (RFC 6455, 8.1).

struct UTF8Check {
    /// Bytes that the character in the making still needs, and the range of the next one: narrower than 80..BF after some first bytes,
    /// because of overlong forms, surrogates and what is above 10FFFF.
    private var missing: UInt8 = 0
    private var low: UInt8 = 0x80, high: UInt8 = 0xBF

    /// No character is cut.
    var isComplete: Bool { missing == 0 }

    /// False: this is not UTF-8, whatever follows.
    mutating func accepts(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        while index < bytes.count {
            // Eight at a time where all is ASCII.
            if missing == 0, index + 8 <= bytes.count,
                bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                index += 8
                continue
            }
            guard accepts(bytes[index]) else { return false }
            index += 1
        }
        return true
    }

    private mutating func accepts(_ byte: UInt8) -> Bool {
        guard missing == 0 else {
            guard low <= byte, byte <= high else { return false }
            (missing, low, high) = (missing - 1, 0x80, 0xBF)
            return true
        }
        switch byte {
        case 0x00...0x7F: break
        case 0xC2...0xDF: missing = 1
        case 0xE0: (missing, low) = (2, 0xA0)
        case 0xED: (missing, high) = (2, 0x9F)
        case 0xE1...0xEF: missing = 2
        case 0xF0: (missing, low) = (3, 0x90)
        case 0xF4: (missing, high) = (3, 0x8F)
        case 0xF1...0xF3: missing = 3
        default: return false
        }
        return true
    }

    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var check = UTF8Check()
        return check.accepts(bytes) && check.isComplete
    }
}
