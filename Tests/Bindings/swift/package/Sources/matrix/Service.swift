// Service.swift - the service of scenarios.md: a task that loops over events.

import IPC
import Synchronization

func serve() async throws {
    try await startTimers()
    let before = try countDescriptors()
    try await Server().run()
    print(line: "left \(try countDescriptors() - before)")
}

/// The runtime makes a descriptor for each clock when a timer of it is needed first, and keeps it: they are no leak.
private func startTimers() async throws {
    let sleeps = [
        Task { try await Task.sleep(for: .seconds(3600), clock: .continuous) },
        Task { try await Task.sleep(for: .seconds(3600), clock: .suspending) },
    ]
    while try countTimers() < sleeps.count { await Task.yield() }
    for sleep in sleeps { sleep.cancel() }
}

private final class Server {
    let service: Service
    let pipe: (reading: Int32, writing: Int32)
    var counts: [String: Int] = [:]
    var deadline: ContinuousClock.Instant?
    var timerMessage: Message?
    /// What went into the pipe, oldest first.
    var external: [Message] = []
    var waker: Message?
    var quitting: Connection?
    var killing: Connection?

    init() throws {
        service = try Service("matrix", options: [.reportSent, .reportSwitched, .acceptDescriptors])
        try service.listen("matrix-2")
        try service.listen("matrix-3")
        pipe = try makePipe()
        try service.watch(pipe.reading)
    }

    func run() async throws {
        print(line: "ready")
        while let event = try await service.next(timeout: deadline.map { $0 - .now }) {
            try handle(event)
            if case .disconnected(let connection) = event, connection == quitting { break }
        }
        service.close()
        closeDescriptor(pipe.reading)
        closeDescriptor(pipe.writing)
    }

    func handle(_ event: Event) throws {
        switch event {
        case .connected: count("connection")
        case .disconnected: count("disconnection")
        case .failed: count("error")
        case .switched: count("switch")
        // Its descriptors close themselves.
        case .pairEnded(let end): count(end.error == nil ? "disconnection" : "error")
        case .message(let message):
            count("message")
            try obey(message)
        case .sent(let connection):
            count("tx")
            if connection == killing { killThisProcess() }
        case .readable:
            count("external")
            let message = external.removeFirst()
            try service.reply(Payload(readAll(pipe.reading, message.payload.count)), to: message)
            try service.watch(pipe.reading)
        case .timer:
            count("timer")
            deadline = nil
            if let message = timerMessage { try service.reply(message.payload, to: message) }
        case .woken:
            count("wake")
            if let message = waker { try service.reply(Payload(), to: message) }
        }
    }

    func count(_ kind: String) { counts[kind, default: 0] += 1 }

    func obey(_ message: Message) throws {
        switch UnicodeScalar(message.userType) {
        case "q":
            quitting = message.sender
            try service.reply(Payload(), to: message)
        case "t":
            guard let milliseconds = message.text.flatMap({ Int($0) }) else { throw Unexpected(description: "\(message)") }
            timerMessage = message
            deadline = .now + .milliseconds(milliseconds)
        case "x":
            external.append(message)
            try writeAll(pipe.writing, message.payload)
        case "w":
            waker = message
            try service.wake()
        case "d":
            if let descriptor = message.descriptor?.take() {
                try writeAll(descriptor, message.payload)
                closeDescriptor(descriptor)
                try service.reply("written", to: message)
            } else {
                try service.reply("none", to: message)
            }
        case "D":
            let ends = try makePipe()
            try writeAll(ends.writing, message.payload)
            try service.reply("here", to: message, passing: ends.reading)
            closeDescriptor(ends.reading)
            closeDescriptor(ends.writing)
        case "s": try tie(message)
        case "k":
            killing = message.sender
            try service.reply(message.payload, to: message)
        case "v":
            let names = ["connection", "disconnection", "error", "external", "message", "switch", "timer", "tx", "wake"]
            try service.reply(Payload(names.map { "\($0)=\(counts[$0, default: 0])" }.joined(separator: " ")), to: message)
        case "m": try service.reply(Payload("\(countDescriptors()) \(residentMemory())"), to: message)
        default: try service.reply(message.payload, to: message, kind: message.kind)
        }
    }

    /// Lines at the end that asked, messages at the other.
    func tie(_ message: Message) throws {
        guard let client = message.sender else { return }
        let pending = Mutex<[UInt8]>([])
        let lines = Translation(
            read: { descriptor in
                let bytes = try readSome(descriptor)
                if bytes.isEmpty { return nil }
                return pending.withLock { pending in
                    var lines = (pending + bytes).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
                    pending = Array(lines.removeLast())
                    return lines.map { Message($0, userType: UInt8(ascii: "l")) }
                }
            },
            write: { descriptor, message in try writeAll(descriptor, Array(message.payload) + [UInt8(ascii: "\n")]) })
        try service.connectSwitched(Array(message.payload), to: client, translation: lines)
    }
}
