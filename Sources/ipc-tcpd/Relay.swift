// Relay.swift - moves the frames of connections whose two ends stand: two flows each, one epoll set for all.
//
// The library's switching (ipc_ctx_switching_add) ends a pair when one of its ends stops writing. Here the other direction goes on, until
// it ends too, or nothing was moved in it for `--half-closed-time`.

import CDaemon

/// The two directions of one connection.
final class Flows {
    var forth: Flow
    var back: Flow
    /// One of the ends writes no more: what it has written may still be on its way. The limit runs.
    fileprivate var isEnding = false
    fileprivate var isLimited = false
    /// One of the ends is gone for good: the other one may send for a moment, to nobody.
    fileprivate var isParting = false

    init(_ client: Int32, _ other: Int32) {
        forth = Flow(from: client, to: other)
        back = Flow(from: other, to: client)
    }

    /// Of the system, why it ended.
    fileprivate var reason: String {
        let number = forth.systemError != 0 ? forth.systemError : back.systemError
        return number == 0 ? "" : ": \(String.systemError(number))"
    }

    deinit {
        forth.free()
        back.free()
    }
}

struct Relay {
    typealias Talk = Conversation<Step>

    /// Readable when one of the sockets is ready.
    let set = cd_poller_make()
    private let memory = UnsafeMutableRawPointer.allocate(byteCount: Flow.chunk, alignment: 16)
    /// Events that are taken from the set at once.
    private static let batch = 64

    /// From now on the frames of both ends go to the other one.
    func begin(_ talk: Talk, _ loop: Loop<Bridge>) {
        for end in [talk.client, talk.other] {
            // Nobody else is to be told.
            loop.unwatch(end)
            guard cd_poller_add_edges(set, end) == 0 else { return loop.drop(talk, "cannot be watched: \(String.systemError(cd_errno()))") }
        }
        talk.state = .tied(Flows(talk.client, talk.other))
        for deadline in Deadline.allCases { loop.stop(deadline, talk) }
        loop.start(.idle, talk)
    }

    /// Some sockets are ready.
    func turn(_ loop: Loop<Bridge>) {
        withUnsafeTemporaryAllocation(of: cd_ready.self, capacity: Relay.batch) { ready in
            guard let base = ready.baseAddress else { return }
            let count = Int(cd_poller_ready(set, base, Int32(Relay.batch)))
            for index in 0..<max(count, 0) {
                // One that an earlier event has ended is in no conversation any more.
                guard let talk = loop.talk(of: base[index].fd), case .tied(let flows) = talk.state else { continue }
                note(base[index], flows)
                advance(talk, flows, loop)
            }
        }
    }

    private func note(_ ready: cd_ready, _ flows: Flows) {
        let isClient = ready.fd == flows.forth.source
        if ready.is_readable != 0 { if isClient { flows.forth.mayRead = true } else { flows.back.mayRead = true } }
        if ready.is_writable != 0 { if isClient { flows.back.mayWrite = true } else { flows.forth.mayWrite = true } }
        if ready.has_ended != 0 { flows.isEnding = true }
    }

    func advance(_ talk: Talk, _ flows: Flows, _ loop: Loop<Bridge>) {
        var isStarved = false
        for isForth in [true, false] {
            switch isForth ? flows.forth.advance(memory) : flows.back.advance(memory) {
            case .waiting: break
            case .more: cd_poller_again(set, isForth ? flows.forth.source : flows.back.source)
            case .starved: isStarved = true
            }
        }
        loop.count(.incoming, of: talk, messages: flows.forth.frames, bytes: flows.forth.moved)
        loop.count(.outgoing, of: talk, messages: flows.back.frames, bytes: flows.back.moved)
        if isStarved { loop.start(.retry, talk) }
        if flows.forth.frames + flows.back.frames > 0 { loop.start(.idle, talk) }
        // The frames before a broken header have gone through.
        let failure = flows.forth.isOver ? flows.forth.failure : nil
        if let failure = failure ?? (flows.back.isOver ? flows.back.failure : nil) { return loop.drop(talk, "\(failure)") }
        if flows.forth.isOver && flows.back.isOver { return loop.drop(talk, "the connection has ended\(flows.reason)") }
        limit(talk, flows, loop)
    }

    /// Once one direction has ended the other one has limits.
    private func limit(_ talk: Talk, _ flows: Flows, _ loop: Loop<Bridge>) {
        if !flows.isParting, lose(&flows.back, after: flows.forth) || lose(&flows.forth, after: flows.back) {
            flows.isParting = true
            log(.info, "client \(talk.account.number): one end is gone\(flows.reason)")
            loop.start(.parting, talk)
            // What is pending for the lost end is dropped now.
            return advance(talk, flows, loop)
        }
        guard flows.isEnding || flows.forth.isSinkGone || flows.back.isSinkGone else { return }
        if !flows.isLimited || flows.forth.moved + flows.back.moved > 0 { loop.start(.halfClosed, talk) }
        flows.isLimited = true
    }

    /// An end that has sent its last byte, and can hear nothing either, is gone.
    private func lose(_ flow: inout Flow, after opposite: Flow) -> Bool {
        guard opposite.isOver, !flow.isOver else { return false }
        if cd_is_hung_up(opposite.source) != 0 { flow.isSinkGone = true }
        return flow.isSinkGone
    }
}
