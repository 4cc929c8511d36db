// Output.swift - writes to stdout: lines of text without control characters for a terminal, and JSON objects that are valid for any bytes.

import CDaemon

/// Writes to stdout.
struct Output {
    /// A descriptor that becomes readable when a signal comes; -1: signals end the process themselves.
    var signals: Int32 = -1

    /// Writes all bytes. Returns false if the reader has left, or if a signal came while the reader was slow.
    func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return true }
            var done = 0
            while done < bytes.count {
                // A pipe that poll(2) calls writable takes PIPE_BUF bytes without blocking.
                let piece = signals < 0 ? bytes.count - done : min(bytes.count - done, 4096)
                if signals >= 0, !isWritable() { return false }
                let count = CDaemon.write(1, base + done, piece)
                if count < 0, cd_errno() == EINTR || cd_errno() == EAGAIN {
                    if cd_errno() == EAGAIN {
                        var entry = pollfd(fd: 1, events: Int16(POLLOUT), revents: 0)
                        poll(&entry, 1, -1)
                    }
                    continue
                }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
    }

    private func isWritable() -> Bool {
        while true {
            var entries = [pollfd(fd: 1, events: Int16(POLLOUT), revents: 0), pollfd(fd: signals, events: Int16(POLLIN), revents: 0)]
            guard poll(&entries, 2, -1) >= 0 else { continue }
            if entries[0].revents & Int16(POLLERR) != 0 { return false }
            if entries[0].revents != 0 { return true }
            if entries[1].revents != 0 { return false }
        }
    }
}

/// A text that is built piece by piece.
struct Line {
    var bytes: [UInt8] = []

    mutating func add(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
    mutating func add(_ number: Int) { bytes.append(contentsOf: "\(number)".utf8) }

    /// - Parameter limit: of the whole line, in bytes.
    mutating func add(escaped text: [UInt8], limit: Int = .max) {
        text.withUnsafeBufferPointer { Escape.append($0, to: &bytes, .unsafe, limit: limit) }
    }

    /// Keeps newlines and tabs, and escapes other control characters.
    mutating func add(lines text: [UInt8]) {
        text.withUnsafeBufferPointer { text in
            var start = 0
            for index in 0...text.count where index == text.count || text[index] == 9 || text[index] == 10 {
                Escape.append(UnsafeBufferPointer(rebasing: text[start..<index]), to: &bytes, .unsafe)
                if index < text.count { bytes.append(text[index]) }
                start = index + 1
            }
        }
    }

    mutating func add(hex data: [UInt8], limit: Int = .max) {
        bytes.reserveCapacity(bytes.count + 2 * min(data.count, limit))
        for byte in data.prefix(limit) { Escape.appendHexadecimal(UInt32(byte), digits: 2, to: &bytes) }
        if data.count > limit { bytes.append(contentsOf: [0xE2, 0x80, 0xA6]) }
    }

    /// Adds blanks up to this column, at least one.
    mutating func pad(to column: Int, since start: Int) {
        repeat { bytes.append(UInt8(ascii: " ")) } while bytes.count - start < column
    }
}

/// An object of JSON (RFC 8259).
struct JSONObject {
    private var line = Line()

    init() { line.add("{") }

    private mutating func key(_ name: StaticString, _ suffix: StaticString = "") {
        line.add(line.bytes.count == 1 ? "\"" : ",\"")
        line.add(name)
        line.add(suffix)
        line.add("\":")
    }

    mutating func set(_ name: StaticString, _ number: Int) {
        key(name)
        line.add(number)
    }

    mutating func set(_ name: StaticString, literal: StaticString) {
        key(name)
        line.add("\"")
        line.add(literal)
        line.add("\"")
    }

    /// Sets NAME to the text, or NAME_hex to hexadecimal digits where the bytes are no UTF-8.
    mutating func set(_ name: StaticString, _ bytes: [UInt8], asHex: Bool = false) {
        if asHex || !JSONObject.isText(bytes) {
            key(name, "_hex")
            line.add("\"")
            line.add(hex: bytes)
        } else {
            key(name)
            line.add("\"")
            addText(bytes)
        }
        line.add("\"")
    }

    private static func isText(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            var index = 0
            while index < bytes.count {
                let (scalar, count) = Escape.decode(bytes, at: index)
                if scalar == nil { return false }
                index += count
            }
            return true
        }
    }

    private mutating func addText(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { bytes in
            var index = 0
            while index < bytes.count {
                let (scalar, count) = Escape.decode(bytes, at: index)
                let value = scalar ?? 0xFFFD
                if value == 0x22 || value == 0x5C {
                    line.bytes.append(contentsOf: [0x5C, UInt8(value)])
                } else if Escape.isSafe(value) {
                    line.bytes.append(contentsOf: bytes[index..<(index + count)])
                } else {
                    // All unsafe characters have 16 bits at most.
                    line.add("\\u")
                    Escape.appendHexadecimal(value, digits: 4, to: &line.bytes)
                }
                index += count
            }
        }
    }

    /// The finished object. Nothing can be set afterwards.
    var bytes: [UInt8] { line.bytes + [UInt8(ascii: "}")] }
}
