// Batches.swift - export: several events in one call.
//
// The first event is found as ipc_wait_event finds it. The others need no question to the poller: their messages were read ahead, their
// connections are runnable, or their frames were sent.

@c @implementation public func ipc_wait_events(
    _ ctx: Ref<ipc_ctx>?, _ events: Ref<ipc_event>?, _ room: Int, _ count: Ref<Int>?, _ timer: Ref<Int32>?
) -> ipc_error_code {
    count?.pointee = 0
    guard let ctx, let events, let count, room > 0 else { return noteMissing() }
    var left = timer?.pointee ?? -1
    let result = wait(ctx, events, room, count, &left)
    if let timer, timer.pointee > 0 { timer.pointee = left }
    return result
}

/// The events of one call.
struct Batch {
    let events: Ref<ipc_event>
    let room: Int
    var count = 0
    /// Elements from here on are empty: the last batch did not reach them.
    private let end: Int

    init(_ events: Ref<ipc_event>, _ room: Int) {
        (self.events, self.room, end) = (events, room, libipc_begin_batch(events, room))
    }

    /// Empties the elements of the last batch that this one does not reach.
    func clearRest() {
        var index = max(count, 1)
        while index < end {
            if events[index].m != nil || events[index].type != IPC_EVENT_TYPE_NOT_SET { destroy(empty(events + index)) }
            index += 1
        }
    }
}

@inline(never)
private func wait(
    _ ctx: Ref<ipc_ctx>, _ events: Ref<ipc_event>, _ room: Int, _ count: Ref<Int>, _ left: inout Int32
) -> ipc_error_code {
    code { () throws(IPCError) in
        var batch = Batch(events, room)
        defer {
            if batch.count == 0, events.pointee.type != IPC_EVENT_TYPE_NOT_SET { batch.count = 1 }
            batch.clearRest()
            libipc_end_batch(events, room, max(batch.count, 1))
            count.pointee = batch.count
        }
        if try fillStepwise(events, ctx, nil, &left, &batch) { return }
        try fillAgain(events, ctx, &left, &batch)
        // It may be an empty event, as that of a single call.
        batch.count = max(batch.count, 1)
    }
}

/// Fills in more events behind the first one. One that comes with an error is the last.
@inline(__always)
func gather(_ batch: Ref<Batch>, _ lock: borrowing ContextLock, _ lease: LeaseReference) throws(IPCError) {
    batch.pointee.count = 1
    if batch.pointee.events.pointee.type != IPC_EVENT_TYPE_TIMER, lock.context.pointee.hasMore { try gatherMore(batch, lock, lease) }
}

@inline(never)
private func gatherMore(_ batch: Ref<Batch>, _ lock: borrowing ContextLock, _ lease: LeaseReference) throws(IPCError) {
    while batch.pointee.count < batch.pointee.room {
        // A shortage is the next call's error: nothing is lost.
        guard (try? lease.pointee.reserve()) != nil else { return }
        let next = batch.pointee.events + batch.pointee.count
        let taken = lock.context.pointee.takeRun(batch.pointee.room - batch.pointee.count, lease) {
            connection, index, header, payload, pool in
            fillIn(next + index, connection, header, payload, &pool)
        }
        batch.pointee.count += taken
        if taken == 0, try !fillIn(next, batch, lock, lease) { return }
    }
}

/// Fills in a small message that was read ahead: most events of a batch are that.
/// - Returns: false: there is no memory, and the payload is still the caller's.
@inline(__always)
private func fillIn(
    _ event: Ref<ipc_event>, _ connection: ConnectionReference, _ header: FrameHeader, _ payload: UnsafeMutableRawPointer,
    _ pool: inout BufferPool
) -> Bool {
    guard let message = event.pointee.m?.assumingMemoryBound(to: ipc_message.self) ?? makeMessage() else { return false }
    if event.pointee.m != nil { pool.returnBatchPayload(message.pointee.payload, Int(clamping: message.pointee.length)) }
    if libipc_has_received() != 0 { keep(-1, message, nil) }
    let number = connection.pointee.number
    message.pointee = ipc_message(header, number, payload)
    event.pointee.type = IPC_EVENT_TYPE_MESSAGE
    event.pointee.index = UInt32(truncatingIfNeeded: connection.pointee.index)
    event.pointee.origin = number
    event.pointee.m = UnsafeMutableRawPointer(message)
    libipc_trace_event(event)
    return true
}

@inline(never)
private func makeMessage() -> Ref<ipc_message>? {
    malloc(MemoryLayout<ipc_message>.size)?.bindMemory(to: ipc_message.self, capacity: 1)
}

/// Fills in any other event. False: there is none.
@inline(never)
private func fillIn(
    _ event: Ref<ipc_event>, _ batch: Ref<Batch>, _ lock: borrowing ContextLock, _ lease: LeaseReference
) throws(IPCError) -> Bool {
    let former = empty(event)
    guard (try? lock.context.pointee.view.reserveSpare(former, &lock.context.pointee.pool)) != nil else { return false }
    var found = Event(lease, isBatch: true)
    var failure: IPCError?
    do throws(IPCError) { try lock.context.pointee.takeMore(&found) } catch { failure = error }
    if found.kind == .none { return false }
    fillIn(event, &found, lock)
    batch.pointee.count += 1
    if let failure { throw failure }
    return true
}
