// Events.swift - exports: waiting for events, and single steps of the loop.

@c @implementation public func ipc_wait_event_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ event: Ref<ipc_event>, _ timer: Ref<Int32>?) {
    var left = timer?.pointee ?? -1
    libipc_forget_batch()
    answer(result) { () throws(IPCError) in
        if try !fill(event, ctx, nil, &left) { try fillAgain(event, ctx, &left) }
    }
    if let timer, timer.pointee > 0 { timer.pointee = left }
}

/// A callback has freed the context, and may have made another one. Waits on the new one, or where the timer is 0; else the call ends
/// with an empty event.
@inline(never)
func fillAgain(_ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ left: inout Int32, _ batch: Ref<Batch>? = nil) throws(IPCError) {
    while left == 0 || !ContextLock.isEmpty(ctx) { if try fillStepwise(event, ctx, nil, &left, batch) { return } }
}

@c @implementation
public func libipc_step_by_hand(
    _ result: Outcome, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ index: UInt32, _ step: libipc_step
) {
    var none: Int32 = -1
    answer(result, _ = try fillStepwise(event, ctx, (step, index), &none))
}

/// As `fill`, but not inlined.
@inline(never)
func fillStepwise(
    _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ step: (libipc_step, UInt32)?, _ left: inout Int32, _ batch: Ref<Batch>? = nil
) throws(IPCError) -> Bool { try fill(event, ctx, step, &left, batch) }

/// Waits for the timer alone: the context is empty, and there is no other thread that could add an entry.
@inline(never)
private func waitForNothing(_ event: Ref<ipc_event>, _ left: inout Int32) throws(IPCError) {
    event.pointee = ipc_event()
    let deadline = Deadline(milliseconds: left)
    defer { if left > 0 { left = deadline.remaining } }
    try check(call: poll(nil, 0, deadline.remaining), IPC_ERROR_WAIT_EVENT__POLL, "wait for events")
    event.pointee.type = IPC_EVENT_TYPE_TIMER
}

/// Empties the event. Returns its message, whose memory the next event's message reuses.
@inline(__always)
func empty(_ event: Ref<ipc_event>) -> Ref<ipc_message>? {
    let message = event.pointee.m?.assumingMemoryBound(to: ipc_message.self)
    event.pointee = ipc_event()
    return message
}

/// Empties the event, finds another, calls the program's callbacks on the way, and fills the event in: also when an error comes
/// with it. A call that waits first ends the lease of its thread.
/// - Parameters:
///   - step: one step of the loop; nil: waits for an event.
///   - left: the timer in milliseconds; becomes what remains.
///   - batch: the call gives several events, and this is the first.
/// - Returns: false: a callback has freed the context.
@inline(__always)
private func fill(
    _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ step: (libipc_step, UInt32)?, _ left: inout Int32, _ batch: Ref<Batch>? = nil
) throws(IPCError) -> Bool {
    let former = empty(event)
    var lock: ContextLock
    do throws(IPCError) {
        if let known = try ContextLock(known: ctx) {
            lock = known
        } else if step == nil, libipc_is_alone() != 0 {
            destroy(former)
            try waitForNothing(event, &left)
            return true
        } else {
            lock = try ContextLock(ctx)
        }
    } catch {
        destroy(former)
        throw error
    }
    // The memory for a message is reserved before one is read, so none is lost.
    try lock.context.pointee.view.reserveSpare(former, &lock.context.pointee.pool)
    let lease = step != nil ? nil : try lock.context.pointee.leases.lease(of: libipc_this_thread())
    var found = Event(lease, isBatch: batch != nil)
    let deadline = lease?.pointee.beginTimer(left, &found.clock) ?? .immediate
    if batch != nil { try lease?.pointee.reserve() }
    let isFound: Bool
    do throws(IPCError) {
        if let lease { lock.context.pointee.end(lease) }
        try lock.context.pointee.catchUp()
        if let (step, index) = step {
            try perform(step, index, &lock, &found)
        } else if libipc_is_woken(lock.monitor) != 0 {
            try lock.context.pointee.search(&found, deadline)
        } else {
            try lock.context.pointee.next(&found, deadline)
        }
        let isOthers = found.kind == .callback || found.kind == .waiting
        isFound = isOthers ? try findUnlocked(&lock, &found, deadline) : true
        conclude(&found, event, lock, deadline, &left)
    } catch {
        concludeFailed(&found, event, lock, deadline, &left)
        throw error
    }
    if isFound, let batch, let lease, !lock.isFreed { try gather(batch, lock, lease) }
    return isFound
}

/// Stores what remains of the timer, and fills the event in.
@inline(__always)
private func conclude(
    _ found: inout Event, _ event: Ref<ipc_event>, _ lock: borrowing ContextLock, _ deadline: Deadline, _ left: inout Int32
) {
    if left > 0 { left = lock.isFreed ? deadline.remaining : found.lease?.pointee.endTimer(found.kind, found.clock) ?? left }
    fillIn(event, &found, lock)
}

@inline(__always)
func fillIn(_ event: Ref<ipc_event>, _ found: inout Event, _ lock: borrowing ContextLock) {
    event.pointee.type = ipc_event_type(rawValue: found.kind.rawValue)
    event.pointee.index = UInt32(truncatingIfNeeded: found.index)
    event.pointee.origin = found.descriptor
    // A signal handler may have freed the context; its memory stays until the call ends.
    if var message = found.message.take(), let place = lock.context.pointee.view.spare.take() {
        if message.descriptor != -1 || libipc_has_received() != 0 { keep(message.takeDescriptor(), place, found.lease) }
        place.pointee = ipc_message(message.header, found.descriptor, message.releasePayload())
        event.pointee.m = UnsafeMutableRawPointer(place)
    }
    libipc_trace_event(event)
}

/// The descriptor that came with a message, for ipc_event_take_fd; -1: none came.
@inline(never)
func keep(_ descriptor: Int32, _ message: Ref<ipc_message>, _ lease: LeaseReference?) {
    // The program may have freed the message of an earlier event, and taken no descriptor: this one has its memory.
    libipc_close_passed(libipc_take_received(message))
    guard descriptor != -1 else { return }
    guard let lease, libipc_keep_received(message, descriptor, lease) != 0 else { return libipc_close_passed(descriptor) }
    lease.pointee.hasReceived = true
}

@inline(never)
private func concludeFailed(
    _ found: inout Event, _ event: Ref<ipc_event>, _ lock: borrowing ContextLock, _ deadline: Deadline, _ left: inout Int32
) { conclude(&found, event, lock, deadline, &left) }

@inline(never)
func destroy(_ message: Ref<ipc_message>?) {
    free(message?.pointee.payload)
    free(message)
}

/// The rest of `fill` where the lock is released on the way: waits, and calls callbacks, until there is an event. Returns false when a
/// callback has freed the context.
@inline(never)
private func findUnlocked(_ lock: inout ContextLock, _ found: inout Event, _ deadline: Deadline) throws(IPCError) -> Bool {
    while true {
        switch found.kind {
        case .waiting: try wait(&lock, &found, deadline)
        case .callback: try callBack(&lock, &found)
        default: return true
        }
        found.clock.expire()
        if lock.isFreedByOther { throw ContextLock.freedError }
        if lock.isFreed { return false }
        guard let lease = found.lease else { return true }
        if found.kind == .none || found.kind == .waiting {
            // The callback gave no event: its lease ends.
            lock.context.pointee.end(lease)
            try lock.context.pointee.catchUp()
            try lock.context.pointee.search(&found, deadline)
        }
    }
}

/// Waits until there may be an event: asks the poller; or, if another thread does that, waits for that thread.
private func wait(_ lock: inout ContextLock, _ found: inout Event, _ deadline: Deadline) throws(IPCError) {
    var limit = lock.context.pointee.sleepLimit(deadline.remaining(&found.clock), &found)
    var watch = lock.context.pointee.isLed ? nil : try lock.context.pointee.prepareToWait()
    if var asked = watch {
        try lock.context.pointee.prepareToSleep(&asked, &limit)
        watch = asked
    }
    // Also where a signal ends the sleep.
    found.clock.expire()
    lock.context.pointee.waiting += 1
    if watch != nil { lock.context.pointee.isLed = true }
    let call = lock.context.pointee.call
    (found.kind, found.reported) = (.none, 0)
    // Who calls ipc_wake from here on ends the sleep.
    if libipc_is_woken(lock.monitor) != 0 { limit = 0 }
    defer {
        if !lock.isFreed {
            // The count is 0 after a fork in a signal handler.
            lock.context.pointee.waiting = max(lock.context.pointee.waiting - 1, 0)
            if watch != nil {
                lock.context.pointee.isLed = false
                // It may have left something in the poller.
                lock.context.pointee.loop?.ringAgain()
            }
            if lock.context.pointee.isPollerUnwanted { lock.context.pointee.closePoller() }
        }
    }
    guard let watch else { return limit == 0 ? () : try lock.unlockedWithSpare { $0.waitForChange(limit) } }
    do throws(IPCError) {
        let finding = try lock.unlockedWithSpare { lock throws(IPCError) in
            try lock.unlocked { () throws(IPCError) in try watch.wait(timeout: limit) }
        }
        if lock.isFreed { return }
        lock.context.pointee.turns.begin()
        try lock.context.pointee.mark(finding, &found)
        // Other threads were at work: the reports may be stale, so they count as those of an earlier call (`isStillReadable`).
        if lock.context.pointee.call != call { lock.context.pointee.call &+= 1 }
    } catch { if !lock.isFreedByOther, libipc_is_woken(lock.monitor) == 0 { throw error } }
}

/// Calls the program's callback without the lock, because it may use the context, and free it.
private func callBack(_ lock: inout ContextLock, _ found: inout Event) throws(IPCError) {
    let (number, generation, frame) = (found.descriptor, found.generation, found.frame)
    (found.kind, found.index, found.descriptor, found.frame) = (.none, 0, 0, nil)
    defer { if let frame { OutboundFrame.destroy(frame) } }
    guard let pair = lock.context.pointee.view.pair(of: number) else { return }
    lock.context.pointee.alert(found.lease)
    var message = frame.map { ipc_message($0.pointee.header, number, $0.pointee.payload) } ?? ipc_message()
    var holdsMore: Int16 = 0
    let answered = try lock.unlockedWithSpare { lock throws(IPCError) in
        try lock.unlocked {
            frame == nil ? pair.reader(of: number)?(number, &message, &holdsMore) : pair.writer(of: number)?(number, &message)
        }
    }
    guard let answered else { return }
    let answer = CallbackAnswer(rawValue: answered.rawValue) ?? .failed
    // A length without a payload is no message.
    let isRead = frame == nil && (message.payload != nil || message.length == 0)
    var read = isRead ? Message(FrameHeader(message), adopting: message.payload) : nil
    if lock.isFreed { return }
    try lock.context.pointee.catchUp()
    // The number may be another entry's by now: then the answer is dropped.
    guard lock.context.pointee.active(number)?.pointee.registration.generation == generation else { return }
    if frame != nil { return try lock.context.pointee.didWrite(number, answer, &found) }
    try lock.context.pointee.didRead(number, answer, read.take(), holdsMore: holdsMore != 0, &found)
}

/// One step of the loop, by hand.
@inline(never)
private func perform(_ step: libipc_step, _ index: UInt32, _ lock: inout ContextLock, _ event: inout Event) throws(IPCError) {
    let isAccept = step == LIBIPC_STEP_ACCEPT
    let code = isAccept ? IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX : IPC_ERROR_DEL__CANNOT_FIND_CLIENT
    try check(index < lock.context.pointee.connections.count, code, "the context has no entry \(index)")
    let connection = lock.context.pointee.connections[Int(index)]
    switch step {
    case LIBIPC_STEP_SWITCH_READ: try lock.context.pointee.stepReading(connection, &event)
    case LIBIPC_STEP_ACCEPT:
        // The socket of a server that has failed is still open, and accept(2) gives the reason.
        if connection.pointee.server?.pointee.failed == nil { try lock.context.pointee.requireActive(connection, code) }
        try accept(on: connection, &lock, &event)
    default: try lock.context.pointee.stepWriting(connection, needsPair: step == LIBIPC_STEP_SWITCH_WRITE, &event)
    }
}

/// Accepts a client as accept(2) does, without the lock, and adds it.
private func accept(on server: ConnectionReference, _ lock: inout ContextLock, _ event: inout Event) throws(IPCError) {
    let (number, generation) = (server.pointee.number, server.pointee.registration.generation)
    // Memory for the entry is reserved before the client is accepted.
    try lock.context.pointee.reserveEntry()
    var client = lock.context.pointee.takeUnadmitted()
    if client < 0 {
        let monitor = lock.monitor
        do throws(IPCError) {
            client = try lock.unlocked { () throws(IPCError) in try acceptClient(on: number, of: monitor) }
        } catch { throw lock.isFreedByOther ? ContextLock.freedError : error }
        if lock.isFreed {
            close(client)
            throw ContextLock.freedError
        }
    }
    try undoing(close(client), try lock.context.pointee.catchUp())
    let found = lock.context.pointee.active(number)
    try lock.context.pointee.admit(client, of: found?.pointee.registration.generation == generation ? found : nil, &event)
}
