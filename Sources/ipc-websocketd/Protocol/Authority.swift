// Authority.swift - host and port as Host, a request's target and Origin say them (RFC 3986, 3.2; RFC 9112, 3.2), in one form that can
// be compared: a name in small letters, an address as its bytes.

struct Authority {
    enum Kind { case name, address4, address6 }

    let kind: Kind
    /// A name in small letters; the 4 or 16 bytes of an address.
    let host: [UInt8]
    /// nil: the scheme's own.
    let port: UInt16?

    /// nil: the text is not `uri-host [ ":" port ]`, or the host is empty (RFC 9110, 4.2.1).
    init?(_ text: some Collection<UInt8>) {
        let text = text.lowercased[...]
        let end: Int
        if text.first == UInt8(ascii: "[") {
            guard let bracket = text.firstIndex(of: UInt8(ascii: "]")), let address = Authority.address6(text[1..<bracket]) else {
                return nil
            }
            (kind, host, end) = (.address6, address, bracket + 1)
        } else {
            end = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
            if let address = Authority.address4(text[..<end]) {
                (kind, host) = (.address4, address)
            } else {
                guard Authority.isName(text[..<end]) else { return nil }
                (kind, host) = (.name, Array(text[..<end]))
            }
        }
        guard end < text.count else {
            port = nil
            return
        }
        let digits = text[(end + 1)...]
        guard text[end] == UInt8(ascii: ":"), let number = Authority.number(digits) else { return nil }
        // A colon without a port is none (RFC 3986, 3.2.3).
        port = digits.isEmpty ? nil : number
    }

    /// An address, or this machine's own name for itself (RFC 6761, 6.3): nobody else can have these lead to us.
    var isOwn: Bool { kind != .name || host.isEqual(to: "localhost") || host.suffix(10).isEqual(to: ".localhost") }

    func hasSameHost(as other: Authority) -> Bool { kind == other.kind && host == other.host }

    // MARK: The parts

    /// Digits of a port, at most 65535.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt16? {
        var value = 0
        for digit in digits {
            guard digit.isDigit else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
            guard value <= 65535 else { return nil }
        }
        return UInt16(value)
    }

    /// A reg-name (RFC 3986, 3.2.2) that is not empty.
    private static func isName(_ text: ArraySlice<UInt8>) -> Bool {
        for (index, byte) in zip(text.indices, text) where !byte.isNameCharacter {
            guard byte == UInt8(ascii: "%"), index + 2 < text.endIndex, text[index + 1].hexadecimalDigit != nil,
                text[index + 2].hexadecimalDigit != nil
            else { return false }
        }
        return !text.isEmpty
    }

    /// Four decimal numbers without leading zeros.
    private static func address4(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0"), let value = number(part), value < 256
            else { return nil }
            bytes.append(UInt8(value))
        }
        return bytes
    }

    /// Groups of 16 bits; `::` stands once for those that are 0; the last two may be an IPv4 address (RFC 4291, 2.2). No zone.
    private static func address6(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)[...]
        guard (3...9).contains(parts.count) else { return nil }
        // `::` at an end leaves two empty parts there.
        if parts[0].isEmpty {
            guard parts[1].isEmpty else { return nil }
            parts.removeFirst()
        }
        if let last = parts.last, last.isEmpty, parts.count > 1 {
            guard parts[parts.endIndex - 2].isEmpty else { return nil }
            parts.removeLast()
        }
        var (bytes, gap) = ([UInt8](), Int?.none)
        for (index, part) in zip(parts.indices, parts) {
            if part.isEmpty {
                guard gap == nil else { return nil }
                gap = bytes.count
            } else if index == parts.endIndex - 1, let address = address4(part) {
                bytes += address
            } else {
                guard part.count <= 4, part.allSatisfy({ $0.hexadecimalDigit != nil }) else { return nil }
                let group = part.reduce(UInt16(0)) { $0 << 4 | UInt16($1.hexadecimalDigit ?? 0) }
                bytes += [UInt8(group >> 8), UInt8(group & 255)]
            }
        }
        guard let gap else { return bytes.count == 16 ? bytes : nil }
        guard bytes.count <= 14 else { return nil }
        bytes.insert(contentsOf: [UInt8](repeating: 0, count: 16 - bytes.count), at: gap)
        return bytes
    }
}

extension UInt8 {
    /// May stand in a reg-name as it is: unreserved or sub-delims (RFC 3986, 2.2 and 2.3).
    fileprivate var isNameCharacter: Bool {
        switch self {
        case UInt8(ascii: "!"), UInt8(ascii: "$"), 0x26...0x2E, UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: isAlphanumeric
        }
    }
}
