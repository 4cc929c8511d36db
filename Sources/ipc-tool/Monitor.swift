// Monitor.swift - ipc monitor: stands between a service and its clients, and shows what they say.
//
// Services trust the kernel's word on who connects (ipc_peer(3)). So root connects to the service with each client's user and groups, and
// any other user accepts only clients of that same user.

import CDaemon

extension Command {
    static let monitor = Command(
        name: "monitor", operands: "NAME", about: "Stands between the service NAME and its clients, and shows their messages.",
        own: [
            Option(name: "as", argument: "OTHER", help: "leave NAME where it is: clients that connect to OTHER reach it"),
            .output("text (default), or json: an object a line"), .json,
        ] + Journal.options + [.quiet],
        run: runMonitor)
}

private func runMonitor(_ arguments: Arguments) throws(Ending) -> Int32 {
    let name = try arguments.service()
    let form = try arguments.form([.text, .json], default: .text)
    let signals = cd_signals_and_children()
    let isQuiet = arguments.has("quiet")
    _ = cd_raise_descriptor_limit(65536)
    let journal = Journal(arguments, form, signals: signals)
    if let other = arguments.text("as") {
        let target: Target = getenv("IPC_NETWORK").map { $0.pointee != 0 } == true ? .name(name) : .path(try RunDirectory.path(of: name))
        let listener = try Listener.besides(other)
        if !isQuiet { complain("\(String(c: name)): clients of \(String(c: other)) reach it through this; Ctrl-C ends that") }
        let monitor = Monitor(name, target, listener.descriptor, signals, journal)
        monitor.run()
        listener.remove()
        return 0
    }
    let detour = try Detour(name)
    if !isQuiet { complain("\(String(c: name)): its socket is \(detour.shownReal) meanwhile; Ctrl-C puts it back") }
    let monitor = Monitor(name, .path(detour.real), detour.listener, signals, journal)
    monitor.isInFront = true
    if Listening().waiting(at: detour.status) != nil { monitor.service = detour.status }
    monitor.run()
    guard detour.end() else {
        throw .failed("\(String(c: name)): its socket could not be put back; \(detour.howToMend)")
    }
    if monitor.isServiceGone { throw .failed("\(String(c: name)): the service has ended") }
    return 0
}

extension Listener {
    /// Listens under another name. Only this user may connect, unless the environment says otherwise.
    fileprivate static func besides(_ name: CText) throws(Ending) -> Listener {
        let path = try RunDirectory.path(of: name)
        if getenv("IPC_SOCKET_MODE").map({ $0.pointee != 0 }) != true { setenv("IPC_SOCKET_MODE", "600", 1) }
        var descriptor: Int32 = -1
        guard cd_listen_at_path(&descriptor, path) == IPC_ERROR_NONE else { throw .failed("\(String(c: name)): \(String(c: cd_reason()))") }
        cd_set_blocking(descriptor, 0)
        return Listener(descriptor: descriptor, path: path, name: String(c: name))
    }
}

private enum Target {
    case path([CChar])
    /// Reached through IPC_NETWORK.
    case name(CText)
}

private struct Pair {
    let number: Int
    let toService: Way
    let toClient: Way

    var client: Int32 { toService.from }
    var service: Int32 { toService.to }
}

/// A client that waits because the service's backlog is full.
private struct Waiting {
    let number: Int
    let client: Int32
    let since: Int64
}

private final class Monitor {
    private let name: CText
    private let target: Target
    private let listener: Int32
    private let signals: Int32
    private let journal: Journal
    private var pairs: [Pair] = []
    private var waiting: [Waiting] = []
    private var count = 0
    private var isFull = false
    private var isStopping = false
    /// The monitor has taken the service's name.
    var isInFront = false
    /// The service's socket; nil where the kernel cannot tell whether somebody listens at it.
    var service: stat?
    private(set) var isServiceGone = false

    init(_ name: CText, _ target: Target, _ listener: Int32, _ signals: Int32, _ journal: Journal) {
        (self.name, self.target, self.listener, self.signals, self.journal) = (name, target, listener, signals, journal)
        cd_set_blocking(listener, 0)
    }

    /// Runs until a signal comes, stdout cannot be written, or the service ends.
    func run() {
        while !isStopping, !journal.hasEnded, !isServiceGone {
            var entries = [entry(signals, POLLIN), entry(isFull ? -1 : listener, POLLIN)]
            let known = pairs
            for pair in known {
                entries.append(entry(pair.client, pair.toService, pair.toClient))
                entries.append(entry(pair.service, pair.toClient, pair.toService))
            }
            let ready = poll(&entries, nfds_t(entries.count), patience)
            if ready < 0 { continue }
            if entries[0].revents != 0 { handleSignals() }
            for (index, pair) in known.enumerated() { serve(pair, entries[2 * index + 2].revents, entries[2 * index + 3].revents) }
            if entries[1].revents != 0 { accept() }
            let late = waiting
            waiting = []
            for client in late { connect(client) }
            if ready == 0 {
                isFull = false
                lookForService()
            }
        }
        for pair in pairs { end(pair, "the monitor ends") }
        for client in waiting { close(client.client) }
    }

    /// The timeout of poll(2) in milliseconds: some changes are seen only by looking again.
    private var patience: Int32 {
        if !waiting.isEmpty { return 50 }
        return service == nil && !isFull ? -1 : 1000
    }

    private func entry(_ descriptor: Int32, _ events: Int32) -> pollfd { pollfd(fd: descriptor, events: Int16(events), revents: 0) }

    /// Leaves out (-1) a descriptor from which nothing is wanted: poll(2) would report its hang-up again and again.
    private func entry(_ descriptor: Int32, _ away: Way, _ towards: Way) -> pollfd {
        let events = (away.wantsBytes ? POLLIN : 0) | (towards.hasBytes ? POLLOUT : 0)
        let wantsHangUp = away.hasEnded && !towards.hasEnded
        return entry(events == 0 && !wantsHangUp ? -1 : descriptor, events)
    }

    private func handleSignals() {
        while !isStopping {
            switch cd_next_signal(signals) {
            case 0: return
            case SIGCHLD: break
            default: isStopping = true
            }
        }
    }

    // MARK: Clients

    private func accept() {
        while true {
            let client = cd_accept(listener)
            guard client >= 0 else {
                // Until a connection ends there is no descriptor for it.
                isFull = cd_errno() == EMFILE || cd_errno() == ENFILE
                return
            }
            count += 1
            journal.comes(count, client: client)
            connect(Waiting(number: count, client: client, since: cd_now()))
            if isServiceGone { return }
        }
    }

    private func connect(_ client: Waiting) {
        let service = reach(client.client)
        if service >= 0 {
            let wanted = journal.wanted
            return pairs.append(
                Pair(
                    number: client.number, toService: Way(from: client.client, to: service, isAnswer: false, wanted: wanted),
                    toClient: Way(from: service, to: client.client, isAnswer: true, wanted: wanted)))
        }
        let number = cd_errno()
        if Reach.isShortage(number), cd_now() - client.since < 10_000 { return waiting.append(client) }
        close(client.client)
        if isInFront, number == ECONNREFUSED { isServiceGone = true }
        switch number {
        case 0: journal.leaves(client.number, "is turned away: \(String(c: cd_reason()))")
        case EPERM: journal.leaves(client.number, "is turned away: the service would take it for this user; root can monitor all users")
        default: journal.leaves(client.number, "is turned away: the service: \(String.systemError(number))")
        }
    }

    /// A connection to the service, or -1; then errno is 0 if the library has said why.
    private func reach(_ client: Int32) -> Int32 {
        switch target {
        case .path(let path): return cd_connect_as_peer(path, client)
        case .name(let name):
            var (user, group, process): (Int64, Int64, Int64) = (-1, -1, -1)
            cd_peer_ids(client, &user, &group, &process)
            guard user == Int64(geteuid()) else {
                cd_set_errno(EPERM)
                return -1
            }
            var (context, descriptor) = (ipc_ctx(), Int32(-1))
            guard cd_connect(&context, name, &descriptor) == IPC_ERROR_NONE else {
                cd_set_errno(0)
                return -1
            }
            _ = cd_unwatch(&context, descriptor)
            ipc_ctx_free(&context)
            cd_set_blocking(descriptor, 0)
            return descriptor
        }
    }

    // MARK: Connections

    private func serve(_ pair: Pair, _ client: Int16, _ service: Int16) {
        let ends = [(client, pair.toService, pair.toClient), (service, pair.toClient, pair.toService)]
        for (events, away, towards) in ends where events != 0 {
            if events & Int16(POLLIN | POLLHUP | POLLERR) != 0, away.wantsBytes, !away.receive(pair.number, journal) {
                // Whoever has left hears nothing; what it has said before is still passed on.
                away.end()
                towards.drop()
                towards.end()
            }
            if away.hasEnded, !towards.hasEnded { away.endedFirst = true }
            if events & Int16(POLLHUP | POLLERR) != 0, away.hasEnded {
                towards.drop()
                towards.end()
            }
        }
        for way in [pair.toService, pair.toClient] where !way.send() {
            // The receiver has gone. What it has said before is read to its end by the other way.
            way.drop()
            way.end()
        }
        guard pair.toService.hasEnded, pair.toClient.hasEnded, !pair.toService.hasBytes, !pair.toClient.hasBytes else { return }
        end(pair, pair.toClient.endedFirst ? "the service has closed the connection" : "the client has closed the connection")
        lookForService()
    }

    private func end(_ pair: Pair, _ reason: String) {
        journal.leaves(pair.number, reason)
        pair.toService.drop()
        pair.toClient.drop()
        close(pair.client)
        close(pair.service)
        pairs.removeAll { $0.number == pair.number }
        isFull = false
    }

    /// A service that has ended cannot start again while its name is ours.
    private func lookForService() {
        guard let service else { return }
        if Listening().waiting(at: service) == nil { isServiceGone = true }
    }
}
