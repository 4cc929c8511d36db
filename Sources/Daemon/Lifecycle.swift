// Lifecycle.swift - what signals make a daemon do: SIGHUP reads the file of --config anew, SIGUSR1 lists the connections, SIGTERM lets
// clients end (--drain), SIGINT or a second SIGTERM ends it. The service manager is told (sd_notify(3)).

import CDaemon

/// What a service manager that started the daemon is told, by a datagram to NOTIFY_SOCKET. Without one nothing is sent.
enum Notice {
    /// Milliseconds between two numbers of connections: they are for people.
    static let interval = 1_000
    static let isWanted = getenv("NOTIFY_SOCKET") != nil

    static func send(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            if let base = bytes.baseAddress { _ = cd_notify(base, bytes.count) }
        }
    }
}

extension Loop {
    func handleSignals() {
        while !isStopping {
            switch cd_next_signal(signals) {
            case 0: return
            case SIGHUP: reread()
            case SIGUSR1: listConnections()
            case SIGTERM where settings.drain > 0 && drainEnd == nil && count > 0: drainClients()
            default: isStopping = true
            }
        }
    }

    // MARK: SIGHUP

    /// No client is cut: those that are more than there may be now, or that have a service that is allowed no longer, keep what they have.
    private func reread() {
        guard let path = options.text("config") else { return log(.info, "SIGHUP: there is no file to read (--config)") }
        Notice.send("RELOADING=1\nMONOTONIC_USEC=\(cd_now() * 1000)")
        do throws(Ending) {
            var fresh = options
            try fresh.reread()
            let settings = try Settings(fresh)
            let level = try LogLevel(fresh)
            try service.reread(fresh)
            options = fresh
            Log.level = level
            apply(settings)
            log(.info, "\(String(c: path)) was read anew")
            for note in fresh.notes { log(.warning, note) }
        } catch { log(.error, "SIGHUP: all stays as it was: \(error.text)") }
        Notice.send("READY=1")
    }

    private func apply(_ settings: Settings) {
        self.settings = settings
        for (index, time) in settings.times.enumerated() { timelines[index].duration = time }
        findRoom()
        count < room ? openListeners() : closeListeners()
    }

    // MARK: SIGTERM

    /// Nobody else is let in; those who are here have until `drainEnd`.
    private func drainClients() {
        log(.info, "no new clients; \(count) may end within \(settings.drain) ms")
        Notice.send("STOPPING=1")
        drainEnd = cd_now() + Int64(settings.drain)
        removeListeners()
    }

    /// What is to be done when nothing comes; the milliseconds until then, or -1.
    func tick(_ timer: Int32) -> Int32 {
        var next = timer < 0 ? Int64.max : Int64(timer)
        let isNews = Notice.isWanted && told != count
        guard isNews || drainEnd != nil else { return timer }
        let now = cd_now()
        if let drainEnd {
            if count == 0 || drainEnd <= now { isStopping = true }
            next = min(next, drainEnd - now)
        }
        if isNews {
            if toldAt + Int64(Notice.interval) <= now {
                Notice.send("STATUS=\(count) of \(settings.connections) connections\(drainEnd == nil ? "" : ", which may end")")
                (told, toldAt) = (count, now)
            } else {
                next = min(next, toldAt + Int64(Notice.interval) - now)
            }
        }
        return next == .max ? -1 : Int32(clamping: max(next, 0))
    }
}
