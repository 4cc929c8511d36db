// Journal.swift - what listen and monitor show: a line for each client that comes or leaves, and for each message.

import CDaemon

final class Journal {
    private let form: Form
    private let isHex: Bool
    private let isWhole: Bool
    private let output: Output
    /// Stdout cannot be written any more, or a signal has come.
    private(set) var hasEnded = false

    /// Bytes of a payload that are shown without --full.
    private static let longest = 512

    static let options = [
        Option(name: "hex", help: "payloads are shown in hexadecimal digits"),
        Option(name: "full", help: "long payloads are shown whole; otherwise the first 512 bytes"),
    ]

    init(_ arguments: Arguments, _ form: Form, signals: Int32) {
        self.form = form
        isHex = arguments.has("hex")
        isWhole = arguments.has("full")
        output = Output(signals: signals)
    }

    private func write(_ bytes: [UInt8]) {
        if !hasEnded, !output.write(bytes) { hasEnded = true }
    }

    private func time(inUTC: Bool) -> [UInt8] {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress else { return [] }
            cd_print_time(inUTC ? 1 : 0, base, buffer.count)
            return bytes(of: base)
        }
    }

    /// `03:04:05.123456 #1 `
    private func line(_ connection: Int) -> Line {
        var line = Line(bytes: time(inUTC: false))
        line.add(" #")
        line.add(connection)
        line.add(" ")
        return line
    }

    private func object(_ connection: Int, _ event: StaticString) -> JSONObject {
        var object = JSONObject()
        object.set("time", time(inUTC: true))
        object.set("connection", connection)
        object.set("event", literal: event)
        return object
    }

    // MARK: Events

    func comes(_ connection: Int, client: Int32) {
        switch form {
        case .raw: break
        case .json:
            var object = object(connection, "connects")
            var (user, group, process): (Int64, Int64, Int64) = (-1, -1, -1)
            cd_peer_ids(client, &user, &group, &process)
            if user >= 0 { object.set("uid", Int(user)) }
            if group >= 0 { object.set("gid", Int(group)) }
            if process >= 0 { object.set("pid", Int(process)) }
            write(object.bytes + [10])
        case .text:
            var line = line(connection)
            line.add("connects: ")
            line.add(escaped: Array(Account.peer(of: client).utf8))
            line.add("\n")
            write(line.bytes)
        }
    }

    func leaves(_ connection: Int, _ reason: String) { tell(connection, "leaves", reason) }

    /// Tells of something else than a message.
    func notes(_ connection: Int, _ text: String) { tell(connection, "note", text) }

    private func tell(_ connection: Int, _ event: StaticString, _ reason: String) {
        switch form {
        case .raw: break
        case .json:
            var object = object(connection, event)
            object.set("reason", Array(reason.utf8))
            write(object.bytes + [10])
        case .text:
            var line = line(connection)
            line.add(event)
            line.add(": ")
            line.add(escaped: Array(reason.utf8))
            line.add("\n")
            write(line.bytes)
        }
    }

    /// - Parameters:
    ///   - isAnswer: the service has sent it.
    ///   - payload: its first `wanted` bytes at least.
    func message(_ connection: Int, isAnswer: Bool, _ header: FrameHeader, _ payload: [UInt8], descriptors: Int) {
        switch form {
        case .raw: if !isAnswer { write(payload) }
        case .json:
            var object = object(connection, "message")
            object.set("from", literal: isAnswer ? "service" : "client")
            object.set(header)
            if descriptors > 0 { object.set("descriptors", descriptors) }
            object.set("payload", payload, asHex: isHex)
            write(object.bytes + [10])
        case .text:
            var line = line(connection)
            line.add(isAnswer ? "< " : "> ")
            line.add(Int(header.type))
            line.add("/")
            line.add(Int(header.userType))
            line.add(" ")
            line.add(header.length)
            if descriptors > 0 {
                line.add(" +")
                line.add(descriptors)
                line.add("fd")
            }
            line.add(" ")
            if isHex {
                line.add(hex: payload, limit: isWhole ? .max : Journal.longest)
            } else {
                line.add(escaped: payload, limit: isWhole ? .max : line.bytes.count + Journal.longest)
            }
            line.add("\n")
            write(line.bytes)
        }
    }

    /// How many bytes of a payload `message` needs: one more than it shows, to see that the text is cut.
    var wanted: Int { form == .text && !isWhole ? Journal.longest + 1 : Int(IPC_MAX_MESSAGE_SIZE) }
}
