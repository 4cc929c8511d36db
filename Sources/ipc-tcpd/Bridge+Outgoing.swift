// Bridge+Outgoing.swift - from a local client, ipcd as a rule, to a service behind another machine's ipc-tcpd. Nothing here waits:
// a child looks names up, the addresses of a host are tried one after the other, and one epoll set tells how that went.

import CDaemon

extension Bridge {
    /// So many names are looked up at once.
    private static var mostResolvers: Int { 16 }

    func hear(_ text: [UInt8], from talk: Talk, _ loop: Loop<Bridge>) {
        guard let uri = URI(text) else {
            return loop.refuse(talk, "\(String(bytes: text.prefix(200))) is no tcp://HOST:PORT/SERVICE")
        }
        loop.stop(.hello, talk)
        loop.start(.connect, talk)
        let addresses = uri.place.addresses()
        addresses.isEmpty ? resolve(uri, talk, loop) : dial(uri, addresses, 0, talk, loop)
    }

    // MARK: Names

    func resolve(_ uri: URI, _ talk: Talk, _ loop: Loop<Bridge>) {
        let time = loop.settings.times[Deadline.connect.rawValue]
        let seconds = time > 0 ? Int32(clamping: time / 1000 + 1) : 60
        let child =
            resolvers >= Bridge.mostResolvers
            ? -1 : withCText(uri.place.host) { host in withCText(uri.place.port) { cd_lookup_in_child(host, $0, seconds) } }
        guard child >= 0 else {
            talk.state = .queueing(uri)
            return loop.start(.retry, talk)
        }
        talk.state = .resolving(uri)
        resolvers += 1
        loop.attach(child, to: talk)
    }

    func hearAddresses(_ uri: URI, from talk: Talk, _ loop: Loop<Bridge>) {
        var addresses: [cd_address] = []
        guard let bytes = receive(16 * MemoryLayout<cd_address>.size, from: talk.other) else { return }
        bytes.withUnsafeBytes { bytes in
            for index in 0..<bytes.count / MemoryLayout<cd_address>.size {
                addresses.append(bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<cd_address>.size, as: cd_address.self))
            }
        }
        loop.detach(talk)
        talk.state = .queueing(uri)
        resolvers -= 1
        guard !addresses.isEmpty else { return loop.refuse(talk, "no address is known of \(String(bytes: uri.place.host))") }
        dial(uri, addresses, 0, talk, loop)
    }

    // MARK: Addresses

    func dial(_ uri: URI, _ addresses: [cd_address], _ first: Int, _ talk: Talk, _ loop: Loop<Bridge>) {
        var reason = ""
        for index in first..<addresses.count {
            var address = addresses[index]
            let socket = cd_dial(&address)
            if socket >= 0 {
                loop.attach(socket, to: talk, watched: false)
                talk.state = .dialling(uri, addresses, next: index + 1)
                if cd_epoll_add(dialled, socket) == 0 { return }
            }
            let number = cd_errno()
            if socket < 0, Reach.isShortage(number) {
                talk.state = .dialling(uri, addresses, next: index)
                return loop.start(.retry, talk)
            }
            reason = "connect to \(String(address)): \(String.systemError(number))"
        }
        loop.refuse(talk, reason)
    }

    func hearConnection(_ uri: URI, _ addresses: [cd_address], _ next: Int, of talk: Talk, _ loop: Loop<Bridge>) {
        let number = cd_dialled(talk.other)
        if number != 0, next < addresses.count { return dial(uri, addresses, next, talk, loop) }
        guard number == 0 else {
            return loop.refuse(talk, "connect to \(String(addresses[next - 1])): \(String.systemError(number))")
        }
        cd_tune(talk.other)
        guard send(uri.service + [UInt8(ascii: "\n")], to: talk.other) else { return loop.refuse(talk, "the other side has left") }
        talk.state = .greeting(uri, addresses, next: next, answer: [])
        loop.watch(talk.other)
    }

    // MARK: The answer

    /// `OK` has two bytes, and behind it come frames; a reason goes on to the end.
    func hearAnswer(_ known: [UInt8], _ uri: URI, _ addresses: [cd_address], _ next: Int, from talk: Talk, _ loop: Loop<Bridge>) {
        let isReason = known.count >= ShortFrame.ok.count
        guard let bytes = receive(isReason ? 512 : ShortFrame.ok.count - known.count, from: talk.other) else { return }
        let answer = known + bytes
        let place = String(addresses[next - 1])
        if answer == ShortFrame.ok {
            guard send(ShortFrame.make(ShortFrame.ok), to: talk.client) else { return loop.drop(talk, "does not take its answer") }
            return join(talk, loop, "\(String(bytes: uri.service)) at \(place)")
        }
        let end = answer.firstIndex(of: UInt8(ascii: "\n")) ?? (bytes.isEmpty || answer.count >= 512 ? answer.count : nil)
        guard let end else {
            talk.state = .greeting(uri, addresses, next: next, answer: answer)
            return
        }
        loop.refuse(talk, end == 0 ? "\(place) left without an answer" : "\(place) answered \(String(bytes: answer[..<end]))")
    }
}
