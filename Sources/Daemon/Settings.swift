// Settings.swift - what all daemons let one set, as the options say. SIGHUP makes new ones of all but `readyDescriptor`.

import CDaemon

struct Settings {
    let connections: Int
    let perPeer: Int
    /// In milliseconds, by `Deadline`.
    let times: [Int]
    /// Milliseconds after SIGTERM in which clients may end; 0: they are ended at once.
    let drain: Int
    /// Whose word counts for who the peer is.
    let proxies: TrustedProxies
    /// nil: a line on stdout tells.
    let readyDescriptor: Int32?

    init(_ options: Options) throws(Ending) {
        let descriptor = try options.number("ready-fd", default: -1, in: 0...1_000_000)
        readyDescriptor = descriptor < 0 ? nil : Int32(descriptor)
        connections = try options.number("max-connections", default: 2048, in: 1...100_000)
        perPeer = try options.number("max-per-peer", default: 1024, in: 1...100_000)
        drain = try options.milliseconds("drain", default: 0)
        proxies = try TrustedProxies(options)
        times = [
            try options.milliseconds("hello-time", default: 10_000), try options.milliseconds("connect-time", default: 8_000),
            try options.milliseconds("idle-time", default: 0), 50, 1_000, 1_000,
            // RFC 8305 5: Connection Attempt Delay. The other option is ipc-tcpd's.
            250, try options.milliseconds("half-closed-time", default: 10_000),
        ]
    }
}
