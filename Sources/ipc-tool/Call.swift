// Call.swift - ipc call: sends messages to a service, and shows what it answers.

import CDaemon

extension Command {
    static let call = Command(
        name: "call", operands: "NAME [TEXT|-]...",
        about: "Sends a message to the service NAME for each TEXT (-: stdin), and shows each answer.",
        own: [
            Option(
                name: "type", argument: "TYPE", help: "of the messages: 0 to 255, or data (2, the default), error (1), server-close, lookup"
            ),
            Option(name: "user-type", argument: "N", help: "user type of the messages, 0 to 255 (default 0)"),
            Option(name: "hex", help: "each TEXT is hexadecimal digits, and answers are shown so"),
            Option(name: "lines", help: "each line of stdin is a message"),
            Option(name: "replies", argument: "N", help: "how many answers there will be in all (default: one for each message)"),
            Option(name: "timeout", argument: "SECONDS", help: "in which it connects, and the next answer comes (default 10; 0: for ever)"),
            .output("text (default on a terminal), raw (default elsewhere), or json: an object an answer"), .json,
        ],
        run: runCall)
}

private let limit = Int(IPC_MAX_MESSAGE_SIZE)

private func runCall(_ arguments: Arguments) throws(Ending) -> Int32 {
    let name = try arguments.service(most: .max)
    var call = try Call(arguments, name)
    let payloads = try call.payloads(Array(arguments.operands.dropFirst()))
    let connection = try Connection(name, within: call.sending.timeout)
    for payload in payloads { try call.send(payload, connection) }
    return try call.run(connection)
}

private struct Call {
    let name: String
    let form: Form
    let isHex: Bool
    let sending: Sending
    let isByLine: Bool
    /// The number of replies to wait for; nil: one for each message.
    let replies: Int?
    /// There can be several answers: in the raw form each is followed by a newline.
    private var isSeparated = false
    private var sent = 0
    private var unsent = 0
    private var received = 0
    private var failed = false
    /// With --lines: what has come from stdin after the last newline.
    private var rest: [UInt8] = []
    private var isReading: Bool

    init(_ arguments: Arguments, _ name: CText) throws(Ending) {
        self.name = String(c: name)
        form = try arguments.form([.text, .raw, .json], default: isatty(1) == 1 ? .text : .raw)
        isHex = arguments.has("hex")
        sending = try Sending(arguments)
        isByLine = arguments.has("lines")
        isReading = isByLine
        replies = arguments.has("replies") ? try arguments.number("replies", default: 1, in: 0...1_000_000) : nil
    }

    // MARK: What is sent

    mutating func payloads(_ texts: [CText]) throws(Ending) -> [[UInt8]] {
        isSeparated = isByLine || texts.count > 1 || (replies ?? 0) > 1
        if isByLine {
            if !texts.isEmpty { throw .wrong("--lines takes its messages from stdin, and no TEXT") }
            return []
        }
        if texts.isEmpty { return [[]] }
        var payloads: [[UInt8]] = []
        for text in texts {
            let given = ("-" as StaticString) == text ? try readAll() : bytes(of: text)
            payloads.append(try payload(given))
        }
        return payloads
    }

    private func payload(_ given: [UInt8]) throws(Ending) -> [UInt8] {
        let payload = isHex ? try decode(given) : given
        guard payload.count <= limit else { throw .wrong("\(name): a message has \(limit) bytes at most, and not \(payload.count)") }
        return payload
    }

    /// Decodes hexadecimal digits. Blanks, newlines and colons are allowed between bytes.
    private func decode(_ text: [UInt8]) throws(Ending) -> [UInt8] {
        var (bytes, high) = ([UInt8](), UInt8?.none)
        bytes.reserveCapacity(text.count / 2)
        for character in text {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
            case 9, 10, 13, UInt8(ascii: " "), UInt8(ascii: ":"):
                if high == nil { continue }
                throw .wrong("--hex: two digits are a byte; one is missing")
            default: throw .wrong("--hex: \(String(bytes: [character])) is no hexadecimal digit")
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        if high != nil { throw .wrong("--hex: two digits are a byte; one is missing") }
        return bytes
    }

    /// Reads stdin to its end, or until it is certainly too long for a message.
    private func readAll() throws(Ending) -> [UInt8] {
        var all: [UInt8] = []
        while all.count <= 4 * limit {
            guard let piece = try readPiece() else { break }
            all += piece
        }
        return all
    }

    /// Reads what is there; nil at the end of stdin.
    private func readPiece() throws(Ending) -> [UInt8]? {
        var number: Int32 = 0
        let piece = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            var got = 0
            repeat { got = read(0, base, buffer.count) } while got < 0 && cd_errno() == EINTR
            if got < 0 { number = cd_errno() }
            count = max(got, 0)
        }
        if number != 0 { throw .failed("stdin: \(String.systemError(number))") }
        return piece.isEmpty ? nil : piece
    }

    mutating func send(_ payload: [UInt8], _ connection: Connection) throws(Ending) {
        try connection.write(sending, payload)
        sent += 1
        unsent += 1
    }

    private mutating func readLines(_ connection: Connection) throws(Ending) {
        let piece = try readPiece()
        rest += piece ?? []
        var start = 0
        while let end = rest[start...].firstIndex(of: 10) {
            try send(try payload(Array(rest[start..<end])), connection)
            start = end + 1
        }
        rest.removeFirst(start)
        if piece == nil {
            if !rest.isEmpty { try send(try payload(rest), connection) }
            rest = []
            isReading = false
        }
        if rest.count > 4 * limit { _ = try payload(rest) }
    }

    // MARK: What comes

    private var isComplete: Bool { !isReading && received >= (replies ?? sent) }
    private var isWaited: Bool { received < (replies ?? sent) || unsent > 0 }

    mutating func run(_ connection: Connection) throws(Ending) -> Int32 {
        var isWatching = false
        var timer: Int32 = -1
        var known = (received, sent, unsent)
        while !isComplete {
            // Stdin waits while 64 messages are unsent: the service sets the pace.
            let wantsInput = isReading && unsent < 64
            if wantsInput != isWatching {
                if wantsInput { try connection.watch(0) } else { connection.unwatch(0) }
                isWatching = wantsInput
            }
            if !isWaited || sending.timeout == 0 {
                timer = -1
            } else if timer <= 0 || known != (received, sent, unsent) {
                timer = Int32(sending.timeout)
            }
            known = (received, sent, unsent)
            switch try connection.next(&timer) {
            case .message(let message): try receive(message)
            case .readable: try readLines(connection)
            case .sent: unsent -= 1
            case .late: throw .late("\(name): no answer: the time is up")
            case .ended(let reason): throw .failed("\(name): \(received == 0 ? "no answer: " : "")\(reason)")
            }
        }
        if unsent > 0 { try connection.flush(within: sending.timeout) }
        return failed ? 1 : 0
    }

    private mutating func receive(_ message: ipc_message) throws(Ending) {
        received += 1
        let header = FrameHeader(message)
        let payload = message.bytes
        let isError = header.type == UInt8(MSG_TYPE_ERR.rawValue)
        if isError { failed = true }
        if isError, form != .json { return complain("\(name): the service answers with an error: \(String(bytes: payload))") }
        var line = Line()
        switch form {
        case .json:
            var object = JSONObject()
            object.set(header)
            object.set("payload", payload, asHex: isHex)
            line.bytes = object.bytes
            line.add("\n")
        case .text where !isHex:
            line.add(lines: payload)
            if line.bytes.last != 10 { line.add("\n") }
        case .raw where !isHex:
            line.bytes = payload
            if isSeparated { line.add("\n") }
        default:
            line.add(hex: payload)
            line.add("\n")
        }
        guard Output().write(line.bytes) else { throw .failed("stdout: \(String.systemError(cd_errno()))") }
    }
}
