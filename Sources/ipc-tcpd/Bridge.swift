// Bridge.swift - the service `tcp`, and its TCP side: who comes here by TCP names a local service (Bridge+Incoming), who comes
// here as a local client names one elsewhere (Bridge+Outgoing). When both ends stand their frames are moved (Relay).
//
// On TCP the client says `NAME\n` and the server `OK`, or a reason and the end; a local client says one frame and gets one. All of them
// are read to the byte: what follows are the frames of others.

import CDaemon

enum Step {
    /// Incoming. So much of the name has come; nothing was free to reach the service.
    case naming([UInt8])
    case reaching([UInt8])
    /// Outgoing. So much of the request has come; too many look hosts up; a child looks this one up; addresses are tried; the name was
    /// said, and so much of the answer has come.
    case hearing([UInt8])
    case queueing(URI)
    case resolving(URI)
    case dialling(Dial)
    case greeting(URI, cd_address, answer: [UInt8])
    case tied(Flows)
}

final class Bridge: Service {
    typealias State = Step

    private(set) var allowed: [[UInt8]]
    /// The sockets that connect: readable when one of them is through.
    let dialled = cd_poller_make()
    let relay = Relay()
    /// Children that look hosts up.
    var resolvers = 0

    init(allowing names: [[UInt8]]) { allowed = names }

    func reread(_ options: Options) throws(Ending) { allowed = try options.allowedServices() }

    func greet(_ client: Int32) -> (state: Step, speaksFrames: Bool) {
        if cd_family(client) == AF_UNIX { return (.hearing([]), false) }
        cd_tune(client)
        return (.naming([]), false)
    }

    func sendRefusal(_ reason: String, to client: Int32) {
        _ = send(cd_family(client) == AF_UNIX ? ShortFrame.refusal(reason) : Array("no: \(reason)\n".utf8), to: client)
    }

    /// The library reads no frames here.
    func message(_ message: UnsafePointer<ipc_message>, from talk: Talk, _ loop: Loop<Bridge>) {}

    func readable(_ descriptor: Int32, of talk: Talk, _ loop: Loop<Bridge>) {
        switch talk.state {
        case .naming(let name): hearName(name, from: talk, loop)
        case .hearing(let request): hearRequest(request, from: talk, loop)
        case .tied: break
        case _ where descriptor == talk.client: hearHurry(talk, loop)
        case .resolving(let uri): hearAddresses(uri, from: talk, loop)
        case .greeting(let uri, let address, let answer): hearAnswer(answer, uri, address, from: talk, loop)
        default: break
        }
    }

    func readable(_ descriptor: Int32, _ loop: Loop<Bridge>) {
        if descriptor == relay.set { return relay.turn(loop) }
        guard descriptor == dialled else { return }
        let socket = cd_poller_next(dialled)
        guard socket >= 0 else { return }
        cd_poller_remove(dialled, socket)
        guard let talk = loop.talk(of: socket), case .dialling(let dial) = talk.state else { return }
        hearConnection(socket, dial, of: talk, loop)
    }

    func expired(_ deadline: Deadline, of talk: Talk, _ loop: Loop<Bridge>) {
        switch (deadline, talk.state) {
        case (.hello, .hearing): loop.refuse(talk, "no URI came in time")
        case (.hello, _): loop.refuse(talk, "no name of a service came in time")
        case (.grace, .naming(let name)):
            // Older clients send the name alone, and wait.
            if isWhole(name) { reach(name, talk, loop) }
        case (.retry, .reaching(let name)): reach(name, talk, loop)
        case (.retry, .queueing(let uri)): resolve(uri, talk, loop)
        case (.retry, .dialling(let dial)), (.attempt, .dialling(let dial)): tryNext(dial, talk, loop)
        case (.retry, .tied(let flows)): relay.advance(talk, flows, loop)
        case (.halfClosed, .tied): loop.drop(talk, "was half-closed, and nothing was said for too long")
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
        talk.account.service = text
        log(.info, "client \(talk.account.number) is connected to \(text)")
        relay.begin(talk, loop)
    }
}
