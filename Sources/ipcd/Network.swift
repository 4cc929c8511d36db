// Network.swift - the service `network`: takes look-ups, opens what they lead to, and passes the connection on.
//
// A client may look up again and again; until it has its answer it says nothing. What a scheme's service answers is read to the
// byte: what follows is not ours but the client's, who gets the descriptor.

import CDaemon

/// What is done for a client.
enum Errand {
    /// So much has come of what it wants.
    case hearing([UInt8])
    /// Nothing was free, and it is tried again.
    case reaching(Route)
    /// The service of the scheme has the URI; so much of its answer has come.
    case waiting(answer: [UInt8], scheme: [UInt8])
}

final class Network: Service {
    typealias State = Errand

    /// Longer than an environment variable can be, and still quick to read.
    private static let longest = 256 * 1024

    func greet(_ client: Int32) -> (state: Errand, speaksFrames: Bool) { (.hearing([]), false) }

    func sendRefusal(_ reason: String, to client: Int32) { _ = send(ShortFrame.refusal(reason), to: client) }

    // MARK: The client

    /// The library reads no frames here.
    func message(_ message: UnsafePointer<ipc_message>, from talk: Talk, _ loop: Loop<Network>) {}

    private func hearLookUp(from talk: Talk, _ loop: Loop<Network>) {
        guard case .hearing(var request) = talk.state else { return }
        // The bytes have one owner, and so grow in place.
        talk.state = .hearing([])
        let heard = Request.hear(&request, from: talk.client, longest: Network.longest)
        switch heard {
        case .partial: return talk.state = .hearing(request)
        case .ended: return loop.drop(talk, "has left")
        case .whole, .tooLong: break
        }
        let isLookUp = heard == .whole && request[0] == UInt8(MSG_TYPE_NETWORK_LOOKUP.rawValue)
        guard isLookUp, let lookUp = LookUp(Array(request.dropFirst(FrameHeader.size))) else {
            return loop.refuse(talk, "a look-up is a frame of type 3 with SERVICE;ROUTES")
        }
        loop.stop(.hello, talk)
        loop.start(.connect, talk)
        let name = String(bytes: lookUp.service)
        guard let uri = lookUp.uri else { return no(talk, loop, "no route names the service \(name)") }
        guard let route = Route(uri) else { return no(talk, loop, "the route of \(name) leads nowhere: \(String(bytes: uri.prefix(200)))") }
        talk.account.service = name
        loop.count(.incoming, of: talk, messages: 1, bytes: request.count)
        log(.debug, "client \(talk.account.number) looks up \(name): \(String(bytes: uri))")
        reach(route, talk, loop)
    }

    private func reach(_ route: Route, _ talk: Talk, _ loop: Loop<Network>) {
        let reached =
            switch route {
            case .path(let path): Reach.path(path)
            case .service(let name): Reach.service(name)
            case .scheme(let scheme, _): Reach.service(scheme)
            }
        switch reached {
        case .failed(let reason): no(talk, loop, reason)
        case .later:
            talk.state = .reaching(route)
            loop.start(.retry, talk)
        case .connected(let descriptor):
            loop.attach(descriptor, to: talk, watched: false)
            guard case .scheme(let scheme, let uri) = route else { return yes(talk, loop) }
            guard send(ShortFrame.make(uri), to: descriptor) else { return no(talk, loop, "\(String(bytes: scheme)) takes no request") }
            talk.state = .waiting(answer: [], scheme: scheme)
            loop.watch(descriptor)
        }
    }

    func readable(_ descriptor: Int32, of talk: Talk, _ loop: Loop<Network>) {
        if case .hearing = talk.state { return hearLookUp(from: talk, loop) }
        guard descriptor == talk.client else { return hearScheme(descriptor, of: talk, loop) }
        switch Request.look(at: descriptor) {
        case .silent: break
        case .hasSpoken: loop.refuse(talk, "one look-up at a time")
        case .gone: loop.drop(talk, "has left")
        case .halfClosed: loop.unwatch(descriptor)
        }
    }

    // MARK: The service of a scheme

    private func hearScheme(_ descriptor: Int32, of talk: Talk, _ loop: Loop<Network>) {
        guard descriptor == talk.other, case .waiting(var answer, let scheme) = talk.state else { return }
        let name = String(bytes: scheme)
        while let missing = ShortFrame.missing(answer), missing > 0 {
            guard let bytes = receive(missing, from: descriptor) else {
                talk.state = .waiting(answer: answer, scheme: scheme)
                return
            }
            guard !bytes.isEmpty else { return no(talk, loop, "\(name) left without an answer") }
            answer += bytes
        }
        guard ShortFrame.missing(answer) != nil else { return no(talk, loop, "\(name) answered nothing that makes sense") }
        let payload = answer.dropFirst(FrameHeader.size)
        payload.elementsEqual(ShortFrame.ok) ? yes(talk, loop) : no(talk, loop, "\(name): \(String(bytes: payload.prefix(1000)))")
    }

    func expired(_ deadline: Deadline, of talk: Talk, _ loop: Loop<Network>) {
        switch (deadline, talk.state) {
        case (.hello, _): loop.refuse(talk, "no look-up came in time")
        case (.retry, .reaching(let route)): reach(route, talk, loop)
        case (.connect, .waiting(_, let scheme)): no(talk, loop, "\(String(bytes: scheme)) did not answer in time")
        case (.connect, _): no(talk, loop, "nothing was free in time")
        default: break
        }
    }

    // MARK: Answers

    /// Two sends: an older library loses a descriptor that comes in one piece with the answer.
    private func yes(_ talk: Talk, _ loop: Loop<Network>) {
        guard send(ShortFrame.make(ShortFrame.ok), to: talk.client), send([0], to: talk.client, passing: talk.other) else {
            return loop.drop(talk, "does not take its answer")
        }
        log(.info, "client \(talk.account.number) has its connection")
        loop.count(.outgoing, of: talk, messages: 1, bytes: ShortFrame.make(ShortFrame.ok).count)
        settle(talk, loop)
    }

    private func no(_ talk: Talk, _ loop: Loop<Network>, _ reason: String) {
        settle(talk, loop)
        guard send(ShortFrame.refusal(reason), to: talk.client) else { return loop.drop(talk, "does not take its refusal") }
        log(.info, "client \(talk.account.number) is refused: \(reason)")
    }

    /// As if it had just come.
    private func settle(_ talk: Talk, _ loop: Loop<Network>) {
        loop.detach(talk)
        loop.stop(.connect, talk)
        loop.stop(.retry, talk)
        loop.start(.hello, talk)
        talk.state = .hearing([])
        // One that writes no more was not watched; its end is heard now.
        loop.unwatch(talk.client)
        loop.watch(talk.client)
    }
}
