// Account.swift - what the log and the counters know of one connection: its number, who the peer is, what it reaches, what went through.

import CDaemon

struct Traffic {
    var messages: UInt64 = 0
    var bytes: UInt64 = 0

    mutating func add(_ messages: Int, _ bytes: Int) {
        self.messages &+= UInt64(max(messages, 0))
        self.bytes &+= UInt64(max(bytes, 0))
    }
}

/// From the client, or to it.
enum Direction { case incoming, outgoing }

struct Account {
    /// Counted from 1 since the daemon has started.
    let number: UInt64
    /// Address and port; or user, group and process of a local peer. Behind a trusted proxy: whom that names.
    var peer: String
    /// The service that is reached, and where, as far as that is known; empty: none yet.
    var service = ""
    /// What a web page's browser has said; empty: nothing.
    var origin = ""
    /// In milliseconds of cd_now.
    private let start = cd_now()
    var incoming = Traffic()
    var outgoing = Traffic()

    init(_ number: UInt64, of client: Int32) { (self.number, peer) = (number, Account.peer(of: client)) }

    @inline(never)
    static func peer(of client: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let text = buffer.baseAddress else { return "" }
            cd_print_peer(client, text, buffer.count)
            return String(c: text)
        }
    }

    mutating func add(_ direction: Direction, _ messages: Int, _ bytes: Int) {
        switch direction {
        case .incoming: incoming.add(messages, bytes)
        case .outgoing: outgoing.add(messages, bytes)
        }
    }

    /// Why the connection is over, and all that is known of it.
    @inline(never)
    func logEnd(_ reason: String) { log(.info, "client \(number): \(reason); \(summary)") }

    var saidOrigin: String { origin.isEmpty ? "" : ", origin \(origin)" }

    /// For a line of the log.
    @inline(never)
    var summary: String {
        let time = (cd_now() - start) / 100
        var text = "from \(peer)"
        if !service.isEmpty { text += ", to \(service)" }
        text += saidOrigin
        text += ", \(time / 10).\(time % 10) s"
        text += ", in \(incoming.messages) messages \(incoming.bytes) bytes, out \(outgoing.messages) messages \(outgoing.bytes) bytes"
        return text
    }
}

extension Loop {
    /// Messages have gone from the client, or to it.
    func count(_ direction: Direction, of talk: Talk, messages: Int, bytes: Int) {
        talk.account.add(direction, messages, bytes)
        totals.add(direction, messages, bytes)
    }

    /// SIGUSR1: all connections, whatever the level of the log.
    func listConnections() {
        report("\(count) of \(settings.connections) connections")
        // Each is there with both its descriptors.
        for (descriptor, talk) in talks.enumerated() {
            if let talk, talk.client == descriptor { report("client \(talk.account.number): \(talk.account.summary)") }
        }
    }
}
