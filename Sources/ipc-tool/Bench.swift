// Bench.swift - ipc bench: how fast a service answers: round trips of several sizes, one at a time and many in flight, and connects.

import CDaemon

extension Command {
    static let bench = Command(
        name: "bench", operands: "NAME", about: "Measures a service that answers each message: round trips, and connects.",
        own: [
            Option(name: "size", argument: "BYTES", help: "of the payloads (default: 16, 4096 and 65536 in turn)"),
            Option(name: "in-flight", argument: "N", help: "messages at the same time (default: 1 and 64 in turn)"),
            Option(name: "connects", help: "measure only connecting with one round trip"),
            Option(name: "seconds", argument: "SECONDS", help: "for each line (default 1)"),
            Option(name: "count", argument: "N", help: "end each line after so many round trips"),
            Option(name: "type", argument: "TYPE", help: "of the messages, as of ipc call (default data)"),
            Option(name: "user-type", argument: "N", help: "user type of the messages (default 0)"),
            Option(name: "timeout", argument: "SECONDS", help: "in which the next answer must come (default 10; 0: for ever)"),
            .output("text (default), or json: an object a line"), .json,
        ],
        run: runBench)
}

private func runBench(_ arguments: Arguments) throws(Ending) -> Int32 {
    let name = try arguments.service()
    let bench = try Bench(arguments, name)
    let size = arguments.has("size") ? try arguments.number("size", default: 16, in: 0...Int(IPC_MAX_MESSAGE_SIZE)) : nil
    let inFlight = arguments.has("in-flight") ? try arguments.number("in-flight", default: 1, in: 1...100_000) : nil
    try bench.begin()
    if !arguments.has("connects") {
        let connection = try Connection(name, within: bench.sending.timeout)
        connection.leaveOutSent()
        for size in size.map({ [$0] }) ?? [16, 4096, 65536] {
            for inFlight in inFlight.map({ [$0] }) ?? [1, 64] { try bench.roundTrips(connection, size, inFlight) }
        }
    }
    if arguments.has("connects") || (size == nil && inFlight == nil) { try bench.connects(size ?? 16) }
    return 0
}

private struct Bench {
    let service: CText
    let form: Form
    let sending: Sending
    let duration: Int64
    let count: Int

    init(_ arguments: Arguments, _ service: CText) throws(Ending) {
        self.service = service
        form = try arguments.form([.text, .json], default: .text)
        sending = try Sending(arguments)
        count = arguments.has("count") ? try arguments.number("count", default: 1, in: 1...1_000_000_000) : .max
        // With --count alone there is no limit of time.
        let wanted = try arguments.milliseconds("seconds", default: count == .max ? 1000 : 1_000_000_000)
        duration = Int64(wanted) * 1_000_000
    }

    // MARK: Measuring

    private var name: String { String(c: service) }

    /// Waits for one answer, and returns its length.
    private func answer(_ connection: Connection) throws(Ending) -> Int {
        var timer = sending.timeout == 0 ? -1 : Int32(sending.timeout)
        while true {
            switch try connection.next(&timer) {
            case .message(let message):
                let header = FrameHeader(message)
                if header.type == UInt8(MSG_TYPE_ERR.rawValue), sending.type != header.type {
                    throw .failed("\(name): the service answers with an error: \(String(bytes: message.bytes))")
                }
                return header.length
            case .late: throw .late("\(name): no answer: the time is up")
            case .ended(let reason): throw .failed("\(name): \(reason)")
            case .readable, .sent: continue
            }
        }
    }

    private func payload(_ size: Int) -> [UInt8] { (0..<size).map { UInt8(ascii: "a") + UInt8($0 % 26) } }

    /// Assumes that answers come in the order of the messages.
    func roundTrips(_ connection: Connection, _ size: Int, _ inFlight: Int) throws(Ending) {
        let payload = payload(size)
        // A ring of the times at which messages were written.
        var times = [Int64](repeating: 0, count: inFlight)
        var (sent, received, histogram, differing) = (0, 0, Histogram(), 0)
        let start = cd_nanoseconds()
        var now = start
        while true {
            let isOver = now - start >= duration || sent >= count
            if isOver, received == sent { break }
            while !isOver, sent - received < inFlight, sent < count {
                times[sent % inFlight] = cd_nanoseconds()
                try connection.write(sending, payload)
                sent += 1
            }
            if try answer(connection) != size { differing += 1 }
            now = cd_nanoseconds()
            histogram.add(now - times[received % inFlight])
            received += 1
        }
        try show("round trips", size, inFlight, histogram, now - start, differing)
    }

    func connects(_ size: Int) throws(Ending) {
        let payload = payload(size)
        var (histogram, differing) = (Histogram(), 0)
        let start = cd_nanoseconds()
        var now = start
        while now - start < duration, histogram.total < count {
            let before = cd_nanoseconds()
            let connection = try Connection(service, within: sending.timeout)
            try connection.write(sending, payload)
            if try answer(connection) != size { differing += 1 }
            now = cd_nanoseconds()
            histogram.add(now - before)
        }
        try show("connects", size, 1, histogram, now - start, differing)
    }

    // MARK: Showing

    func begin() throws(Ending) {
        if form == .text {
            try write(Array("WHAT            SIZE  IN FLIGHT       COUNT  PER SECOND    P50 us    P99 us    MAX us\n".utf8))
        }
    }

    private func write(_ bytes: [UInt8]) throws(Ending) {
        guard Output().write(bytes) else { throw .failed("stdout: \(String.systemError(cd_errno()))") }
    }

    private func show(
        _ what: StaticString, _ size: Int, _ inFlight: Int, _ histogram: Histogram, _ time: Int64, _ differing: Int
    ) throws(Ending) {
        let seconds = Double(max(time, 1)) / 1e9
        let rate = Int(Double(histogram.total) / seconds)
        if form == .json {
            var object = JSONObject()
            object.set("what", literal: what)
            object.set("size", size)
            object.set("in_flight", inFlight)
            object.set("count", histogram.total)
            object.set("nanoseconds", Int(time))
            object.set("per_second", rate)
            object.set("p50_ns", Int(histogram.percentile(500)))
            object.set("p99_ns", Int(histogram.percentile(990)))
            object.set("max_ns", Int(histogram.longest))
            object.set("differing", differing)
            return try write(object.bytes + [10])
        }
        var line = Line()
        line.add(what)
        for (value, end) in [
            (Array("\(size)".utf8), 20), (Array("\(inFlight)".utf8), 31), (Array("\(histogram.total)".utf8), 43),
            (Array("\(rate)".utf8), 55),
        ] {
            right(value, end, &line)
        }
        right(microseconds(histogram.percentile(500)), 65, &line)
        right(microseconds(histogram.percentile(990)), 75, &line)
        right(microseconds(histogram.longest), 85, &line)
        if differing > 0 { line.bytes += Array("  \(differing) answers of another length".utf8) }
        try write(line.bytes + [10])
    }

    /// Microseconds with one decimal.
    private func microseconds(_ nanoseconds: Int64) -> [UInt8] { Array("\(nanoseconds / 1000).\(nanoseconds / 100 % 10)".utf8) }

    /// Adds the text so that it ends at this column.
    private func right(_ text: [UInt8], _ end: Int, _ line: inout Line) {
        repeat { line.add(" ") } while line.bytes.count + text.count < end
        line.bytes += text
    }
}
