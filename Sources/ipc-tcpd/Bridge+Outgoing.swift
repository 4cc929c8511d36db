// Bridge+Outgoing.swift - from a local client, ipcd as a rule, to a service behind another machine's ipc-tcpd. Nothing here waits:
// a child looks names up, the addresses of a host are tried one 250 ms after the other (Dial), and one epoll set tells how that went.

import CDaemon

extension Bridge {
    /// So many names are looked up at once.
    private static var mostResolvers: Int { 16 }

    /// One frame with a URI.
    func hearRequest(_ known: [UInt8], from talk: Talk, _ loop: Loop<Bridge>) {
        var request = known
        let heard = Request.hear(&request, from: talk.client, longest: ShortFrame.longest)
        switch heard {
        case .partial: return talk.state = .hearing(request)
        case .ended: return loop.drop(talk, "left before it asked for anything")
        case .whole, .tooLong: break
        }
        let text = request.dropFirst(FrameHeader.size)
        guard heard == .whole, let uri = URI(Array(text)) else {
            return loop.refuse(talk, "\(String(bytes: text.prefix(200))) is no tcp://HOST:PORT/SERVICE")
        }
        loop.stop(.hello, talk)
        loop.start(.connect, talk)
        let addresses = uri.place.addresses()
        addresses.isEmpty ? resolve(uri, talk, loop) : dial(uri, addresses, talk, loop)
    }

    /// The client has said something before it has its answer, or has left. If it has only stopped writing, it may still listen.
    func hearHurry(_ talk: Talk, _ loop: Loop<Bridge>) {
        switch Request.look(at: talk.client) {
        case .silent: break
        case .hasSpoken: loop.refuse(talk, "nothing may be said before the answer")
        case .gone: loop.drop(talk, "left before it was connected")
        case .halfClosed: loop.unwatch(talk.client)
        }
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
        dial(uri, addresses, talk, loop)
    }

    // MARK: Addresses

    func dial(_ uri: URI, _ addresses: [cd_address], _ talk: Talk, _ loop: Loop<Bridge>) {
        let dial = Dial(uri, addresses)
        talk.state = .dialling(dial)
        tryNext(dial, talk, loop)
    }

    /// Begins to connect to the next address, besides those that are being tried. Each has 250 ms before the next one is tried, and goes
    /// on after that (RFC 8305 5).
    func tryNext(_ dial: Dial, _ talk: Talk, _ loop: Loop<Bridge>) {
        while var address = dial.next {
            guard talk.attempts.isEmpty || loop.hasRoomForAttempt else { return loop.start(.attempt, talk) }
            let socket = cd_dial(&address)
            var number = cd_errno()
            if socket < 0, Reach.isShortage(number) { return loop.start(talk.attempts.isEmpty ? .retry : .attempt, talk) }
            dial.take()
            if socket >= 0 {
                loop.begin(attempt: socket, of: talk)
                if cd_poller_add(dialled, socket) == 0 {
                    log(.debug, "client \(talk.account.number): trying \(String(address))")
                    dial.note(socket, address)
                    return dial.next == nil ? loop.stop(.attempt, talk) : loop.start(.attempt, talk)
                }
                number = cd_errno()
                loop.end(attempt: socket, of: talk)
            }
            dial.reason = "connect to \(String(address)): \(String.systemError(number))"
        }
        if talk.attempts.isEmpty { loop.refuse(talk, dial.reason) }
    }

    func hearConnection(_ socket: Int32, _ dial: Dial, of talk: Talk, _ loop: Loop<Bridge>) {
        guard let address = dial.address(of: socket) else { return }
        let number = cd_dialled(socket)
        guard number == 0 else {
            dial.reason = "connect to \(String(address)): \(String.systemError(number))"
            loop.end(attempt: socket, of: talk)
            return tryNext(dial, talk, loop)
        }
        for deadline in [Deadline.attempt, .retry] { loop.stop(deadline, talk) }
        loop.win(socket, of: talk)
        cd_tune(socket)
        let uri = dial.uri
        guard send(uri.service + [UInt8(ascii: "\n")], to: socket) else { return loop.refuse(talk, "the other side has left") }
        talk.state = .greeting(uri, address, answer: [])
        loop.watch(socket)
    }

    // MARK: The answer

    /// `OK` has two bytes, and behind it come frames; a reason goes on to the end.
    func hearAnswer(_ known: [UInt8], _ uri: URI, _ address: cd_address, from talk: Talk, _ loop: Loop<Bridge>) {
        let isReason = known.count >= ShortFrame.ok.count
        guard let bytes = receive(isReason ? 512 : ShortFrame.ok.count - known.count, from: talk.other) else { return }
        let answer = known + bytes
        let place = String(address)
        if answer == ShortFrame.ok {
            guard send(ShortFrame.make(ShortFrame.ok), to: talk.client) else { return loop.drop(talk, "does not take its answer") }
            return join(talk, loop, "\(String(bytes: uri.service)) at \(place)")
        }
        let end = answer.firstIndex(of: UInt8(ascii: "\n")) ?? (bytes.isEmpty || answer.count >= 512 ? answer.count : nil)
        guard let end else {
            talk.state = .greeting(uri, address, answer: answer)
            return
        }
        loop.refuse(talk, end == 0 ? "\(place) left without an answer" : "\(place) answered \(String(bytes: answer[..<end]))")
    }
}
