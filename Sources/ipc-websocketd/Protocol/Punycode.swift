// Punycode.swift - how browsers write a host with other letters than ASCII's (RFC 3492): for the hint to an administrator, who sees
// whether it is right. The mapping that comes before (UTS 46: capitals, composed letters) is not done here.

enum Punycode {
    /// `bücher.example:8080` as `xn--bcher-kva.example:8080`; nil: it is not UTF-8, or longer than a host (253 bytes and a port).
    static func host(_ text: [UInt8]) -> [UInt8]? {
        guard text.count <= 512, text.withUnsafeBytes({ UTF8Check.isValid($0) }) else { return nil }
        var host: [UInt8] = []
        for (index, label) in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).enumerated() {
            if index > 0 { host.append(UInt8(ascii: ".")) }
            let name = label.prefix { $0 != UInt8(ascii: ":") }
            host += name.allSatisfy { $0 < 0x80 } ? Array(name) : ("xn--" as StaticString).bytes + encode(scalars(name))
            host += label.dropFirst(name.count)
        }
        return host
    }

    /// Of valid UTF-8.
    private static func scalars(_ text: ArraySlice<UInt8>) -> [UInt32] {
        var scalars: [UInt32] = []
        for byte in text {
            if byte & 0xC0 == 0x80, let last = scalars.popLast() {
                scalars.append(last << 6 | UInt32(byte & 0x3F))
            } else {
                scalars.append(UInt32(byte & (byte < 0x80 ? 0x7F : byte < 0xE0 ? 0x1F : byte < 0xF0 ? 0x0F : 0x07)))
            }
        }
        return scalars
    }

    /// RFC 3492, 6.3. 512 scalars of 21 bits cannot overflow 32 bits by much: the arithmetic is in 64.
    private static func encode(_ input: [UInt32]) -> [UInt8] {
        var output = input.filter { $0 < 0x80 }.map { UInt8($0) }
        let basic = output.count
        var (handled, next, delta, bias) = (basic, UInt64(128), UInt64(0), UInt64(72))
        if basic > 0 { output.append(UInt8(ascii: "-")) }
        while handled < input.count, let least = input.filter({ UInt64($0) >= next }).min() {
            delta += (UInt64(least) - next) * UInt64(handled + 1)
            next = UInt64(least)
            for scalar in input {
                if UInt64(scalar) < next { delta += 1 }
                guard UInt64(scalar) == next else { continue }
                appendInteger(delta, bias, to: &output)
                bias = adapt(delta, UInt64(handled + 1), isFirst: handled == basic)
                (delta, handled) = (0, handled + 1)
            }
            (delta, next) = (delta + 1, next + 1)
        }
        return output
    }

    /// Digits of a number whose base changes with their place.
    private static func appendInteger(_ delta: UInt64, _ bias: UInt64, to output: inout [UInt8]) {
        var (rest, place) = (delta, UInt64(36))
        while true {
            let threshold = place <= bias ? 1 : min(place - bias, 26)
            guard rest >= threshold else { break }
            output.append(digit(threshold + (rest - threshold) % (36 - threshold)))
            rest = (rest - threshold) / (36 - threshold)
            place += 36
        }
        output.append(digit(rest))
    }

    private static func digit(_ value: UInt64) -> UInt8 {
        value < 26 ? UInt8(ascii: "a") + UInt8(value) : UInt8(ascii: "0") + UInt8(value - 26)
    }

    /// RFC 3492, 6.1.
    private static func adapt(_ delta: UInt64, _ count: UInt64, isFirst: Bool) -> UInt64 {
        var (delta, bias) = (isFirst ? delta / 700 : delta / 2, UInt64(0))
        delta += delta / count
        while delta > 455 { (delta, bias) = (delta / 35, bias + 36) }
        return bias + 36 * delta / (delta + 38)
    }
}
