// Listen.swift - ipc listen: a service for the time being, which shows what comes, and answers what a command prints.

import CDaemon

extension Command {
    static let listen = Command(
        name: "listen", operands: "NAME", about: "Is the service NAME: shows what comes, and answers with what CMD prints.",
        own: [
            Option(name: "exec", argument: "CMD", help: "sh runs it for each message, which is its stdin; the answer is its stdout"),
            Option(name: "count", argument: "N", help: "end after so many messages"),
            .output("text (default), raw: payloads alone, as they come; or json: an object a line"), .json,
        ] + Journal.options + [.quiet],
        run: runListen)
}

private func runListen(_ arguments: Arguments) throws(Ending) -> Int32 {
    let name = try arguments.service()
    let form = try arguments.form([.text, .raw, .json], default: .text)
    let count = arguments.has("count") ? try arguments.number("count", default: 1, in: 1...1_000_000_000) : .max
    let signals = cd_signals_and_children()
    let reception = try Reception(name, signals, arguments.text("exec"), count, Journal(arguments, form, signals: signals))
    if !arguments.has("quiet") { complain("\(String(c: name)): listens at \(reception.path)") }
    return try reception.run()
}

private struct Question {
    let header: FrameHeader
    let payload: [UInt8]
}

private final class Client {
    let number: Int
    /// Messages that wait until the command for the message before has ended: answers keep the order of the messages.
    var questions: [Question] = []
    var bytes = 0
    var isRunning = false

    init(_ number: Int) { self.number = number }
}

/// A running command.
private struct Execution {
    let process: pid_t
    /// The descriptor of its stdout; -1 after its end.
    var output: Int32
    let client: Int32
    let number: Int
    let header: FrameHeader
    var printed: [UInt8] = []
    var isTooLong = false
}

private final class Reception {
    private let name: String
    let path: String
    private let context: UnsafeMutablePointer<ipc_ctx>
    private let event: UnsafeMutablePointer<ipc_event>
    private let signals: Int32
    private let command: CText?
    private var left: Int
    private let journal: Journal
    /// Indexed by descriptor.
    private var clients: [Client?] = []
    private var count = 0
    private var commands: [Execution] = []
    private var isStopping = false

    /// The limit of commands that run at the same time.
    private static let mostCommands = 64
    /// The limit of bytes of one client's messages that wait for commands: that of the library's queue for one receiver.
    private static let mostWaiting = 64 << 20

    init(_ name: CText, _ signals: Int32, _ command: CText?, _ count: Int, _ journal: Journal) throws(Ending) {
        self.name = String(c: name)
        self.signals = signals
        self.command = command
        self.journal = journal
        left = count
        context = .allocate(capacity: 1)
        context.initialize(to: ipc_ctx())
        event = .allocate(capacity: 1)
        event.initialize(to: ipc_event())
        guard cd_serve(context, name) == IPC_ERROR_NONE else { throw .failed("\(String(c: name)): \(String(c: cd_reason()))") }
        path = context.pointee.cinfos[0].spath.map { String(c: $0) } ?? ""
        if cd_watch(context, signals) != IPC_ERROR_NONE {
            _ = cd_close_all(context)
            throw .failed(String(c: cd_reason()))
        }
    }

    /// Runs until a signal comes, or until --count messages have come and are answered.
    func run() throws(Ending) -> Int32 {
        defer { end() }
        while !isStopping, !journal.hasEnded, left > 0 || !commands.isEmpty || clients.contains(where: { $0?.questions.isEmpty == false }) {
            var timer: Int32 = -1
            switch cd_wait(context, event, &timer) {
            case IPC_ERROR_NONE: handle(event.pointee)
            case IPC_ERROR_WAIT_EVENT__POLL: break
            case IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION, IPC_ERROR_USOCK_RECV,
                IPC_ERROR_USOCK_SEND, IPC_ERROR_USOCK_ACCEPT:
                // The system is short of memory or descriptors; nothing is lost.
                complain("\(name): \(String(c: cd_reason()))")
                poll(nil, 0, 50)
            default: throw .failed("\(name): \(String(c: cd_reason()))")
            }
        }
        return 0
    }

    /// Removes the socket, and ends the commands.
    private func end() {
        for command in commands { kill(command.process, SIGTERM) }
        if !isStopping { _ = ipc_flush(context, -1, 1000) }
        _ = cd_close_all(context)
        ipc_ctx_free(context)
        cd_empty(event)
    }

    // MARK: Events

    private func client(_ descriptor: Int32) -> Client? {
        descriptor >= 0 && Int(descriptor) < clients.count ? clients[Int(descriptor)] : nil
    }

    private func handle(_ event: ipc_event) {
        switch event.type {
        case IPC_EVENT_TYPE_CONNECTION:
            while clients.count <= Int(event.origin) { clients.append(nil) }
            count += 1
            clients[Int(event.origin)] = Client(count)
            _ = ipc_ctx_accept_fds(context, event.origin, 1)
            journal.comes(count, client: event.origin)
        case IPC_EVENT_TYPE_MESSAGE:
            if let message = event.m { hear(message.assumingMemoryBound(to: ipc_message.self).pointee, from: event.origin) }
        case IPC_EVENT_TYPE_EXTRA_SOCKET: event.origin == signals ? handleSignals() : hear(output: event.origin)
        case IPC_EVENT_TYPE_DISCONNECTION, IPC_EVENT_TYPE_ERROR:
            let reason = event.type == IPC_EVENT_TYPE_ERROR ? String(c: cd_reason()) : "the client has closed the connection"
            guard let client = client(event.origin) else { return hear(output: event.origin) }
            journal.leaves(client.number, reason)
            clients[Int(event.origin)] = nil
        default: break
        }
    }

    private func hear(_ message: ipc_message, from descriptor: Int32) {
        guard let client = client(descriptor), left > 0 else { return }
        var passed = 0
        let received = ipc_event_take_fd(event)
        if received >= 0 {
            close(received)
            passed = 1
        }
        left -= 1
        let header = FrameHeader(message)
        let payload = message.bytes
        journal.message(client.number, isAnswer: false, header, payload, descriptors: passed)
        guard command != nil else { return }
        client.questions.append(Question(header: header, payload: payload))
        client.bytes += payload.count + 200
        if client.bytes > Reception.mostWaiting {
            journal.leaves(client.number, "is turned out: too many of its messages wait for answers")
            clients[Int(descriptor)] = nil
            _ = cd_close_entry(context, descriptor)
            return
        }
        begin(descriptor)
    }

    private func handleSignals() {
        while !isStopping {
            switch cd_next_signal(signals) {
            case 0: return
            case SIGCHLD:
                var status: Int32 = 0
                while case let process = cd_next_child(&status), process > 0 { ended(process, status) }
            default: isStopping = true
            }
        }
    }

    // MARK: Commands

    /// Runs the command for the first message of a client that waits.
    private func begin(_ descriptor: Int32) {
        guard let command, let client = client(descriptor), !client.isRunning, commands.count < Reception.mostCommands,
            let question = client.questions.first
        else { return }
        client.questions.removeFirst()
        client.bytes -= question.payload.count + 200
        setVariables(question.header, descriptor)
        var output: Int32 = -1
        let process = question.payload.withUnsafeBytes { bytes -> pid_t in
            var nothing: UInt8 = 0
            return bytes.baseAddress.map { cd_run(command, $0, bytes.count, &output) } ?? cd_run(command, &nothing, 0, &output)
        }
        guard process > 0 else {
            let reason = "the command cannot be run: \(String.systemError(cd_errno()))"
            complain("\(name): \(reason)")
            return answer(descriptor, client.number, question.header, Array(reason.utf8), isError: true)
        }
        client.isRunning = true
        commands.append(
            Execution(process: process, output: output, client: descriptor, number: client.number, header: question.header))
        if cd_watch(context, output) != IPC_ERROR_NONE { complain("\(name): \(String(c: cd_reason()))") }
    }

    /// Sets the environment variables that describe the message and its sender.
    private func setVariables(_ header: FrameHeader, _ client: Int32) {
        var (user, group, process): (Int64, Int64, Int64) = (-1, -1, -1)
        cd_peer_ids(client, &user, &group, &process)
        let values: [(StaticString, Int64)] = [
            ("IPC_MESSAGE_TYPE", Int64(header.type)), ("IPC_MESSAGE_USER_TYPE", Int64(header.userType)), ("IPC_PEER_UID", user),
            ("IPC_PEER_GID", group), ("IPC_PEER_PID", process),
        ]
        for (name, value) in values {
            if value < 0 { unsetenv(name.cText) } else { _ = withCText(Array("\(value)".utf8)) { setenv(name.cText, $0, 1) } }
        }
    }

    /// Called when a command's stdout is readable or has ended.
    private func hear(output: Int32) {
        guard let index = commands.firstIndex(where: { $0.output == output }) else { return _ = cd_unwatch(context, output) }
        if !drain(index) { closeOutput(index) }
    }

    /// Reads what the command has printed. Returns whether more may come.
    private func drain(_ index: Int) -> Bool {
        let descriptor = commands[index].output
        guard descriptor >= 0 else { return false }
        while true {
            var got = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
                if let base = buffer.baseAddress { got = read(descriptor, base, buffer.count) }
                count = max(got, 0)
            }
            if got < 0 { return cd_errno() == EAGAIN || cd_errno() == EINTR }
            if got == 0 { return false }
            guard commands[index].printed.count + got <= Int(IPC_MAX_MESSAGE_SIZE) else {
                commands[index].isTooLong = true
                kill(commands[index].process, SIGTERM)
                return false
            }
            commands[index].printed += piece
        }
    }

    private func closeOutput(_ index: Int) {
        guard commands[index].output >= 0 else { return }
        _ = cd_unwatch(context, commands[index].output)
        close(commands[index].output)
        commands[index].output = -1
    }

    /// The answer is what was printed until the command's end. Background processes that still have its stdout are not waited for.
    private func ended(_ process: pid_t, _ status: Int32) {
        guard let index = commands.firstIndex(where: { $0.process == process }) else { return }
        _ = drain(index)
        closeOutput(index)
        let command = commands.remove(at: index)
        var printed = command.printed
        if command.isTooLong {
            printed = Array("the answer is longer than a message may be".utf8)
            complain("\(name): the command prints more than \(Int(IPC_MAX_MESSAGE_SIZE)) bytes")
        } else if status != 0 {
            complain("\(name): the command \(status < 0 ? "was ended by signal \(-status)" : "has ended with \(status)")")
        }
        answer(command.client, command.number, command.header, printed, isError: command.isTooLong || status != 0)
        if let client = client(command.client), client.number == command.number { client.isRunning = false }
        for descriptor in 0..<clients.count { begin(Int32(descriptor)) }
    }

    private func answer(_ descriptor: Int32, _ number: Int, _ header: FrameHeader, _ payload: [UInt8], isError: Bool) {
        guard let client = client(descriptor), client.number == number else { return }
        let type = isError ? UInt8(MSG_TYPE_ERR.rawValue) : header.type
        let code = queue(context, descriptor, type, header.userType, payload)
        if code != IPC_ERROR_NONE { return journal.notes(number, "cannot be answered: \(String(c: cd_reason()))") }
        let shown = FrameHeader(type: type, userType: header.userType, length: payload.count)
        journal.message(number, isAnswer: true, shown, payload, descriptors: 0)
    }
}
