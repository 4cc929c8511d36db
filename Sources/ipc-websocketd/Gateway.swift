// Gateway.swift - the daemon's part of the loop: a request comes, the service that it names is reached, both are tied; and how it ends.

import CDaemon

final class Gateway: Service {
    typealias State = Client

    private var gate: Gate
    private var page: [UInt8]
    let pingTimes: [Int]

    /// - Parameter pingTimes: milliseconds between two pings, and for the answer to one; 0: never.
    init(_ gate: Gate, pingTimes: [Int]) {
        self.gate = gate
        self.pingTimes = pingTimes
        page = Page.make(gate.services)
    }

    func reread(_ options: Options) throws(Ending) {
        gate = try Gate(options, offersDeflate: gate.offersDeflate)
        page = Page.make(gate.services)
    }

    // MARK: Events of the loop

    func greet(_ socket: Int32) -> (state: Client, speaksFrames: Bool) {
        if cd_family(socket) != AF_UNIX { cd_tune(socket) }
        return (Client(socket, headLimit: gate.headLimit), false)
    }

    func message(_ message: UnsafePointer<ipc_message>, from talk: Talk, _ loop: Loop<Gateway>) {}

    func readable(_ descriptor: Int32, of talk: Talk, _ loop: Loop<Gateway>) {
        switch talk.state.phase {
        case .asking: hear(talk, loop)
        case .reaching, .open, .leaving: break
        }
    }

    /// One of those who wait can be sent something.
    func readable(_ descriptor: Int32, _ loop: Loop<Gateway>) {
        guard descriptor == Parking.writable else { return }
        let socket = cd_poller_next(descriptor)
        guard let talk = loop.talk(of: socket) else { return cd_poller_remove(descriptor, socket) }
        let client = talk.state
        guard client.outflow.flush(to: socket) else { return loop.drop(talk, "the client takes no more") }
        if case .leaving = client.phase { loop.start(.connect, talk) } else if client.owesMessage { loop.start(.idle, talk) }
        guard client.outflow.isEmpty else { return }
        client.owesMessage = false
        cd_poller_remove(descriptor, socket)
        // The client ends the connection (RFC 6455, 7.1.1), or has a moment for it.
        if case .leaving = client.phase { return loop.part(talk, "\(client.reason)") }
        if client.isParked { join(talk, loop) }
    }

    /// Pings and the beginning of a frame are no message: the callbacks say what is one.
    func switched(_ talk: Talk, _ loop: Loop<Gateway>) {}

    func expired(_ deadline: Deadline, of talk: Talk, _ loop: Loop<Gateway>) {
        switch (deadline, talk.state.phase) {
        case (.hello, .asking): refuse(talk, .requestTimeout, "no request came in time", loop)
        case (.retry, .reaching(let name, let answer)): reach(name, answer, talk, loop)
        case (.connect, .reaching): refuse(talk, .gatewayTimeout, "nothing was free in time", loop)
        case (.connect, .leaving): loop.drop(talk, "does not take what is left for it")
        case (.ping, .open): ping(talk, loop)
        case (.pong, .open): missPong(talk, loop)
        default: break
        }
    }

    func ended(_ talk: Talk) {
        let client = talk.state
        if !client.outflow.isEmpty { cd_poller_remove(Parking.writable, client.socket) }
    }

    func sendRefusal(_ reason: String, to client: Int32) {
        // Its request is not read: without a body the answer is right for HEAD, too.
        _ = send(Status.serviceUnavailable.answer([], time: Gateway.time), to: client)
    }

    // MARK: The request

    private func hear(_ talk: Talk, _ loop: Loop<Gateway>) {
        guard let bytes = receive(4096, from: talk.client) else { return }
        guard !bytes.isEmpty else { return loop.drop(talk, "left before it asked for anything") }
        do throws(Status) {
            guard let verdict = try judge(bytes, talk, loop), !talk.isParting else { return }
            switch verdict {
            case .page: refuse(talk, .ok, "has the page", page: page, loop)
            case .health: refuse(talk, .ok, "has seen that this lives", loop)
            case .options: refuse(talk, .noContent, "has seen what it may ask", loop)
            case .service(let name, let form, let deflate, let answer):
                talk.state.open(form, deflate)
                loop.stop(.hello, talk)
                loop.start(.connect, talk)
                reach(name, answer, talk, loop)
            }
        } catch {
            let isForeign = error == .forbidden
            refuse(talk, error, isForeign ? "is of a foreign page, or calls this by a foreign name" : "asks for what it does not get", loop)
        }
    }

    /// nil: the head is not whole.
    private func judge(_ bytes: [UInt8], _ talk: Talk, _ loop: Loop<Gateway>) throws(Status) -> Verdict? {
        let client = talk.state
        var (end, failure) = (Int?.none, Status?.none)
        bytes.withUnsafeBytes { chunk in
            do throws(Status) {
                let (count, isWhole) = try client.head.take(chunk)
                if isWhole { end = count }
                // A client may not speak before it has its answer, but what it says comes to the same.
                if isWhole, count < chunk.count { client.held.keep(UnsafeRawBufferPointer(rebasing: chunk[count...])) }
            } catch { failure = error }
        }
        if let failure { throw failure }
        if end == nil { return nil }
        let head = try RequestHead(client.head.bytes)
        talk.account.origin = head.origin.map { String(bytes: $0) } ?? ""
        if talk.isProxy, let address = head.client(behind: loop.settings.proxies), !loop.name(address, as: talk) { return nil }
        return try gate.admit(head, keepsContexts: Compression.hasRoom)
    }

    /// Answers, and lets the client leave.
    private func refuse(_ talk: Talk, _ status: Status, _ reason: String, page: [UInt8]? = nil, _ loop: Loop<Gateway>) {
        _ = send(status.answer(page, isHead: talk.state.asksForHead, time: Gateway.time), to: talk.client)
        loop.part(talk, "\(reason) (\(status.rawValue))")
    }

    /// Seconds since 1970.
    private static var time: Int64 { Int64(CDaemon.time(nil)) }

    // MARK: The service

    private func reach(_ name: [UInt8], _ answer: [UInt8], _ talk: Talk, _ loop: Loop<Gateway>) {
        switch Reach.service(name) {
        case .failed(let reason):
            log(.warning, reason)
            refuse(talk, .serviceUnavailable, "the service \(String(bytes: name)) does not run", loop)
        case .later:
            // Its frames wait in the kernel.
            loop.unwatch(talk.client)
            talk.state.phase = .reaching(name: name, answer: answer)
            loop.start(.retry, talk)
        case .connected(let service):
            loop.attach(service, to: talk, watched: false)
            guard send(answer, to: talk.client) else { return loop.drop(talk, "does not take its answer") }
            talk.account.service = String(bytes: name)
            log(.info, "client \(talk.account.number) is connected to \(talk.account.service)\(talk.account.saidOrigin)")
            talk.state.phase = .open
            join(talk, loop)
        }
    }

    /// Ties both ends, and hands over what was received before that.
    private func join(_ talk: Talk, _ loop: Loop<Gateway>) {
        let client = talk.state
        loop.tie(talk, isAgain: client.isParked)
        guard !talk.isOver else { return }
        if !client.isParked { loop.start(.ping, talk) }
        client.isParked = false
        ipc_switching_callbacks(loop.context, client.socket, readFromWeb, writeToWeb)
        while !client.held.isEmpty || client.isInflating {
            switch client.decodeHeld() {
            case .needsMore: return
            case .message(var message):
                loop.start(.idle, talk)
                loop.count(.incoming, of: talk, messages: 1, bytes: Int(message.length))
                message.fd = talk.other
                let code = cd_write(loop.context, &message)
                free(message.payload)
                if code != IPC_ERROR_NONE { return loop.drop(talk, String(c: cd_reason())) }
            case .stuck, .busy: return Parking.park(client)
            case .over:
                if !client.outflow.isEmpty { Parking.watch(client) }
                // The library sees an end, asks the callback, and tells of it when the service has all that came before.
                cd_stop_reading(client.socket)
                return
            }
        }
    }

    // MARK: The end

    /// The pair is over: the library has taken both ends out.
    func untied(_ talk: Talk, _ reason: String, failed: Bool, _ loop: Loop<Gateway>) {
        let client = talk.state
        guard cd_is_open(client.socket) != 0, !client.isBroken else { return loop.dropUntied(talk, "\(client.reason)") }
        loop.detach(talk)
        if failed { client.sayClose(.internalError, "the service failed") } else { client.sayClose(.goingAway, "the service has left") }
        client.phase = .leaving
        if client.outflow.isEmpty { return loop.part(talk, "\(client.reason)") }
        Parking.watch(client)
        loop.start(.connect, talk)
    }

    func idled(_ talk: Talk, _ loop: Loop<Gateway>) {
        // Behind a message that is cut nothing can be said.
        if talk.state.outflow.isEmpty { talk.state.sayClose(.goingAway, "nothing was said for too long") }
        loop.drop(talk, "was idle for too long")
    }

    /// A signal came.
    func stopping(_ loop: Loop<Gateway>) {
        for talk in loop.talks {
            guard let talk, talk.isTied, talk.state.outflow.isEmpty else { continue }
            talk.state.sayClose(.goingAway, "the server stops")
        }
        Clients.loop = nil
    }
}
