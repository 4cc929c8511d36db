// Context+Sending.swift - queueing frames, handing them to the kernel, and reporting it.

import CLibIPC

extension Context where Entries: ~Copyable {
    /// Queues a deep copy of the message for one entry.
    mutating func queue(_ header: FrameHeader, _ payload: UnsafeRawPointer?, for descriptor: Int32) throws(IPCError) {
        guard let index = positions[descriptor] else {
            throw IPCError(IPC_ERROR_WRITE__FD_NOT_FOUND, "not in this context:", .descriptor(descriptor))
        }
        let limit = queueLimit ?? Self.defaultQueueLimit
        guard connections[index].outbox.pendingBytes <= limit - header.frameSize else {
            throw IPCError(IPC_ERROR_WRITE__QUEUE_FULL, "the queue is full of", .descriptor(descriptor))
        }
        do throws(OutOfMemory) {
            try enlist(try OutboundFrame.copying(payload, header: header, to: descriptor), at: index)
        } catch {
            throw IPCError(IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC, "no memory to queue for", .descriptor(descriptor))
        }
    }

    /// Puts the frame into the outbox and onto the roster's list, or frees it.
    mutating func enlist(_ frame: OutboundFrameReference, at index: Int) throws(OutOfMemory) {
        do throws(OutOfMemory) {
            try roster.list(frame)
        } catch {
            OutboundFrame.destroy(frame)
            throw error
        }
        connections[index].outbox.append(frame)
        if !connections[index].isBlocked { enqueue(connections[index].watch.descriptor, .unsent) }
    }

    /// Frees a frame that is in no outbox any more.
    mutating func discard(_ frame: OutboundFrameReference) {
        roster.unlist(frame)
        OutboundFrame.destroy(frame)
    }

    /// Drops what is queued for the entry.
    mutating func dropFrames(_ index: Int) {
        unreported -= connections[index].outbox.sentCount
        while let frame = connections[index].outbox.takeSent() { discard(frame) }
        while let frame = connections[index].outbox.takePending() { discard(frame) }
    }

    /// Sends what is queued, for all connections that are not blocked.
    mutating func sendUnsent() throws(IPCError) -> Step? {
        while let index = dequeueFirst(.unsent) {
            if let step = try sendQueued(index) { return step }
        }
        return nil
    }

    /// Sends what is queued for one connection.
    mutating func sendQueued(_ index: Int) throws(IPCError) -> Step? {
        let descriptor = connections[index].descriptor
        if roster.kind(at: index) == .switched, roster.hasWriter(descriptor.number),
            !connections[index].outbox.isHalfSent
        {
            return try offerToCallback(index)
        }
        switch sendFrames(index, to: descriptor, waiting: false) {
        case .done:
            if connections[index].interest.contains(.write) {
                try rearm(index, connections[index].interest.subtracting(.write))
            }
        case .blocked: try waitForRoom(index)
        case .failed(let number):
            try failSending(index, number)
        }
        return nil
    }

    mutating func waitForRoom(_ index: Int) throws(IPCError) {
        connections[index].isBlocked = true
        try rearm(index, connections[index].interest.union(.write))
    }

    /// The kernel takes what it can; what it has is to be reported, and whoever waited for room has it.
    mutating func sendFrames(_ index: Int, to descriptor: Descriptor, waiting: Bool) -> Outbox.Progress {
        let before = connections[index].outbox.sentCount
        let progress = connections[index].outbox.send(to: descriptor, waiting: waiting)
        let sent = connections[index].outbox.sentCount - before
        if sent > 0 {
            unreported += sent
            reportsDue += sent
            enqueue(descriptor.number, .sent)
        }
        releaseWaiting(index)
        return progress
    }

    /// Nothing more can be sent. What is queued goes; what the peer sent before is read to its end, which tells
    /// whether it has left or failed.
    /// If the system is short of memory nothing is lost: the caller may try again.
    mutating func failSending(_ index: Int, _ number: Int32) throws(IPCError) {
        let descriptor = connections[index].watch.descriptor
        let reason = IPCError(IPC_ERROR_USOCK_SEND, "send to", .descriptor(descriptor), systemError: number)
        if reason.isShortage {
            enqueue(descriptor, .unsent)
            throw reason
        }
        while let frame = connections[index].outbox.takePending() { discard(frame) }
        connections[index].sendFailure = number
        connections[index].isBlocked = false
        connections[index].isReadable = true
        releaseWaiting(index)
        enqueue(descriptor, .ready)
    }

    /// A report for the oldest frame that was sent and not reported, connections in turn.
    mutating func reportSent() -> Event? {
        guard let index = dequeueFirst(.sent) else {
            reportsDue = 0
            return nil
        }
        let descriptor = connections[index].watch.descriptor
        if let event = reportSent(index) {
            if connections[index].outbox.sentCount > 0 { enqueue(descriptor, .sent) }
            return event
        }
        return nil
    }

    /// The same for one connection.
    mutating func reportSent(_ index: Int) -> Event? {
        guard let frame = connections[index].outbox.takeSent() else { return nil }
        unreported -= 1
        reportsDue = max(reportsDue - 1, 0)
        discard(frame)
        return Event(.sent, index: index, descriptor: connections[index].watch.descriptor)
    }

    // MARK: Waiting until all is sent

    /// Sends what is queued for this descriptor before it returns, so that nothing overtakes it.
    mutating func sendWaiting(_ index: Int) throws(IPCError) {
        let descriptor = connections[index].descriptor
        while connections[index].outbox.hasPending {
            switch sendFrames(index, to: descriptor, waiting: true) {
            case .done: break
            case .blocked: try descriptor.waitToSend()
            case .failed(let number):
                throw IPCError(IPC_ERROR_USOCK_SEND, "send to", .descriptor(descriptor.number), systemError: number)
            }
        }
    }
}

extension Descriptor {
    /// As `waitToReceive`, for sending.
    func waitToSend() throws(IPCError) {
        guard libipc_is_nonblocking(number) != 0 else {
            throw IPCError(IPC_ERROR_USOCK_SEND, "send to", .descriptor(number), systemError: EAGAIN)
        }
        poll(Int16(POLLOUT), timeout: -1)
    }
}
