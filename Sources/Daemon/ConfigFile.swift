// ConfigFile.swift - the file of --config: options one a line, `allow pong`, `allow=pong` or `--allow pong`.
//
// Empty lines, and those that begin with #, say nothing. A value goes to the end of its line, without blanks around it. A switch needs
// none: `public` is `public yes`.

import CDaemon

final class ConfigFile {
    /// Bytes: a limit for a file that is none of ours by mistake.
    private static let largest = 1 << 20

    /// Point into `text`.
    private(set) var values: [Options.Given] = []
    private let text: UnsafeMutablePointer<CChar>

    init(_ path: CText, _ known: [Option]) throws(Ending) {
        var size = 0
        guard let text = cd_read_file(path, ConfigFile.largest, &size) else {
            throw .failed("cannot read \(String(c: path)): \(String.systemError(cd_errno()))")
        }
        self.text = text
        var (line, rest) = (0, text)
        while rest < text + size {
            line += 1
            let length = strcspn(rest, "\n")
            let next = rest + length
            let isCut = next < text + size && next.pointee == 0
            next.pointee = 0
            do throws(Ending) {
                if isCut { throw .wrong("a NUL is no text") }
                try read(rest, known)
            } catch { throw .wrong("\(String(c: path)):\(line): \(error.text)") }
            rest = next + 1
        }
    }

    deinit { free(text) }

    private func read(_ line: UnsafeMutablePointer<CChar>, _ known: [Option]) throws(Ending) {
        var name = line + strspn(line, " \t")
        var end = name + strlen(name)
        while end > name, strchr(" \t\r", Int32((end - 1).pointee)) != nil { end -= 1 }
        end.pointee = 0
        if name.pointee == 0 || name.pointee == CChar(UInt8(ascii: "#")) { return }
        if strncmp(name, "--", 2) == 0 { name += 2 }
        let length = strcspn(name, " \t=")
        var value = name + length
        value += strspn(value, " \t")
        let hasValue = value.pointee != 0
        if value.pointee == CChar(UInt8(ascii: "=")) { value += 1 + strspn(value + 1, " \t") }
        name[length] = 0
        let found = known.firstIndex { $0.name == CText(name) && !$0.isAction && !($0.name == ("config" as StaticString).cText) }
        guard let found else { throw .wrong("\(String(c: name)) is no option that a file can have") }
        if known[found].isSwitch, !hasValue {
            values.append((found, ("yes" as StaticString).cText))
        } else if !hasValue {
            throw .wrong("\(known[found].name) needs a value")
        } else if known[found].isList {
            let words = Options.words(of: value)
            // `allow =` is refused by whoever asks for the list.
            for word in words.isEmpty ? [CText(value)] : words { values.append((found, word)) }
        } else {
            values.append((found, CText(value)))
        }
    }

    /// Whether both say the same about this option.
    func isEqual(_ other: ConfigFile, of option: Int) -> Bool {
        let (mine, theirs) = (values.filter { $0.option == option }, other.values.filter { $0.option == option })
        return mine.count == theirs.count && !zip(mine, theirs).contains { strcmp($0.0.value, $0.1.value) != 0 }
    }
}
