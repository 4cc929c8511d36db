// Bridge.swift - the service `tcp`, and its TCP side: who comes here by TCP names a local service (Bridge+Incoming), who comes
// here as a local client names one elsewhere (Bridge+Outgoing). When both ends stand they are tied, and the library moves their
// frames.
//
// On TCP the client says `NAME\n` and the server `OK`, or a reason and the end. Both are read to the byte: what follows are frames.

import CDaemon

enum Step {
    /// Incoming. So much of the name has come; nothing was free to reach the service.
    case naming([UInt8])
    case reaching([UInt8])
    /// Outgoing. Nothing was said yet; too many look hosts up; a child looks this one up; addresses are tried, from `next` on; the
    /// name was said, and so much of the answer has come.
    case hearing
    case queueing(URI)
    case resolving(URI)
    case dialling(URI, [cd_address], next: Int)
    case greeting(URI, [cd_address], next: Int, answer: [UInt8])
    case tied
}

final class Bridge: Service {
    typealias State = Step

    private(set) var allowed: [[UInt8]]
    /// The sockets that connect: readable when one of them is through.
    let dialled = cd_epoll_make()
    /// Children that look hosts up.
    var resolvers = 0

    init(allowing names: [[UInt8]]) { allowed = names }

    func reread(_ options: Options) throws(Ending) { allowed = try options.serviceNames("allow") }

    func greet(_ client: Int32) -> (state: Step, speaksFrames: Bool) {
        if cd_family(client) == AF_UNIX { return (.hearing, true) }
        cd_tune(client)
        return (.naming([]), false)
    }

    func sendRefusal(_ reason: String, to client: Int32) {
        _ = send(cd_family(client) == AF_UNIX ? ShortFrame.refusal(reason) : Array("no: \(reason)\n".utf8), to: client)
    }

    func message(_ message: UnsafePointer<ipc_message>, from talk: Talk, _ loop: Loop<Bridge>) {
        guard case .hearing = talk.state else { return loop.refuse(talk, "nothing may be said before the answer") }
        hear(message.payload, from: talk, loop)
    }

    func readable(_ descriptor: Int32, of talk: Talk, _ loop: Loop<Bridge>) {
        switch talk.state {
        case .naming(let name): hearName(name, from: talk, loop)
        case .resolving(let uri): hearAddresses(uri, from: talk, loop)
        case .greeting(let uri, let addresses, let next, let answer): hearAnswer(answer, uri, addresses, next, from: talk, loop)
        default: break
        }
    }

    func readable(_ descriptor: Int32, _ loop: Loop<Bridge>) {
        guard descriptor == dialled else { return }
        let socket = cd_epoll_next(dialled)
        guard socket >= 0 else { return }
        cd_epoll_remove(dialled, socket)
        guard let talk = loop.talk(of: socket), case .dialling(let uri, let addresses, let next) = talk.state else { return }
        hearConnection(uri, addresses, next, of: talk, loop)
    }

    func expired(_ deadline: Deadline, of talk: Talk, _ loop: Loop<Bridge>) {
        switch (deadline, talk.state) {
        case (.hello, .hearing): loop.refuse(talk, "no URI came in time")
        case (.hello, _): loop.refuse(talk, "no name of a service came in time")
        case (.grace, .naming(let name)):
            // Older clients send the name alone, and wait.
            if allowed.contains(name) { reach(name, talk, loop) }
        case (.retry, .reaching(let name)): reach(name, talk, loop)
        case (.retry, .queueing(let uri)): resolve(uri, talk, loop)
        case (.retry, .dialling(let uri, let addresses, let next)): dial(uri, addresses, next, talk, loop)
        case (.connect, .resolving(let uri)): loop.refuse(talk, "looking up \(String(bytes: uri.place.host)) took too long")
        case (.connect, .reaching), (.connect, .queueing): loop.refuse(talk, "nothing was free in time")
        case (.connect, _): loop.refuse(talk, "nobody answered in time")
        default: break
        }
    }

    func ended(_ talk: Talk) {
        if case .resolving = talk.state { resolvers -= 1 }
    }

    func join(_ talk: Talk, _ loop: Loop<Bridge>, _ text: String) {
        log(.info, "client \(talk.client) is connected to \(text)")
        talk.state = .tied
        loop.tie(talk)
    }
}
