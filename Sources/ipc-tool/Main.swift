// Main.swift - ipc, the tool for whoever looks after services: lists them, calls one, is one, shows what is said, and measures.

import CDaemon

/// In the order of the help. Each has a file of its own.
let commands: [Command] = [.list, .call, .listen, .monitor, .bench]

/// The exit status when the time is up, as that of timeout(1).
let lateStatus: Int32 = 124

extension Ending {
    static func late(_ text: String) -> Ending { Ending(text: text, status: lateStatus) }
}

private func help() -> String {
    var text = "usage: ipc COMMAND [OPTION]... [ARGUMENT]...\nServices of libipc: looks at them, and talks with them.\n\n"
    for command in commands { text += "  ipc \(command.name) \(command.operands)\n        \(command.about)\n" }
    return text + "\nipc COMMAND --help tells its options; see also ipc(1)."
}

private func run(_ count: Int32, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) throws(Ending) -> Int32 {
    guard count > 1, let name = arguments[1].map({ CText($0) }) else { throw .wrong("a command is missing; see ipc --help") }
    if ("--help" as StaticString) == name || ("help" as StaticString) == name { throw Ending(text: help(), status: 0) }
    if ("--version" as StaticString) == name { throw Ending(text: "ipc (libipc) \(String(c: cd_version()))", status: 0) }
    guard let command = commands.first(where: { $0.name == name }) else {
        throw .wrong("\(String(c: name)) is no command; see ipc --help")
    }
    return try command.run(try Arguments(command, Int(count), arguments))
}

/// Writes `ipc: NAME: reason` to stderr.
func complain(_ text: String) {
    var line = Line()
    line.add("ipc: ")
    line.add(escaped: Array(text.utf8))
    line.add("\n")
    line.bytes.withUnsafeBytes { if let base = $0.baseAddress { _ = write(2, base, $0.count) } }
}

@c(main)
func main(_ count: Int32, _ arguments: UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    cd_open_standard()
    do throws(Ending) { return try run(count, arguments) } catch {
        if error.status != 0 {
            if !error.text.isEmpty { complain(error.text) }
            return error.status
        }
        return Output().write(Array((error.text + "\n").utf8)) ? 0 : 1
    }
}
