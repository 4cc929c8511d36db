// Base64.swift - base64 (RFC 4648, 4) as the opening handshake uses it: the answer is encoded, the key only has its form checked.

enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let digit = Int(bits >> UInt32(18 - 6 * place) & 63)
                text.append(place <= group.count ? alphabet[digit] : UInt8(ascii: "="))
            }
        }
        return text
    }

    /// Whether the text is 16 bytes, encoded (RFC 6455, 4.1, item 7).
    static func isKey(_ text: [UInt8]) -> Bool {
        text.count == 24 && text[22...].allSatisfy { $0 == UInt8(ascii: "=") } && text[..<22].allSatisfy { alphabet.contains($0) }
    }
}
