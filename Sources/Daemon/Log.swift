// Log.swift - what a daemon says on stderr: lines `PROGRAM: LEVEL: TEXT`, of the levels that were asked for.

import CDaemon

typealias CText = UnsafePointer<CChar>

enum LogLevel: Int {
    case error, warning, info, debug

    static let names: [StaticString] = ["error", "warning", "info", "debug"]

    init?(named name: CText) {
        guard let index = LogLevel.names.firstIndex(where: { $0 == name }) else { return nil }
        self.init(rawValue: index)
    }
}

/// A daemon is one thread: this is set once, before its loop.
enum Log {
    nonisolated(unsafe) static var program: StaticString = "daemon"
    nonisolated(unsafe) static var level = LogLevel.info
    /// Of a line, in bytes: several fit into what a pipe takes at once (PIPE_BUF, 4096), so that no line is cut by another.
    static let longest = 1024
}

/// Writes one line, whatever `text` holds.
/// - Parameter text: made only where somebody wants it.
func log(_ level: LogLevel, _ text: @autoclosure () -> String) {
    if level.rawValue <= Log.level.rawValue { write(level, text()) }
}

/// Writes one line that somebody has asked for.
func report(_ text: String) { write(.info, text) }

/// Not inline: else each line of the log would bring its own copy.
@inline(never)
private func write(_ level: LogLevel, _ text: String) {
    var (line, text) = ([UInt8](), text)
    line.reserveCapacity(Log.longest)
    for part in [Log.program, ": ", LogLevel.names[level.rawValue], ": "] as [StaticString] {
        line.append(contentsOf: UnsafeBufferPointer(start: part.utf8Start, count: part.utf8CodeUnitCount))
    }
    text.withUTF8 { Escape.append($0, to: &line, .unsafe, limit: Log.longest) }
    line.append(UInt8(ascii: "\n"))
    line.withUnsafeBufferPointer { if let base = $0.baseAddress { cd_log_line(base, $0.count) } }
}

extension StaticString {
    /// A literal ends with a NUL.
    var cText: CText { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }

    static func == (literal: StaticString, text: CText) -> Bool { strcmp(literal.cText, text) == 0 }
}

extension String {
    init(c text: CText) { self.init(bytes: UnsafeRawBufferPointer(start: text, count: strlen(text))) }

    /// Bytes that are not UTF-8 are escaped.
    init(bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        var text: [UInt8] = []
        bytes.withUnsafeBufferPointer { Escape.append($0, to: &text, .invalid) }
        self.init(decoding: text, as: UTF8.self)
    }

    static func systemError(_ number: Int32) -> String { String(c: strerror(number)) }
}
