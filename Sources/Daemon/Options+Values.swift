// Options+Values.swift - what the values of options mean: switches, numbers, seconds, names of services.

import CDaemon

/// Options that were given, by name: the daemons' and those of the tool's commands.
protocol OptionValues {
    /// The text of the option; nil: it was not given.
    func text(_ name: StaticString) -> CText?
}

extension Options: OptionValues {}

extension Options {
    // MARK: Switches

    /// nil: neither. A value that is misunderstood could open what is meant to be shut: so these words and no others.
    static func isYes(_ text: CText?) -> Bool? {
        guard let text else { return false }
        for word in ["1", "yes", "true", "on"] as [StaticString] where word == text { return true }
        for word in ["0", "no", "false", "off"] as [StaticString] where word == text { return false }
        return nil
    }
}

extension OptionValues {
    // MARK: Numbers

    func number(_ name: StaticString, default fallback: Int, in range: ClosedRange<Int>) throws(Ending) -> Int {
        guard let text = text(name) else { return fallback }
        return try Self.thousandths(text, name, places: 0, upTo: range.upperBound, from: range.lowerBound) / 1000
    }

    /// Seconds, with up to three decimals, as milliseconds.
    func milliseconds(_ name: StaticString, default fallback: Int) throws(Ending) -> Int {
        guard let text = text(name) else { return fallback }
        return try Self.thousandths(text, name, places: 3, upTo: 1_000_000, from: 0)
    }

    private static func thousandths(
        _ text: CText, _ name: StaticString, places: Int, upTo limit: Int, from least: Int
    ) throws(Ending) -> Int {
        var (value, index, left, isFraction) = (0, 0, 3, false)
        while text[index] != 0 {
            let character = UInt8(bitPattern: text[index])
            index += 1
            if character == UInt8(ascii: "."), !isFraction, places > 0 {
                isFraction = true
                continue
            }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character), left > 0, value <= limit * 1000 else {
                throw .wrong("--\(name) \(String(c: text)): not a number that it takes")
            }
            value = value * 10 + Int(character - UInt8(ascii: "0"))
            if isFraction { left -= 1 }
        }
        for _ in 0..<left { value *= 10 }
        guard index > 0, (least * 1000...limit * 1000).contains(value) else {
            throw .wrong("--\(name) takes a number from \(least) to \(limit)")
        }
        return value
    }
}

extension Options {
    // MARK: Names

    /// Names of local services that peers may reach. A name that no peer can ask for, or that no service can have, is refused.
    func serviceNames(_ option: StaticString) throws(Ending) -> [[UInt8]] {
        var names: [[UInt8]] = []
        for text in list(option) {
            let name = bytes(of: text)
            let isWritable = name.last != UInt8(ascii: "/") && !name.contains { $0 < 32 || $0 == 127 }
            let code = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { path in
                path.baseAddress.map { cd_service_path($0, text) } ?? IPC_ERROR_SERVICE_PATH__INVALID_NAME
            }
            guard isWritable, code == IPC_ERROR_NONE else {
                let shown = String(bytes: name.prefix(100))
                throw .wrong("--\(option) '\(shown)': no service can have this name; write that of its socket in the run directory")
            }
            names.append(name)
        }
        return names
    }
}
