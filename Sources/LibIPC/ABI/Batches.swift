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

@inline(never)
private func wait(
    _ ctx: Ref<ipc_ctx>, _ events: Ref<ipc_event>, _ room: Int, _ count: Ref<Int>, _ left: inout Int32
) -> ipc_error_code {
    for index in 1..<room where events[index].m != nil || events[index].type != IPC_EVENT_TYPE_NOT_SET { destroy(empty(events + index)) }
    return code { () throws(IPCError) in
        defer { if count.pointee == 0, events.pointee.type != IPC_EVENT_TYPE_NOT_SET { count.pointee = 1 } }
        if try !fillStepwise(events, ctx, nil, &left, isBatch: true) {
            try fillAgain(events, ctx, &left, isBatch: true)
            // It may be an empty event, as that of a single call.
            return count.pointee = 1
        }
        if room > 1, events.pointee.type != IPC_EVENT_TYPE_TIMER { try gather(ctx, events, room, count) }
    }
}

/// Fills in more events behind the first one. One that comes with an error is the last.
@inline(never)
private func gather(_ ctx: Ref<ipc_ctx>, _ events: Ref<ipc_event>, _ room: Int, _ count: Ref<Int>) throws(IPCError) {
    count.pointee = 1
    // In a signal handler, or in a context that another thread has freed, the first event is all there is.
    guard let lock = try? ContextLock(known: ctx), let lease = lock.context.pointee.leases.find(libipc_this_thread()) else { return }
    while count.pointee < room {
        var found = Event(lease, isBatch: true)
        var failure: IPCError?
        do throws(IPCError) {
            try lock.context.pointee.view.reserveSpare(nil, &lock.context.pointee.pool)
            try lease.pointee.reserve()
            try lock.context.pointee.takeMore(&found)
        } catch { failure = error }
        // A shortage without an event is the next call's error: nothing is lost.
        if found.kind == .none { return }
        fillIn(events + count.pointee, &found, lock)
        count.pointee += 1
        if let failure { throw failure }
    }
}
