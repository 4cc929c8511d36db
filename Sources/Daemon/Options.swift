// Options.swift - a daemon's options: from its arguments, else from the environment, else from a file, else their defaults.
//
// `--max-connections 10` and `--max-connections=10` are, for the program ipc-tcpd, IPC_TCPD_MAX_CONNECTIONS in the environment, and the
// line `max-connections 10` in the file of --config (ConfigFile). An option that can be given more than once is a list with blanks or
// commas in the environment.

import CDaemon

struct Option {
    var name: StaticString
    /// Name of its value, in capitals; empty for a switch.
    var argument: StaticString = ""
    var isList = false
    /// SIGHUP reads it anew from the file. Other options count until the daemon ends.
    var isReread = false
    /// Does something at once and ends the program: neither in the environment nor in the file.
    var isAction = false
    var help: StaticString

    var isSwitch: Bool { argument.utf8CodeUnitCount == 0 }
}

/// Why the program ends before it has begun: with a text on stdout and 0, or on stderr and 2 (wrong options) or 1.
struct Ending: Error {
    let text: String
    let status: Int32

    static func wrong(_ text: String) -> Ending { Ending(text: text, status: 2) }
    static func failed(_ text: String) -> Ending { Ending(text: text, status: 1) }
}

struct Options {
    /// Index of the option in `known`, and its value.
    typealias Given = (option: Int, value: CText)

    private let program: StaticString
    private let known: [Option]
    /// From the arguments and the environment. These texts live as long as the process.
    private var given: [Given] = []
    private var file: ConfigFile?
    /// What the file says in vain, for the log.
    private(set) var notes: [String] = []

    static let common = [
        Option(name: "config", argument: "FILE", help: "options one a line, `allow pong` say; SIGHUP reads it anew"),
        Option(
            name: "socket-mode", argument: "MODE",
            help: "of Unix sockets, in octal digits; connecting needs write permission (default: 777 less the umask)"),
        Option(name: "socket-group", argument: "GROUP", help: "of Unix sockets, a name or a number (default: this process's)"),
        Option(name: "log", argument: "LEVEL", isReread: true, help: "error, warning, info (default) or debug, on stderr"),
        Option(
            name: "metrics", argument: "PLACE",
            help: "counters for Prometheus at /metrics there: HOST:PORT of this machine alone, or the path of a Unix socket"),
        Option(name: "ready-fd", argument: "N", help: "when ready write a newline to descriptor N, and no line to stdout"),
        Option(name: "drain", argument: "SECONDS", isReread: true, help: "after SIGTERM, in which clients may end (default 0)"),
        Option(name: "max-connections", argument: "N", isReread: true, help: "connections in all (default 2048)"),
        Option(
            name: "max-per-peer", argument: "N", isReread: true, help: "connections of one address, or of one local user (default 1024)"),
        Option(
            name: "hello-time", argument: "SECONDS", isReread: true, help: "in which a peer must say what it wants (default 10)"),
        Option(
            name: "connect-time", argument: "SECONDS", isReread: true, help: "in which what it wants must be reached (default 8)"),
        Option(
            name: "idle-time", argument: "SECONDS", isReread: true,
            help: "without a message, after which a connection ends (default: none)"),
        Option(name: "help", isAction: true, help: "show this, and exit"),
        Option(name: "version", isAction: true, help: "show the version, and exit"),
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
            if known[option].isAction {
                if attached != nil { throw .wrong("--\(known[option].name) takes no value") }
                throw Ending(text: known[option].name == ("help" as StaticString).cText ? help(about) : version, status: 0)
            }
            if let value = attached ?? (known[option].isSwitch ? Options.yes : arguments[index].map { CText($0) }) {
                if attached == nil, !known[option].isSwitch { index += 1 }
                given.append((option, value))
            } else {
                throw .wrong("--\(known[option].name) needs a value")
            }
        }
        readEnvironment()
        try checkSwitches()
        try reread()
    }

    private static var yes: CText { ("yes" as StaticString).cText }

    private var version: String { "\(program) (libipc) \(String(c: cd_version()))" }

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
        for (index, option) in known.enumerated() where !option.isAction && !given.contains(where: { $0.option == index }) {
            var name = [CChar]()
            for part in [program, "_", option.name] as [StaticString] {
                for offset in 0..<part.utf8CodeUnitCount { name.append(Options.variableCharacter(part.cText[offset])) }
            }
            name.append(0)
            guard let value = getenv(name), value.pointee != 0 else { continue }
            guard option.isList, let copy = strdup(value) else {
                given.append((index, CText(value)))
                continue
            }
            for word in Options.words(of: copy) { given.append((index, word)) }
        }
    }

    private static func variableCharacter(_ character: CChar) -> CChar {
        character == CChar(UInt8(ascii: "-")) ? CChar(UInt8(ascii: "_")) : CChar(toupper(Int32(character)))
    }

    /// Cuts a list with blanks or commas between, in place.
    static func words(of list: UnsafeMutablePointer<CChar>) -> [CText] {
        var (words, rest) = ([CText](), list)
        while true {
            rest += strspn(rest, " ,\t")
            if rest.pointee == 0 { return words }
            words.append(CText(rest))
            rest += strcspn(rest, " ,\t")
            if rest.pointee == 0 { return words }
            rest.pointee = 0
            rest += 1
        }
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

    // MARK: The file

    /// Reads the file of `--config`, at the start and again after SIGHUP. After an error all is as it was.
    mutating func reread() throws(Ending) {
        guard let path = text("config") else { return }
        let former = file
        file = try ConfigFile(path, known)
        do throws(Ending) { try checkSwitches() } catch {
            file = former
            throw error
        }
        notes = []
        guard let file else { return }
        for (index, option) in known.enumerated() {
            if file.values.contains(where: { $0.option == index }), given.contains(where: { $0.option == index }) {
                notes.append("\(option.name) in \(String(c: path)) does not count: the arguments or the environment have it, too")
            } else if let former, !option.isReread, !file.isEqual(former, of: index) {
                notes.append("\(option.name) in \(String(c: path)) has changed: that counts after a restart")
            }
        }
    }

    /// All switches, also those that nobody asks for.
    private func checkSwitches() throws(Ending) {
        for option in known where option.isSwitch && !option.isAction {
            guard let text = text(option.name), Options.isYes(text) == nil else { continue }
            throw .wrong("--\(option.name) takes 1, yes, true or on, or 0, no, false or off; not \(String(c: text))")
        }
    }

    // MARK: What was given

    /// A switch that is off is not given.
    func isGiven(_ name: StaticString) -> Bool {
        let isSwitch = known.contains { $0.isSwitch && $0.name == name.cText }
        return isSwitch ? Options.isYes(text(name)) ?? false : !list(name).isEmpty
    }

    /// As long as these options live.
    func list(_ name: StaticString) -> [CText] {
        guard let index = known.firstIndex(where: { $0.name == name.cText }) else { return [] }
        let values = given.filter { $0.option == index }
        return (values.isEmpty ? file?.values.filter { $0.option == index } ?? [] : values).map { $0.value }
    }

    /// The last one counts.
    func text(_ name: StaticString) -> CText? { list(name).last }
}
