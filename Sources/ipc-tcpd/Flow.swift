// Flow.swift - one direction of a connection: bytes from the end that speaks to the end that hears.
//
// The sockets are registered once, edge-triggered (epoll(7)); whether they have something, or room, is remembered here. A direction that
// ends does not end the other one (RFC 9293 3.6): the end that hears is told by shutdown(2), when it has all that was said.

import CDaemon

struct Flow {
    enum Progress {
        /// Nothing can be done until a socket is ready.
        case waiting
        /// There is more to do, and others have their turn first.
        case more
        /// The system is short of memory.
        case starved
    }

    /// Memory that all flows receive into, one at a time; what the end that hears does not take of it is copied.
    static let chunk = 64 * 1024
    /// Receives in one turn.
    private static let turns = 4

    let source: Int32
    let sink: Int32
    var mayRead = true
    var mayWrite = true
    /// Nothing further comes from the source, and why.
    private(set) var hasSourceEnded = false
    private(set) var failure: StaticString?
    /// The system's reason when the source or the sink has failed; 0: there is none.
    private(set) var systemError: Int32 = 0
    /// The sink takes nothing any more: what comes is thrown away.
    var isSinkGone = false
    /// The source has ended, and the sink knows.
    private(set) var isOver = false
    /// Bytes that the sink was given in the last turn, and frames that ended.
    private(set) var moved = 0
    private(set) var frames = 0

    private var scanner = FrameScanner()
    private var pending: UnsafeMutableRawPointer?
    private var pendingStart = 0
    private var pendingEnd = 0

    init(from source: Int32, to sink: Int32) { (self.source, self.sink) = (source, sink) }

    mutating func free() {
        CDaemon.free(pending)
        (pending, pendingStart, pendingEnd) = (nil, 0, 0)
    }

    /// One turn.
    mutating func advance(_ memory: UnsafeMutableRawPointer) -> Progress {
        (moved, frames) = (0, 0)
        var turn = 0
        while !isOver {
            if pending != nil {
                guard mayWrite || isSinkGone else { return .waiting }
                if let stop = sendPending() { return stop }
            } else if hasSourceEnded {
                if !isSinkGone { cd_stop_writing(sink) }
                isOver = true
            } else {
                guard mayRead else { return .waiting }
                guard turn < Flow.turns else { return .more }
                turn += 1
                if let stop = receive(memory) { return stop }
            }
        }
        return .waiting
    }

    // MARK: Receiving

    private mutating func receive(_ memory: UnsafeMutableRawPointer) -> Progress? {
        let count = cd_receive(source, memory, Flow.chunk, 0)
        guard count > 0 else {
            let number = cd_errno()
            if count < 0, number == EAGAIN {
                mayRead = false
                return .waiting
            }
            if count < 0, Reach.isShortage(number) { return .starved }
            if count < 0 { systemError = number }
            hasSourceEnded = true
            return nil
        }
        if isSinkGone { return nil }
        let scanned = scanner.scan(UnsafeRawBufferPointer(start: memory, count: count))
        frames += scanned.frames
        if scanned.isBroken { fail("what was sent is no frame") }
        return send(memory, scanned.valid)
    }

    private mutating func fail(_ reason: StaticString) { (failure, hasSourceEnded) = (reason, true) }

    // MARK: Sending

    /// Sends, and keeps what there is no room for.
    private mutating func send(_ memory: UnsafeRawPointer, _ count: Int) -> Progress? {
        guard count > 0 else { return nil }
        let sent = mayWrite ? max(cd_send(sink, memory, count, -1), 0) : 0
        moved += sent
        guard sent < count else { return nil }
        guard let rest = malloc(count - sent) else {
            // These bytes are lost: nothing may follow them.
            fail("there is no memory for what is to be sent")
            return nil
        }
        memcpy(rest, memory + sent, count - sent)
        (pending, pendingStart, pendingEnd) = (rest, 0, count - sent)
        // Why less was taken shows when the rest is sent.
        return nil
    }

    private mutating func sendPending() -> Progress? {
        guard let pending, !isSinkGone else {
            free()
            return nil
        }
        let sent = cd_send(sink, pending + pendingStart, pendingEnd - pendingStart, -1)
        guard sent > 0 else {
            let number = cd_errno()
            if number == EAGAIN {
                mayWrite = false
                return .waiting
            }
            if Reach.isShortage(number) { return .starved }
            (isSinkGone, systemError) = (true, number)
            return nil
        }
        moved += sent
        pendingStart += sent
        if pendingStart == pendingEnd { free() }
        return nil
    }
}
