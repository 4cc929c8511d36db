// Loop.swift - a daemon's loop over the events of one context: accepts clients within limits, keeps deadlines, hands the rest to
// the service, and ends when a signal says so.

import CDaemon

final class Loop<Owner: Service> {
    typealias Talk = Conversation<Owner.State>

    let service: Owner
    let context: UnsafeMutablePointer<ipc_ctx>
    private let event: UnsafeMutablePointer<ipc_event>
    let signals: Int32
    var options: Options
    var settings: Settings
    var timelines: [Timeline]
    private var listeners: [Listener]
    private var areListenersOpen = false
    /// So many conversations can have both their descriptors.
    private(set) var room = 1
    var isStopping = false
    /// Until when clients may end, in milliseconds of cd_now; nil: the daemon goes on.
    var drainEnd: Int64?
    /// The number of connections that the service manager was told last, and when.
    var told = -1, toldAt: Int64 = -1 << 32

    /// By descriptor, both ends.
    var talks: [Talk?] = []
    var count = 0
    /// Sockets that connect, of all conversations.
    var attempts = 0
    var peers = PeerCounts()
    var totals = Totals()
    let metrics: Metrics?

    /// - Parameter listeners: they are the loop's from now on.
    init(_ service: Owner, _ options: Options, _ settings: Settings, _ listeners: [Listener], _ metrics: Metrics?) {
        self.service = service
        self.options = options
        self.settings = settings
        self.listeners = listeners
        self.metrics = metrics
        context = .allocate(capacity: 1)
        context.initialize(to: ipc_ctx())
        event = .allocate(capacity: 1)
        event.initialize(to: ipc_event())
        timelines = (settings.times + service.pingTimes).map { Timeline(milliseconds: $0) }
        signals = cd_signals()
        findRoom()
        watch(signals)
        for listener in metrics?.listeners ?? [] { watch(listener.descriptor) }
        openListeners()
    }

    deinit {
        for listener in listeners where !areListenersOpen { listener.remove() }
        for listener in metrics?.listeners ?? [] { listener.remove() }
        // What is EXTERNAL the library leaves open: the process ends.
        _ = cd_close_all(context)
        ipc_ctx_free(context)
        cd_empty(event)
        event.deallocate()
        context.deallocate()
    }

    /// Until a signal comes; false: the library can no longer wait.
    func run() -> Bool {
        while !isStopping {
            var timer = tick(expireDeadlines())
            if isStopping { break }
            switch cd_wait(context, event, &timer) {
            case IPC_ERROR_NONE: handle(event.pointee, wasTied: false)
            case IPC_ERROR_CLOSED_RECIPIENT: handle(event.pointee, wasTied: true)
            // An end without a partner is told of once; ipc-websocketd has such ends (Parking).
            case IPC_ERROR_WAIT_EVENT__POLL, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD: break
            case IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY, IPC_ERROR_USOCK_SEND, IPC_ERROR_USOCK_ACCEPT, IPC_ERROR_USOCK_RECV:
                // The system is short of memory; nothing is lost.
                log(.warning, String(c: cd_reason()))
                poll(nil, 0, 50)
            default:
                log(.error, "waiting failed: \(String(c: cd_reason()))")
                return false
            }
        }
        return true
    }

    // MARK: Events

    private func handle(_ event: ipc_event, wasTied: Bool) {
        switch event.type {
        case IPC_EVENT_TYPE_CONNECTION: admit(event.origin, at: event.index)
        case IPC_EVENT_TYPE_MESSAGE:
            guard let talk = talk(of: event.origin), let message = event.m else { return }
            service.message(UnsafePointer(message.assumingMemoryBound(to: ipc_message.self)), from: talk, self)
        case IPC_EVENT_TYPE_EXTRA_SOCKET: handleReadable(event.origin)
        case IPC_EVENT_TYPE_SWITCH:
            if let talk = talk(of: event.origin) { service.switched(talk, self) }
        case IPC_EVENT_TYPE_DISCONNECTION, IPC_EVENT_TYPE_ERROR:
            let failed = event.type == IPC_EVENT_TYPE_ERROR
            handleEnd(event, wasTied: wasTied, failed: failed, failed ? String(c: cd_reason()) : "the connection has ended")
        default: break
        }
    }

    private func handleReadable(_ descriptor: Int32) {
        if descriptor == signals {
            handleSignals()
        } else if let talk = talk(of: descriptor) {
            if talk.isParting { return drain(talk) }
            if talk.proxyHeader != nil, descriptor == talk.client, !hearProxy(talk) { return }
            service.readable(descriptor, of: talk, self)
        } else if let metrics, metrics.knows(descriptor) {
            metrics.readable(descriptor, self)
        } else {
            service.readable(descriptor, self)
        }
    }

    private func handleEnd(_ event: ipc_event, wasTied: Bool, failed: Bool, _ reason: String) {
        guard let talk = talk(of: event.origin) else { return log(.warning, "descriptor \(event.origin): \(reason)") }
        let index = Int(event.index)
        if wasTied {
            didUntie(talk, reason, failed: failed)
        } else if index < context.pointee.size, context.pointee.pollfd[index].fd == event.origin {
            // Whoever reads it finds out.
            handleReadable(event.origin)
        } else {
            dropClosed(talk, reason)
        }
    }

    // MARK: Clients

    private func admit(_ client: Int32, at index: UInt32) {
        let peer = cd_peer_key(client)
        // A proxy's connections are counted for those whom it names.
        let isProxy = settings.proxies.have(client)
        guard count < settings.connections else { return turnAway(client, "too many connections") }
        guard peers.add(peer, limit: isProxy ? .max : settings.perPeer) else {
            return turnAway(client, "too many connections from this peer")
        }
        let (state, speaksFrames) = service.greet(client)
        if !speaksFrames { context.pointee.cinfos[Int(index)].type = IPC_CONNECTION_TYPE_EXTERNAL }
        begin(Talk(client, peer: peer, number: totals.accepted + 1, isProxy: isProxy, state))
        if count >= room { closeListeners() }
    }

    /// One more than there may be: it is told at once, and costs nothing further.
    private func turnAway(_ client: Int32, _ reason: String) {
        totals.refused += 1
        log(.warning, "a client is turned away: \(reason); from \(Account.peer(of: client))")
        service.sendRefusal(reason, to: client)
        cd_stop_writing(client)
        unwatch(client)
        _ = cd_close(client)
    }

    /// Two descriptors for each conversation, some for the daemon itself and for what it opens for a moment.
    func findRoom() {
        let spare = Int(signals) + 28
        let available = Int(cd_raise_descriptor_limit(Int64(2 * settings.connections + spare)))
        room = max((available - spare) / 2, 1)
        if room < settings.connections { log(.warning, "descriptors for \(room) connections; further ones wait for a free one") }
    }

    /// No further client is accepted: they wait in the backlog.
    func closeListeners() {
        guard areListenersOpen else { return }
        for listener in listeners { unwatch(listener.descriptor) }
        areListenersOpen = false
        log(.info, "no descriptors for more than \(count) connections")
    }

    /// No further client is accepted: they find nobody.
    func removeListeners() {
        for listener in listeners {
            // The library looks whether the file is still this socket's: the next daemon may have put its own there.
            if areListenersOpen { _ = cd_close_entry(context, listener.descriptor) } else { listener.remove() }
        }
        listeners = []
    }

    /// Whether a conversation that has one attempt may have another one: the descriptors of those that are here come first.
    var hasRoomForAttempt: Bool { 2 * count + attempts < 2 * room }

    func openListeners() {
        guard !areListenersOpen, count < room else { return }
        for listener in listeners {
            let code = listener.path.withOptionalCText { cd_watch_server(context, listener.descriptor, $0) }
            if code != IPC_ERROR_NONE { log(.error, "cannot listen: \(String(c: cd_reason()))") }
        }
        areListenersOpen = true
    }

    // MARK: Watching

    func watch(_ descriptor: Int32) {
        if cd_watch(context, descriptor) != IPC_ERROR_NONE { log(.error, String(c: cd_reason())) }
    }

    func unwatch(_ descriptor: Int32) { _ = cd_unwatch(context, descriptor) }

    // MARK: Deadlines

    func start(_ deadline: Deadline, _ talk: Talk) { timelines[deadline.rawValue].start(talk.client, now: cd_now()) }
    func stop(_ deadline: Deadline, _ talk: Talk) { timelines[deadline.rawValue].stop(talk.client) }

    private func expire(_ deadline: Deadline, _ talk: Talk) {
        switch deadline {
        case .idle: service.idled(talk, self)
        case .parting: drop(talk, "has had time to leave")
        default: service.expired(deadline, of: talk, self)
        }
    }

    /// Tells of each that is due; how long it is until the next one, or -1.
    private func expireDeadlines() -> Int32 {
        var next: Int64 = .max
        let now = cd_now()
        for deadline in Deadline.allCases {
            while let (descriptor, due) = timelines[deadline.rawValue].first {
                guard due <= now else {
                    next = min(next, due - now)
                    break
                }
                timelines[deadline.rawValue].stop(descriptor)
                if let talk = talk(of: descriptor) { expire(deadline, talk) }
            }
        }
        return next == .max ? -1 : Int32(clamping: next)
    }
}
