// Bridge+Incoming.swift - from TCP to a service of this machine, if it is one of those that may be reached.

import CDaemon

extension Bridge {
    /// Looks before it reads: what follows the newline is not read.
    func hearName(_ known: [UInt8], from talk: Talk, _ loop: Loop<Bridge>) {
        guard let seen = receive(URI.longestName + 1, from: talk.client, peeking: true) else { return }
        guard !seen.isEmpty else {
            // Nothing more can come.
            return isWhole(known) ? reach(known, talk, loop) : loop.drop(talk, "left before it named a service")
        }
        let end = seen.firstIndex(of: UInt8(ascii: "\n"))
        guard let bytes = receive(end.map { $0 + 1 } ?? seen.count, from: talk.client), !bytes.isEmpty else { return }
        let name = known + bytes.prefix(end ?? bytes.count)
        guard name.count <= URI.longestName else { return loop.refuse(talk, "the name of a service is not that long") }
        guard end == nil else { return reach(Array(name.last == UInt8(ascii: "\r") ? name.dropLast() : name[...]), talk, loop) }
        talk.state = .naming(name)
        loop.start(.grace, talk)
    }

    /// Whether a name without a newline is meant to be one, when nothing follows it: not where it may be the beginning of another one.
    func isWhole(_ name: [UInt8]) -> Bool {
        allowed.contains(name) && !allowed.contains { $0.count > name.count && $0.starts(with: name) }
    }

    func reach(_ name: [UInt8], _ talk: Talk, _ loop: Loop<Bridge>) {
        guard allowed.contains(name) else { return loop.refuse(talk, "the service \(String(bytes: name)) is not to be reached from here") }
        if case .naming = talk.state {
            for deadline in [Deadline.hello, .grace] { loop.stop(deadline, talk) }
            loop.start(.connect, talk)
        }
        switch Reach.service(name) {
        case .failed(let reason):
            log(.warning, reason)
            loop.refuse(talk, "the service \(String(bytes: name)) does not run")
        case .later:
            // Frames may have come already: they wait in the kernel.
            if case .naming = talk.state { loop.unwatch(talk.client) }
            talk.state = .reaching(name)
            loop.start(.retry, talk)
        case .connected(let descriptor):
            loop.attach(descriptor, to: talk, watched: false)
            guard send(ShortFrame.ok, to: talk.client) else { return loop.drop(talk, "cannot be told that all is well") }
            join(talk, loop, String(bytes: name))
        }
    }
}
