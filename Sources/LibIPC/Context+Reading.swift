// Context+Reading.swift - frames of the peers that speak libipc, and how such a peer goes.

import CLibIPC

extension Context where Entries: ~Copyable {
    /// What a turn of reading brought.
    enum Reading: ~Copyable {
        case message(Message)
        /// No whole message yet, though perhaps more bytes of it.
        case nothing(arrived: Bool)
        case end
        case failed(IPCError)
    }

    /// One turn: a message that is here, or one receive.
    mutating func read(_ index: Int, waiting: Bool = false) throws(IPCError) -> Reading {
        let descriptor = connections[index].watch.descriptor
        do throws(IPCError) {
            if connections[index].inbox.mayHoldMessage, let message = try connections[index].inbox.next() {
                lineUpForMore(index, descriptor)
                return .message(message)
            }
            guard connections[index].isReadable || waiting else { return .nothing(arrived: false) }
            let arrival = try connections[index].inbox.receive(
                from: Descriptor(descriptor), into: &scratch, waiting: waiting)
            switch arrival {
            case .end: return .end
            case .nothing:
                connections[index].isReadable = false
                return .nothing(arrived: false)
            case .bytes(let drained):
                if drained { connections[index].isReadable = false }
                let message = try connections[index].inbox.finish(&scratch)
                lineUpForMore(index, descriptor)
                guard let message else { return .nothing(arrived: true) }
                return .message(message)
            }
        } catch {
            if error.isShortage {
                enqueue(descriptor, .ready)
                throw error
            }
            return .failed(error)
        }
    }

    private mutating func lineUpForMore(_ index: Int, _ descriptor: Int32) {
        guard connections[index].isReadable || connections[index].inbox.mayHoldMessage else { return }
        enqueue(descriptor, .ready)
    }

    mutating func serveFrames(_ index: Int) throws(IPCError) -> Step? {
        let descriptor = connections[index].watch.descriptor
        switch try read(index) {
        case .message(let message):
            return .event(Event(.message, index: index, descriptor: descriptor, message: message))
        case .nothing:
            guard connections[index].sendFailure != 0, !connections[index].isReadable else { return nil }
            let reason = IPCError(
                IPC_ERROR_USOCK_SEND, "send to", .descriptor(descriptor),
                systemError: connections[index].sendFailure)
            return .event(dismiss(index, .error, reason))
        case .end:
            return .event(dismiss(index, .disconnection, nil))
        case .failed(let reason):
            return .event(dismiss(index, .error, reason))
        }
    }

    /// The peer goes, its descriptor with it. One bad peer is no error of the call: the reason goes without its code.
    private mutating func dismiss(_ index: Int, _ kind: Event.Kind, _ reason: IPCError?) -> Event {
        let descriptor = connections[index].watch.descriptor
        remove(index, closing: true)
        return Event(kind, index: index, descriptor: descriptor, error: reason?.with(code: IPC_ERROR_NONE))
    }

    // MARK: Waiting for one message

    /// The next message of one connection; waits for it, and sends what is queued for the peer meanwhile.
    mutating func readWaiting(_ index: Int) throws(IPCError) -> Message {
        let descriptor = connections[index].descriptor
        connections[index].isReadable = true
        while true {
            // With frames to send both directions are watched; a receive that waits is for when there are none.
            let isSending = connections[index].outbox.hasPending
            if isSending { try sendNow(index) }
            switch try read(index, waiting: !connections[index].outbox.hasPending) {
            case .message(let message): return message
            case .end:
                // The loop is to find the end, or the failure, as well.
                enqueue(descriptor.number, .ready)
                throw IPCError(IPC_ERROR_CLOSED_RECIPIENT, "the peer has left:", .descriptor(descriptor.number))
            case .failed(let reason):
                enqueue(descriptor.number, .ready)
                throw reason
            case .nothing(let arrived):
                connections[index].isReadable = true
                if arrived { continue }
                if connections[index].outbox.hasPending {
                    descriptor.poll(Int16(POLLIN | POLLOUT), timeout: -1)
                } else {
                    try descriptor.waitToReceive()
                }
            }
        }
    }

    /// Sends what the kernel takes now; that the peer takes no more shows when its end is read.
    private mutating func sendNow(_ index: Int) throws(IPCError) {
        let descriptor = connections[index].descriptor
        if case .failed(let number) = sendFrames(index, to: descriptor, waiting: false) {
            try failSending(index, number)
        }
    }
}

extension IPCError {
    /// The system is short of something: nothing is wrong with the peer, and trying again may help.
    var isShortage: Bool {
        code == IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY || code == IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION
            || systemError == ENOMEM || systemError == ENOBUFS
    }
}

extension Descriptor {
    /// A receive that should have waited came back empty: a descriptor that does not block is waited for here; one with
    /// a limit of its own (SO_RCVTIMEO, socket(7)) has reached it.
    func waitToReceive() throws(IPCError) {
        guard libipc_is_nonblocking(number) != 0 else {
            throw IPCError(IPC_ERROR_USOCK_RECV, "receive from", .descriptor(number), systemError: EAGAIN)
        }
        poll(Int16(POLLIN), timeout: -1)
    }
}
