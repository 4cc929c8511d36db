// Context+Switching.swift - two descriptors whose messages go from one to the other.
//
// Either end speaks libipc frames, or the program's callbacks read and write it. The end that speaks is not read while
// too much waits for the other one, and an end that has left is reported only when its last messages have gone through.
// Callbacks run outside: the engine says what it needs (Step.read, Step.write) and is told the answer, so that a
// callback may use the library.

import CLibIPC

/// Bytes that may wait for one switched end before the other is not read any more.
let switchingWindow = 256 * 1024

extension Context where Entries: ~Copyable {
    mutating func serveSwitched(_ index: Int) throws(IPCError) -> Step? {
        let descriptor = connections[index].watch.descriptor
        guard let other = roster.counterpart(of: descriptor), let target = positions[other] else {
            // Told once for each change, not for ever.
            try rearm(index, [])
            let reason = IPCError(IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "no pair has", .descriptor(descriptor))
            return .event(Event(.error, index: index, descriptor: descriptor, error: reason))
        }
        if connections[index].hasLeft {
            if connections[target].outbox.hasPending { return try awaitRoom(index, target) }
            return .event(untie(index, .disconnection, closing: false))
        }
        if connections[target].outbox.pendingBytes >= switchingWindow { return try awaitRoom(index, target) }
        if roster.hasReader(descriptor) {
            guard connections[index].callbackHoldsMore || isStillReadable(index) else { return nil }
            return .read(descriptor)
        }
        switch try read(index) {
        case .message(let message): return .event(pass(message, from: index, to: target))
        case .failed(let reason): return .event(untie(index, .error, closing: false, reason))
        case .end:
            connections[index].hasLeft = true
            return try serveSwitched(index)
        case .nothing:
            guard connections[index].sendFailure != 0, !connections[index].isReadable else { return nil }
            let reason = IPCError(
                IPC_ERROR_CLOSED_RECIPIENT, "send to", .descriptor(descriptor),
                systemError: connections[index].sendFailure)
            return .event(untie(index, .error, closing: true, reason))
        }
    }

    private mutating func pass(_ message: consuming Message, from index: Int, to target: Int) -> Event {
        let descriptor = connections[index].watch.descriptor
        do throws(OutOfMemory) {
            try enlist(try OutboundFrame.adopting(message, to: connections[target].watch.descriptor), at: target)
            return Event(.switched, index: index, descriptor: descriptor)
        } catch {
            let reason = IPCError(IPC_ERROR_CLOSED_RECIPIENT, "no memory to switch from", .descriptor(descriptor))
            return untie(index, .error, closing: false, reason)
        }
    }

    /// Does not read `index` until `target` has room, or, when `index` has left, nothing more to send.
    private mutating func awaitRoom(_ index: Int, _ target: Int) throws(IPCError) -> Step? {
        connections[target].awaitedBy = connections[index].watch.descriptor
        connections[index].isAwaitingRoom = true
        try rearm(index, connections[index].isBlocked ? .write : [])
        return nil
    }

    /// The other end of `index` is read again once there is room.
    mutating func releaseWaiting(_ index: Int) {
        let waiting = connections[index].awaitedBy
        guard waiting >= 0, let source = positions[waiting] else { return }
        let outbox = connections[index].outbox.pendingBytes
        guard connections[source].hasLeft ? outbox == 0 : outbox < switchingWindow else { return }
        connections[index].awaitedBy = -1
        connections[source].isAwaitingRoom = false
        enqueue(waiting, .ready)
    }

    /// The pair is over: both entries go.
    private mutating func untie(
        _ index: Int, _ kind: Event.Kind, closing: Bool, _ reason: IPCError? = nil
    ) -> Event {
        let descriptor = connections[index].watch.descriptor
        var reason = reason ?? IPCError(IPC_ERROR_CLOSED_RECIPIENT, "a switched end has left:", .descriptor(descriptor))
        reason.code = IPC_ERROR_CLOSED_RECIPIENT
        let other = roster.counterpart(of: descriptor)
        roster.unpair(descriptor)
        remove(index, closing: closing)
        if let other, let position = position(of: other) { remove(position, closing: closing) }
        return Event(kind, index: index, descriptor: descriptor, error: reason)
    }

    // MARK: The program's callbacks

    /// A frame for the program's callback, if the end can take one without waiting.
    mutating func offerToCallback(_ index: Int) throws(IPCError) -> Step? {
        guard connections[index].outbox.hasPending else { return nil }
        if connections[index].descriptor.poll(Int16(POLLOUT), timeout: 0) == 0 {
            try waitForRoom(index)
            return nil
        }
        guard let frame = connections[index].outbox.takePending() else { return nil }
        roster.unlist(frame)
        return .write(connections[index].watch.descriptor, frame)
    }

    /// What the callback made of `Step.read`. The entry may be gone by now.
    mutating func didRead(
        _ descriptor: Int32, _ answer: CallbackAnswer, _ message: consuming Message?, holdsMore: Bool
    ) throws(IPCError) -> Step? {
        guard let index = positions[descriptor] else { return nil }
        connections[index].callbackHoldsMore = holdsMore
        roster.setHoldsMore(holdsMore, at: index)
        switch answer {
        case .done, .ignore:
            if holdsMore { enqueue(descriptor, .ready) } else { lineUpAgain(index) }
            guard answer == .done else { return .event(Event(.switched, index: index, descriptor: descriptor)) }
            guard let message, !message.header.isTooLong, let other = roster.counterpart(of: descriptor),
                let target = positions[other]
            else {
                let reason = IPCError(
                    IPC_ERROR_CLOSED_RECIPIENT, "the callback gave no valid message for", .descriptor(descriptor))
                return .event(untie(index, .error, closing: false, reason))
            }
            return .event(pass(message, from: index, to: target))
        case .closing:
            connections[index].hasLeft = true
            connections[index].callbackHoldsMore = false
            return try serveSwitched(index)
        case .failed, .unparsable:
            let reason = IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the callback failed to read", .descriptor(descriptor))
            return .event(untie(index, .error, closing: false, reason))
        }
    }

    /// What the callback made of `Step.write`. The entry may be gone by now.
    mutating func didWrite(_ descriptor: Int32, _ answer: CallbackAnswer) -> Step? {
        guard let index = positions[descriptor] else { return nil }
        releaseWaiting(index)
        if connections[index].outbox.hasPending { enqueue(descriptor, .unsent) }
        switch answer {
        case .done: return .event(Event(.sent, index: index, descriptor: descriptor))
        case .ignore: return .event(Event(.switched, index: index, descriptor: descriptor))
        case .closing: return .event(untie(index, .disconnection, closing: false))
        case .failed, .unparsable:
            let reason = IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the callback failed to write to", .descriptor(descriptor))
            return .event(untie(index, .error, closing: true, reason))
        }
    }

    // MARK: One step by hand

    /// Reads from a switched end, as if it were its turn.
    mutating func stepReading(_ index: Int) throws(IPCError) -> Step? {
        connections[index].isReadable = true
        connections[index].reportedIn = call
        dequeue(index, Queue.ready.rawValue)
        return try serveSwitched(index)
    }

    /// Sends what is queued for one entry, and reports the oldest frame that was sent.
    mutating func stepWriting(_ index: Int) throws(IPCError) -> Step? {
        dequeue(index, Queue.unsent.rawValue)
        if let step = try sendQueued(index) { return step }
        if let event = reportSent(index) { return .event(event) }
        return nil
    }
}
