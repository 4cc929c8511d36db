// Conversation.swift - one who has connected, and the other end that is opened for it; and what a daemon does about it.

import CDaemon

/// - Parameter State: what the daemon knows of it.
final class Conversation<State> {
    let client: Int32
    /// Of what is counted for each peer.
    fileprivate(set) var peer: UInt64
    var account: Account
    /// The client is a trusted proxy, and may say for whom it speaks.
    let isProxy: Bool
    /// What has come of the PROXY header that a proxy may send first; nil: that has been read, or cannot come.
    var proxyHeader: ProxyHeader?
    /// Opened for the client; -1 while there is none.
    fileprivate(set) var other: Int32 = -1
    /// Sockets that connect at the same time: one of them will be the other end.
    fileprivate(set) var attempts: [Int32] = []
    var state: State
    /// Messages go from one end to the other.
    fileprivate(set) var isTied = false
    /// It has been refused, and may still read why.
    fileprivate(set) var isParting = false
    /// The library has closed the client's descriptor, or it has ended altogether.
    fileprivate(set) var isOver = false

    init(_ client: Int32, peer: UInt64, number: UInt64, isProxy: Bool, _ state: State) {
        self.client = client
        self.peer = peer
        self.isProxy = isProxy
        self.state = state
        account = Account(number, of: client)
        proxyHeader = isProxy ? ProxyHeader() : nil
    }
}

enum Deadline: Int, CaseIterable {
    /// The peer says what it wants; that is reached; something is said.
    case hello, connect, idle
    /// What could not be had is tried again.
    case retry
    /// The peer may have more to say; it has been refused, and may read why.
    case grace, parting
    /// The next address is tried as well; one direction has ended, and nothing is moved in the other one.
    case attempt, halfClosed
    /// Whether the peer is there is asked; it has answered. How long these are the service says (`Service.pingTimes`).
    case ping, pong
}

/// A daemon's own part, called from the loop. Nothing in it may wait.
protocol Service: AnyObject {
    associatedtype State
    typealias Talk = Conversation<State>

    /// Milliseconds of `Deadline.ping` and `.pong`; 0: never.
    var pingTimes: [Int] { get }
    /// A client was accepted: its state, and whether the library reads its frames.
    func greet(_ client: Int32) -> (state: State, speaksFrames: Bool)
    func message(_ message: UnsafePointer<ipc_message>, from talk: Talk, _ loop: Loop<Self>)
    /// One of its descriptors has something to read, or has hung up.
    func readable(_ descriptor: Int32, of talk: Talk, _ loop: Loop<Self>)
    /// A descriptor of no conversation.
    func readable(_ descriptor: Int32, _ loop: Loop<Self>)
    func expired(_ deadline: Deadline, of talk: Talk, _ loop: Loop<Self>)
    /// Something came from one of two tied ends: a message, or bytes that are none yet.
    func switched(_ talk: Talk, _ loop: Loop<Self>)
    /// Nothing was said for too long: it is to end.
    func idled(_ talk: Talk, _ loop: Loop<Self>)
    /// One of two tied ends has left, and the library has taken both out; after a failure it may have closed them.
    func untied(_ talk: Talk, _ reason: String, failed: Bool, _ loop: Loop<Self>)
    /// SIGHUP: takes what these options say, of those that can be reread; when it throws nothing has changed.
    func reread(_ options: Options) throws(Ending)
    /// The loop has ended: the last words.
    func stopping(_ loop: Loop<Self>)
    /// The conversation is over, or only waits for the client to leave.
    func ended(_ talk: Talk)
    /// Tells a client that it gets nothing.
    func sendRefusal(_ reason: String, to client: Int32)
}

extension Service {
    var pingTimes: [Int] { [0, 0] }
    func switched(_ talk: Talk, _ loop: Loop<Self>) { loop.start(.idle, talk) }
    func readable(_ descriptor: Int32, _ loop: Loop<Self>) {}
    func untied(_ talk: Talk, _ reason: String, failed: Bool, _ loop: Loop<Self>) { loop.dropUntied(talk, reason) }
    func idled(_ talk: Talk, _ loop: Loop<Self>) { loop.drop(talk, "was idle for too long") }
    func reread(_ options: Options) throws(Ending) {}
    func stopping(_ loop: Loop<Self>) {}
    func ended(_ talk: Talk) {}
}

extension Loop {
    // MARK: The other end

    func talk(of descriptor: Int32) -> Talk? { Int(descriptor) < talks.count && descriptor >= 0 ? talks[Int(descriptor)] : nil }

    private func enter(_ talk: Talk?, at descriptor: Int32) {
        while talks.count <= Int(descriptor) { talks.append(nil) }
        talks[Int(descriptor)] = talk
    }

    /// A client is here, watched by the library.
    func begin(_ talk: Talk) {
        enter(talk, at: talk.client)
        count += 1
        totals.accepted += 1
        log(.info, "client \(talk.account.number) comes from \(talk.account.peer)\(talk.isProxy ? ", a proxy" : "")")
        start(.hello, talk)
    }

    /// `descriptor` is the conversation's, in place of what it had; the library watches it, unless somebody else does.
    func attach(_ descriptor: Int32, to talk: Talk, watched: Bool = true) {
        detach(talk)
        talk.other = descriptor
        enter(talk, at: descriptor)
        if watched { watch(descriptor) }
    }

    /// Closes the other end.
    func detach(_ talk: Talk) {
        guard talk.other >= 0 else { return }
        release(talk.other)
        talk.other = -1
    }

    /// A socket connects for the conversation, besides others; nobody watches it here.
    func begin(attempt socket: Int32, of talk: Talk) {
        talk.attempts.append(socket)
        enter(talk, at: socket)
        attempts += 1
    }

    /// This attempt has succeeded, and ends the others: it is the other end, not watched yet.
    func win(_ socket: Int32, of talk: Talk) {
        talk.attempts.removeAll { $0 == socket }
        attempts -= 1
        for each in talk.attempts { end(attempt: each, of: talk) }
        attach(socket, to: talk, watched: false)
    }

    func end(attempt socket: Int32, of talk: Talk) {
        talk.attempts.removeAll { $0 == socket }
        attempts -= 1
        release(socket)
    }

    /// Takes the descriptor out, and closes it.
    private func release(_ descriptor: Int32) {
        enter(nil, at: descriptor)
        unwatch(descriptor)
        _ = cd_close(descriptor)
    }

    /// From now on messages go from one end to the other.
    /// - Parameter isAgain: they did before; its deadlines go on.
    func tie(_ talk: Talk, isAgain: Bool = false) {
        for end in [talk.client, talk.other] where ipc_ctx_fd_type(context, end, IPC_CONNECTION_TYPE_SWITCHED) != 0 {
            guard cd_watch_switched(context, end) == IPC_ERROR_NONE else { return drop(talk, String(c: cd_reason())) }
        }
        ipc_ctx_switching_add(context, talk.client, talk.other)
        talk.isTied = true
        guard !isAgain else { return }
        for deadline in Deadline.allCases { stop(deadline, talk) }
        start(.idle, talk)
    }

    // MARK: The end

    /// Refuses, and that is all there will be.
    func refuse(_ talk: Talk, _ reason: String) {
        guard !talk.isOver, !talk.isParting else { return }
        service.sendRefusal(reason, to: talk.client)
        part(talk, reason)
    }

    /// All was said to the client: it has a moment to read it.
    func part(_ talk: Talk, _ reason: String) {
        guard !talk.isOver, !talk.isParting else { return }
        // TCP throws away what was sent when a socket is closed with something unread; and one who still writes would not read it.
        log(.info, "client \(talk.account.number) goes: \(reason)")
        cd_stop_writing(talk.client)
        detach(talk)
        for attempt in talk.attempts { end(attempt: attempt, of: talk) }
        for deadline in Deadline.allCases { stop(deadline, talk) }
        service.ended(talk)
        talk.isParting = true
        start(.parting, talk)
        // It may not have been watched.
        unwatch(talk.client)
        watch(talk.client)
    }

    /// Throws away what a refused client still has to say.
    func drain(_ talk: Talk) {
        if let bytes = receive(16 * 1024, from: talk.client), bytes.isEmpty { drop(talk, "has left") }
    }

    func drop(_ talk: Talk, _ reason: @autoclosure () -> String) {
        guard !talk.isOver else { return }
        talk.account.logEnd(reason())
        if talk.isTied { ipc_ctx_switching_del(context, talk.client) }
        detach(talk)
        release(talk.client)
        finish(talk)
    }

    /// The library has taken both ends out. No other descriptor was opened since.
    func dropUntied(_ talk: Talk, _ reason: @autoclosure () -> String) {
        talk.account.logEnd(reason())
        for end in [talk.client, talk.other] {
            enter(nil, at: end)
            if cd_is_open(end) != 0 { _ = cd_close(end) }
        }
        finish(talk)
    }

    func didUntie(_ talk: Talk, _ reason: String, failed: Bool) {
        talk.isTied = false
        service.untied(talk, reason, failed: failed, self)
    }

    /// The library has closed the client.
    func dropClosed(_ talk: Talk, _ reason: @autoclosure () -> String) {
        talk.account.logEnd(reason())
        enter(nil, at: talk.client)
        detach(talk)
        finish(talk)
    }

    /// The proxy speaks for this peer, whom limits and the log mean from now on.
    /// - Returns: false: that one has too many connections already, and is refused.
    func name(_ address: cd_address, as talk: Talk) -> Bool {
        var address = address
        let key = cd_address_key(&address)
        guard peers.add(key, limit: settings.perPeer) else {
            totals.refused += 1
            refuse(talk, "too many connections from this peer, \(String(address))")
            return false
        }
        peers.remove(talk.peer)
        talk.peer = key
        talk.account.peer = String(address)
        log(.info, "client \(talk.account.number) is \(talk.account.peer), behind a proxy")
        return true
    }

    private func finish(_ talk: Talk) {
        talk.isOver = true
        for attempt in talk.attempts { end(attempt: attempt, of: talk) }
        for deadline in Deadline.allCases { stop(deadline, talk) }
        if !talk.isParting { service.ended(talk) }
        peers.remove(talk.peer)
        count -= 1
        openListeners()
    }
}
