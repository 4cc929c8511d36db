// Options.swift - a daemon's options: from its arguments, else from the environment, else their defaults.
//
// `--max-connections 10` and `--max-connections=10` are, for the program ipc-tcpd, IPC_TCPD_MAX_CONNECTIONS in the environment.
// What can be given more than once is there a list, with blanks or commas between.

import CDaemon

struct Option {
    var name: StaticString
    /// What follows it, in capitals; empty for a switch.
    var argument: StaticString = ""
    var isList = false
    var help: StaticString

    var isSwitch: Bool { argument.utf8CodeUnitCount == 0 }
}

/// Why the program ends before it has begun: with a text on stdout and 0, or on stderr and 2.
struct Ending: Error {
    let text: String
    let status: Int32

    static func wrong(_ text: String) -> Ending { Ending(text: text, status: 2) }
    static func failed(_ text: String) -> Ending { Ending(text: text, status: 1) }
}

struct Options {
    private let program: StaticString
    private let known: [Option]
    /// Index of the option, and its value; these texts live as long as the process.
    private var given: [(option: Int, value: CText)] = []

    static let common = [
        Option(name: "log", argument: "LEVEL", help: "error, warning, info (default) or debug, on stderr"),
        Option(name: "ready-fd", argument: "N", help: "when ready write a newline to descriptor N, and no line to stdout"),
        Option(name: "max-connections", argument: "N", help: "connections in all (default 2048)"),
        Option(name: "max-per-peer", argument: "N", help: "connections of one address, or of one local user (default 1024)"),
        Option(name: "hello-time", argument: "SECONDS", help: "in which a peer must say what it wants (default 10)"),
        Option(name: "connect-time", argument: "SECONDS", help: "in which what it wants must be reached (default 8)"),
        Option(name: "idle-time", argument: "SECONDS", help: "without a message, after which a connection ends (default: none)"),
        Option(name: "help", help: "show this, and exit"),
        Option(name: "version", help: "show the version, and exit"),
    ]

    init(
        _ program: StaticString, about: StaticString, _ own: [Option], _ count: Int32,
        _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>
    ) throws(Ending) {
        self.program = program
        known = own + Options.common
        var index = 1
        while index < Int(count), let argument = arguments[index] {
            index += 1
            let (option, attached) = try find(argument)
            if known[option].isSwitch {
                if attached != nil { throw .wrong("--\(known[option].name) takes no value") }
                given.append((option, CText(argument)))
            } else if let value = attached ?? arguments[index].map({ CText($0) }) {
                if attached == nil { index += 1 }
                given.append((option, value))
            } else {
                throw .wrong("--\(known[option].name) needs a value")
            }
        }
        if isGiven("help") { throw Ending(text: help(about), status: 0) }
        if isGiven("version") { throw Ending(text: "\(program) (libipc) \(String(c: cd_version()))", status: 0) }
        readEnvironment()
    }

    private func find(_ argument: CText) throws(Ending) -> (option: Int, attached: CText?) {
        let length = strcspn(argument, "=")
        if strncmp(argument, "--", 2) == 0 {
            for (index, option) in known.enumerated()
            where option.name.utf8CodeUnitCount == length - 2 && strncmp(option.name.cText, argument + 2, length - 2) == 0 {
                return (index, argument[length] == 0 ? nil : argument + length + 1)
            }
        }
        throw .wrong("\(String(c: argument)) is no option; see \(program) --help")
    }

    private mutating func readEnvironment() {
        for (index, option) in known.enumerated() where !isGiven(option.name) {
            var name = [CChar]()
            for part in [program, "_", option.name] as [StaticString] {
                for offset in 0..<part.utf8CodeUnitCount { name.append(Options.variableCharacter(part.cText[offset])) }
            }
            name.append(0)
            guard let value = getenv(name), value.pointee != 0 else { continue }
            guard option.isList, var rest = strdup(value) else {
                given.append((index, CText(value)))
                continue
            }
            while true {
                rest += strspn(rest, " ,\t")
                if rest.pointee == 0 { break }
                given.append((index, CText(rest)))
                rest += strcspn(rest, " ,\t")
                if rest.pointee == 0 { break }
                rest.pointee = 0
                rest += 1
            }
        }
    }

    private static func variableCharacter(_ character: CChar) -> CChar {
        character == CChar(UInt8(ascii: "-")) ? CChar(UInt8(ascii: "_")) : CChar(toupper(Int32(character)))
    }

    private func help(_ about: StaticString) -> String {
        var text = "usage: \(program) [OPTION]...\n\(about)\n\n"
        for option in known {
            text += option.isSwitch ? "  --\(option.name)" : "  --\(option.name) \(option.argument)"
            text += option.isList ? "  (repeatable)\n" : "\n"
            text += "        \(option.help)\n"
        }
        return text + "\nEach can be set in the environment too; see \(program)(8)."
    }

    // MARK: What was given

    func isGiven(_ name: StaticString) -> Bool { !list(name).isEmpty }

    func list(_ name: StaticString) -> [CText] {
        var values: [CText] = []
        for (option, value) in given where known[option].name == name.cText { values.append(value) }
        return values
    }

    /// The last one counts.
    func text(_ name: StaticString) -> CText? { list(name).last }

    func number(_ name: StaticString, default fallback: Int, in range: ClosedRange<Int>) throws(Ending) -> Int {
        guard let text = text(name) else { return fallback }
        return try Options.thousandths(text, name, places: 0, upTo: range.upperBound, from: range.lowerBound) / 1000
    }

    /// Seconds, with up to three decimals, as milliseconds.
    func milliseconds(_ name: StaticString, default fallback: Int) throws(Ending) -> Int {
        guard let text = text(name) else { return fallback }
        return try Options.thousandths(text, name, places: 3, upTo: 1_000_000, from: 0)
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
