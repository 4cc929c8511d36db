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
}

/// - Parameter text: made only where somebody wants it.
func log(_ level: LogLevel, _ text: @autoclosure () -> String) {
    guard level.rawValue <= Log.level.rawValue else { return }
    var text = text()
    text.withUTF8 { bytes in
        guard let base = bytes.baseAddress else { return }
        cd_log_line(Log.program.cText, LogLevel.names[level.rawValue].cText, base, bytes.count)
    }
}

extension StaticString {
    /// A literal ends with a NUL.
    var cText: CText { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }

    static func == (literal: StaticString, text: CText) -> Bool { strcmp(literal.cText, text) == 0 }
}

extension String {
    init(c text: CText) { self.init(bytes: UnsafeRawBufferPointer(start: text, count: strlen(text))) }
    init(bytes: some Collection<UInt8>) { self.init(decoding: bytes, as: UTF8.self) }

    static func systemError(_ number: Int32) -> String { String(c: strerror(number)) }
}
