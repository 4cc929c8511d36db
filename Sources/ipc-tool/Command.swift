// Command.swift - the commands of the tool, and the arguments of one: options anywhere, `--` ends them, `-` is none.

import CDaemon

struct Command: Sendable {
    let name: StaticString
    /// As `--help` shows them.
    let operands: StaticString
    let about: StaticString
    var own: [Option] = []
    let run: @Sendable (Arguments) throws(Ending) -> Int32

    var options: [Option] {
        own + [
            Option(name: "help", isAction: true, help: "show this, and exit"),
            Option(name: "version", isAction: true, help: "show the version, and exit"),
        ]
    }

    func help() -> String {
        var text = "usage: ipc \(name) [OPTION]... \(operands)\n\(about)\n\n"
        for option in options {
            text += option.isSwitch ? "  --\(option.name)\n" : "  --\(option.name) \(option.argument)\n"
            text += "        \(option.help)\n"
        }
        return text + "\nExit status: 0; 1 no service, no answer, or an error; 2 wrong usage; 124 the time is up. See ipc(1)."
    }
}

extension Option {
    static func output(_ help: StaticString) -> Option { Option(name: "output", argument: "FORM", help: help) }
    static let json = Option(name: "json", help: "the same as --output json")
    static let quiet = Option(name: "quiet", help: "say nothing on stderr but errors")
}

struct Arguments: OptionValues {
    let operands: [CText]
    private let options: [Option]
    private let given: [(option: Int, value: CText)]

    init(_ command: Command, _ count: Int, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) throws(Ending) {
        options = command.options
        var (operands, given, index, isOver) = ([CText](), [(option: Int, value: CText)](), 2, false)
        while index < count, let argument = arguments[index] {
            index += 1
            if isOver || argument[0] != CChar(UInt8(ascii: "-")) || argument[1] == 0 {
                operands.append(argument)
                continue
            }
            if ("--" as StaticString) == CText(argument) {
                isOver = true
                continue
            }
            let (option, attached) = try Arguments.find(argument, options, command)
            let name = options[option].name
            if options[option].isSwitch {
                if attached != nil { throw .wrong("--\(name) takes no value") }
                if ("help" as StaticString) == name.cText { throw Ending(text: command.help(), status: 0) }
                if ("version" as StaticString) == name.cText {
                    throw Ending(text: "ipc (libipc) \(String(c: cd_version()))", status: 0)
                }
                given.append((option, name.cText))
            } else if let value = attached {
                given.append((option, value))
            } else {
                guard index < count, let value = arguments[index] else { throw .wrong("--\(name) needs a value") }
                index += 1
                given.append((option, CText(value)))
            }
        }
        (self.operands, self.given) = (operands, given)
    }

    private static func find(_ argument: CText, _ options: [Option], _ command: Command) throws(Ending) -> (Int, CText?) {
        let length = strcspn(argument, "=")
        if length > 2, argument[1] == CChar(UInt8(ascii: "-")) {
            for (index, option) in options.enumerated()
            where option.name.utf8CodeUnitCount == length - 2 && strncmp(option.name.cText, argument + 2, length - 2) == 0 {
                return (index, argument[length] == 0 ? nil : argument + length + 1)
            }
        }
        throw .wrong("\(String(c: argument)) is no option of ipc \(command.name); see ipc \(command.name) --help")
    }

    // MARK: What was given

    /// The option's last value.
    func text(_ name: StaticString) -> CText? { given.last { options[$0.option].name == name.cText }?.value }

    func has(_ name: StaticString) -> Bool { text(name) != nil }

    /// The name of the service, which is the first operand.
    func service(most: Int = 1) throws(Ending) -> CText {
        guard let name = operands.first else { throw .wrong("the name of a service is missing") }
        guard operands.count <= most else { throw .wrong("\(String(c: operands[most])) is one argument too many") }
        _ = try RunDirectory.path(of: name)
        return name
    }

    /// - Parameter forms: those that the command has.
    func form(_ forms: [Form], default fallback: Form) throws(Ending) -> Form {
        guard let text = text("output") else { return has("json") ? .json : fallback }
        for form in forms where form.name == text { return form }
        var names = ""
        for form in forms { names += names.isEmpty ? "\(form.name)" : form == forms.last ? " or \(form.name)" : ", \(form.name)" }
        throw .wrong("--output takes \(names)")
    }
}

/// How a command writes its output.
enum Form {
    /// Lines for people; the payload's bytes as they are; one JSON object a line.
    case text, raw, json

    var name: StaticString {
        switch self {
        case .text: "text"
        case .raw: "raw"
        case .json: "json"
        }
    }
}
