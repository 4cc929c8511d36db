// Events.swift - exports: waiting for events, and single steps of the loop.

@c @implementation public func ipc_wait_event_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ event: Ref<ipc_event>, _ timer: Ref<Int32>?) {
    var left = timer?.pointee ?? -1
    answer(result) { () throws(IPCError) in
        repeat {
            if try fill(event, ctx, nil, &left) { return }
            // A callback has freed the context, and may have made another one. If not, a call that only looks is over.
        } while left == 0 || !ContextLock.isEmpty(ctx)
    }
    if let timer, timer.pointee > 0 { timer.pointee = left }
}

/// An empty context has nothing but time to wait for, where no other thread can add to it.
@inline(never)
private func waitForNothing(_ event: Ref<ipc_event>, _ deadline: Deadline) throws(IPCError) {
    try check(call: poll(nil, 0, deadline.remaining), IPC_ERROR_WAIT_EVENT__POLL, "wait for events")
    event.pointee.type = IPC_EVENT_TYPE_TIMER
}

/// Empties the event. Returns the memory of its message, which the next one can have.
private func empty(_ event: Ref<ipc_event>, _ context: Ref<PublicContext>?) -> Ref<ipc_message>? {
    let message = event.pointee.m?.assumingMemoryBound(to: ipc_message.self)
    event.pointee = ipc_event()
    guard let context else { free(message?.pointee.payload); return message }
    if let message { context.pointee.pool.returnPayload(message.pointee.payload, Int(clamping: message.pointee.length)) }
    return message
}

/// Empties the event, finds another, calls the program's callbacks on the way, and fills the event in: also when an error comes
/// with it. A call that waits has a lease, and first lets go of what it holds.
/// - Parameters:
/// - step: one step of the loop; nil: waits for an event.
/// - left: the timer in milliseconds; becomes what remains.
/// - Returns: false: a callback has freed the context.
// Into its two callers, with what is called for every event: that takes a tenth off a message.
@inline(__always)
private func fill(
    _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ step: (libipc_step, UInt32)?, _ left: inout Int32
) throws(IPCError) -> Bool {
    var visit: ContextLock
    if let known = try undoing(free(empty(event, nil)), try ContextLock(known: ctx)) {
        visit = known
    } else {
        free(empty(event, nil))
        if step == nil, libipc_is_alone() != 0 {
            let deadline = Deadline(milliseconds: left)
            defer { if left > 0 { left = deadline.remaining } }
            try waitForNothing(event, deadline)
            return true
        }
        visit = try ContextLock(ctx)
    }
    // No message is lost for want of memory: that is here before it is read.
    let kept = empty(event, visit.context) ?? visit.context.pointee.view.spare.take()
    let place = if let kept { kept } else { try makeMessage() }
    let lease = step != nil ? nil : try undoing(free(place), try visit.context.pointee.leases.take(libipc_this_thread()))
    let deadline = lease?.pointee.deadline(left) ?? .immediate
    var found = Event(lease)
    var failure: IPCError?
    var isFound = false
    do throws(IPCError) { isFound = try find(&visit, &found, step, deadline) } catch { failure = error }
    if left > 0 { left = visit.isGone ? deadline.remaining : lease?.pointee.leave(deadline, found.kind) ?? left }
    publish(&found, event, visit, place)
    if let failure { throw failure }
    return isFound
}

/// Finds an event, waits for it, and calls the program's callbacks. Returns false when a callback has freed the context.
@inline(__always)
private func find(
    _ visit: inout ContextLock, _ found: inout Event, _ step: (libipc_step, UInt32)?, _ deadline: Deadline
) throws(IPCError) -> Bool {
    let lease = found.lease
    if let lease { visit.context.pointee.release(lease) }
    try visit.context.pointee.catchUp()
    if let (step, index) = step {
        try visit.context.pointee.take(step, index, &found)
    } else {
        try visit.context.pointee.next(&found, deadline)
    }
    while true {
        switch found.kind {
        case .waiting: try wait(&visit, &found, deadline)
        case .callback: try callBack(&visit, &found)
        default: return true
        }
        if visit.isLost { throw ContextLock.lost }
        if visit.isGone { return false }
        if let lease, found.kind == .none || found.kind == .waiting {
            // What was held for a callback, which told nothing.
            visit.context.pointee.release(lease)
            try visit.context.pointee.catchUp()
            try visit.context.pointee.search(&found, deadline)
        }
    }
}

/// Waits until there may be something: by asking the poller; or, where another thread does, until that one is done.
private func wait(_ visit: inout ContextLock, _ found: inout Event, _ deadline: Deadline) throws(IPCError) {
    var patience = visit.context.pointee.patience(deadline.remaining)
    var watch = visit.context.pointee.isLed ? nil : try visit.context.pointee.prepareToWait()
    if var asked = watch {
        try visit.context.pointee.prepareToSleep(&asked, &patience)
        watch = asked
    }
    visit.context.pointee.waiting += 1
    if watch != nil { visit.context.pointee.isLed = true }
    let call = visit.context.pointee.call
    (found.kind, found.named) = (.none, 0)
    defer {
        if !visit.isGone {
            // The count is 0 after a fork in a signal handler.
            visit.context.pointee.waiting = max(visit.context.pointee.waiting - 1, 0)
            if watch != nil { visit.context.pointee.isLed = false }
            if visit.context.pointee.isPollerUnwanted { visit.context.pointee.closePoller() }
        }
    }
    guard let watch else { return patience == 0 ? () : visit.rest(patience) }
    do throws(IPCError) {
        let finding = try visit.open { () throws(IPCError) in try watch.wait(timeout: patience) }
        if visit.isGone { return }
        try visit.context.pointee.hear(finding, &found)
        // What other threads did meanwhile may have made it old news.
        if visit.context.pointee.call != call { visit.context.pointee.call &+= 1 }
    } catch { if !visit.isLost { throw error } }
}

private func makeMessage() throws(IPCError) -> Ref<ipc_message> {
    try allocate(MemoryLayout<ipc_message>.size, IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY).bindMemory(to: ipc_message.self, capacity: 1)
}

@inline(__always)
private func publish(_ found: inout Event, _ event: Ref<ipc_event>, _ visit: borrowing ContextLock, _ place: Ref<ipc_message>) {
    event.pointee.type = ipc_event_type(rawValue: found.kind.rawValue)
    event.pointee.index = UInt32(truncatingIfNeeded: found.index)
    event.pointee.origin = found.descriptor
    if let message = found.message.take() {
        place.pointee = ipc_message(message.header, found.descriptor, message.releasePayload())
        event.pointee.m = UnsafeMutableRawPointer(place)
    } else if !visit.isGone, visit.context.pointee.view.spare == nil {
        visit.context.pointee.view.spare = place
    } else {
        free(place)
    }
    libipc_trace_event(event)
}

/// Calls the program's callback: outside the context, because it may use that, and free it.
private func callBack(_ visit: inout ContextLock, _ found: inout Event) throws(IPCError) {
    let (descriptor, generation, frame) = (found.descriptor, found.generation, found.frame)
    (found.kind, found.index, found.descriptor, found.frame) = (.none, 0, 0, nil)
    defer { if let frame { OutboundFrame.destroy(frame) } }
    guard let pair = visit.context.pointee.view.pair(of: descriptor) else { return }
    visit.context.pointee.alert(found.lease)
    var message = frame.map { ipc_message($0.pointee.header, descriptor, $0.pointee.payload) } ?? ipc_message()
    var holdsMore: Int16 = 0
    let answered = try visit.open {
        frame == nil ? pair.reader(of: descriptor)?(descriptor, &message, &holdsMore) : pair.writer(of: descriptor)?(descriptor, &message)
    }
    guard let answered else { return }
    let answer = CallbackAnswer(rawValue: answered.rawValue) ?? .failed
    // A length without a payload is no message.
    let isRead = frame == nil && (message.payload != nil || message.length == 0)
    var read = isRead ? Message(FrameHeader(message), adopting: message.payload) : nil
    if visit.isGone { return }
    try visit.context.pointee.catchUp()
    // The number may be another entry's by now, which this answer is not about.
    guard visit.context.pointee.live(descriptor)?.pointee.registration.generation == generation else { return }
    if frame != nil { return try visit.context.pointee.didWrite(descriptor, answer, &found) }
    try visit.context.pointee.didRead(descriptor, answer, read.take(), holdsMore: holdsMore != 0, &found)
}

@c @implementation
public func libipc_step_by_hand(
    _ result: Outcome, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ index: UInt32, _ step: libipc_step
) {
    var none: Int32 = -1
    answer(result, _ = try fill(event, ctx, (step, index), &none))
}

extension Context where Entries: ~Copyable {
    /// One step of the loop, by hand.
    fileprivate mutating func take(_ step: libipc_step, _ index: UInt32, _ event: inout Event) throws(IPCError) {
        let code = step == LIBIPC_STEP_ACCEPT ? IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX : IPC_ERROR_DEL__CANNOT_FIND_CLIENT
        try check(index < connections.count, code, "the context has no entry \(index)")
        let connection = connections[Int(index)]
        switch step {
        case LIBIPC_STEP_SWITCH_READ: try stepReading(connection, &event)
        case LIBIPC_STEP_ACCEPT: try accept(on: connection, waiting: true, &event)
        default: try stepWriting(connection, needsPair: step == LIBIPC_STEP_SWITCH_WRITE, &event)
        }
    }
}
