// Metrics.swift - the daemon's counters, and the place where Prometheus reads them (`--metrics`): HTTP/1.1, `GET /metrics`, the text format
// of version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
//
// Nobody but this machine is listened to. A client has one request, and few are here at a time: one more ends the oldest.

import CDaemon

struct Totals {
    var accepted: UInt64 = 0
    /// Turned away by a limit.
    var refused: UInt64 = 0
    private(set) var incoming = Traffic()
    private(set) var outgoing = Traffic()

    mutating func add(_ direction: Direction, _ messages: Int, _ bytes: Int) {
        switch direction {
        case .incoming: incoming.add(messages, bytes)
        case .outgoing: outgoing.add(messages, bytes)
        }
    }
}

final class Metrics {
    private static let mostClients = 8
    private static let longestHead = 4096

    let listeners: [Listener]
    private var clients: [(descriptor: Int32, head: [UInt8])] = []
    /// Seconds since 1970.
    private let start = Int64(time(nil))

    /// nil: nobody wants to know.
    init?(_ options: Options) throws(Ending) {
        guard let place = options.text("metrics") else { return nil }
        listeners = try Place.listen(only: place, for: "metrics")
        for listener in listeners { cd_set_blocking(listener.descriptor, 0) }
    }

    func knows(_ descriptor: Int32) -> Bool {
        clients.contains { $0.descriptor == descriptor } || listeners.contains { $0.descriptor == descriptor }
    }

    func readable<Owner>(_ descriptor: Int32, _ loop: Loop<Owner>) {
        guard let index = clients.firstIndex(where: { $0.descriptor == descriptor }) else { return accept(descriptor, loop) }
        guard let bytes = receive(Self.longestHead - clients[index].head.count, from: descriptor) else { return }
        clients[index].head += bytes
        let head = clients[index].head
        if bytes.isEmpty { return end(index, loop) }
        guard let request = MetricsRequest(head) else {
            if head.count >= Self.longestHead { end(index, loop) }
            return
        }
        _ = send(request.answer(text(loop)), to: descriptor)
        cd_stop_writing(descriptor)
        end(index, loop)
    }

    private func accept<Owner>(_ listener: Int32, _ loop: Loop<Owner>) {
        let client = cd_accept(listener)
        guard client >= 0 else { return }
        if clients.count == Self.mostClients { end(0, loop) }
        clients.append((client, []))
        loop.watch(client)
    }

    private func end<Owner>(_ index: Int, _ loop: Loop<Owner>) {
        let client = clients.remove(at: index).descriptor
        loop.unwatch(client)
        close(client)
    }

    private func text<Owner>(_ loop: Loop<Owner>) -> String {
        let totals = loop.totals
        var text = ""
        func say(_ name: StaticString, _ type: StaticString, _ help: StaticString, _ values: [(label: StaticString, value: UInt64)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for (label, value) in values { text += "\(name){daemon=\"\(Log.program)\"\(label)} \(value)\n" }
        }
        say("ipc_connections", "gauge", "Connections that are open.", [("", UInt64(loop.count))])
        let limit = UInt64(loop.settings.connections)
        say("ipc_connections_limit", "gauge", "Connections that may be open (--max-connections).", [("", limit)])
        say("ipc_connections_accepted_total", "counter", "Connections that were let in.", [("", totals.accepted)])
        say("ipc_connections_refused_total", "counter", "Connections that a limit has turned away.", [("", totals.refused)])
        say(
            "ipc_messages_total", "counter", "Messages from clients (in) and to them (out).",
            [(",direction=\"in\"", totals.incoming.messages), (",direction=\"out\"", totals.outgoing.messages)])
        say(
            "ipc_bytes_total", "counter", "Bytes of these messages.",
            [(",direction=\"in\"", totals.incoming.bytes), (",direction=\"out\"", totals.outgoing.bytes)])
        text += "# HELP process_start_time_seconds Start of the process, in seconds since 1970.\n"
        return text + "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds \(start)\n"
    }
}

/// A request for the counters, as far as it decides something.
struct MetricsRequest {
    private let line: [ArraySlice<UInt8>]
    private let host: ArraySlice<UInt8>?

    /// nil: the head is not whole.
    init?(_ head: [UInt8]) {
        let end: [UInt8] = [13, 10, 13, 10]
        guard head.count >= end.count, (0...(head.count - end.count)).contains(where: { head[$0..<($0 + 4)].elementsEqual(end) }) else {
            return nil
        }
        let lines = head.split(separator: 10).map { $0.last == 13 ? $0.dropLast() : $0 }
        line = lines.first?.split(separator: 32) ?? []
        host = lines.dropFirst().first { field in
            field.count > 5 && zip(field, "host:".utf8).allSatisfy { $0 == $1 || $0 | 32 == $1 }
        }?.dropFirst(5)
    }

    /// Any other name could be pointed at this machine by its owner (DNS rebinding), and a page of it could read the counters.
    private var isOurs: Bool {
        guard let host else { return true }
        let name = host.filter { $0 != 32 && $0 != 9 }
        let isAddress = name.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || ".:[]abcdefABCDEF".utf8.contains($0) }
        return isAddress || name.elementsEqual("localhost".utf8) || name.starts(with: "localhost:".utf8)
    }

    func answer(_ text: String) -> [UInt8] {
        guard line.count == 3, line[2].starts(with: "HTTP/1.".utf8) else { return answer("400 Bad Request", "") }
        guard isOurs else { return answer("403 Forbidden", "this is called by an address, or localhost\n") }
        let isHead = line[0].elementsEqual("HEAD".utf8)
        guard isHead || line[0].elementsEqual("GET".utf8) else { return answer("405 Method Not Allowed", "", "Allow: GET, HEAD\r\n") }
        let path = line[1].prefix { $0 != UInt8(ascii: "?") }
        guard path.elementsEqual("/metrics".utf8) else { return answer("404 Not Found", isHead ? "" : "the counters are at /metrics\n") }
        return answer("200 OK", text, hasBody: !isHead)
    }

    private func answer(_ status: StaticString, _ body: String, _ field: StaticString = "", hasBody: Bool = true) -> [UInt8] {
        let head = "HTTP/1.1 \(status)\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\(field)"
        return Array((head + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n" + (hasBody ? body : "")).utf8)
    }
}
