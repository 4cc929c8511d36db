// Events.swift - exports: waiting for events, and single steps of the loop.

@c @implementation public func ipc_wait_event_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ event: Ref<ipc_event>, _ timer: Ref<Int32>?) {
    let deadline = Deadline(milliseconds: timer?.pointee ?? -1)
    answer(result) { () throws(IPCError) in
        guard PublicRoster.context(behind: ctx) != nil else { return try waitForNothing(event, deadline) }
        repeat {
            try fill(event, ctx) { context, found throws(IPCError) in try context.next(&found, deadline) }
            // A callback may have freed the context.
        } while event.pointee.type == IPC_EVENT_TYPE_NOT_SET && PublicRoster.context(behind: ctx) != nil
    }
    if let timer, timer.pointee > 0 { timer.pointee = event.pointee.type == IPC_EVENT_TYPE_TIMER ? 0 : deadline.remaining }
}

/// An empty context has nothing but time to wait for.
private func waitForNothing(_ event: Ref<ipc_event>, _ deadline: Deadline) throws(IPCError) {
    free(empty(event, nil))
    try check(call: poll(nil, 0, deadline.remaining), IPC_ERROR_WAIT_EVENT__POLL, "wait for events")
    event.pointee.type = IPC_EVENT_TYPE_TIMER
}

/// Empties the event. Returns the memory of its message, which the next one can have.
private func empty(_ event: Ref<ipc_event>, _ context: Ref<PublicContext>?) -> Ref<ipc_message>? {
    let message = event.pointee.m?.assumingMemoryBound(to: ipc_message.self)
    event.pointee = ipc_event()
    guard let context else { free(message?.pointee.payload); return message }
    if let message { context.pointee.scratch.recycle(message.pointee.payload, Int(message.pointee.length)) }
    return message
}

/// Empties the event, lets `step` find another, calls the program's callbacks on the way, and fills the event in: also when an
/// error comes with it.
private func fill(
    _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ step: (inout PublicContext, inout Event) throws(IPCError) -> Void
) throws(IPCError) {
    // No message is lost for want of memory: that is here before it is read.
    let context = PublicRoster.context(behind: ctx)
    let kept = empty(event, context) ?? context?.pointee.roster.spare.take()
    let place = if let kept { kept } else { try makeMessage() }
    var found = Event()
    defer { publish(&found, event, ctx, place) }
    try withContext(ctx) { context throws(IPCError) in try step(&context, &found) }
    while found.kind == .callback { try callBack(&found, ctx) }
}

private func makeMessage() throws(IPCError) -> Ref<ipc_message> {
    try allocate(MemoryLayout<ipc_message>.size, IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY).bindMemory(to: ipc_message.self, capacity: 1)
}

private func publish(_ found: inout Event, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ place: Ref<ipc_message>) {
    event.pointee.type = ipc_event_type(rawValue: found.kind.rawValue)
    event.pointee.index = UInt32(truncatingIfNeeded: found.index)
    event.pointee.origin = found.descriptor
    if let message = found.message.take() {
        place.pointee = ipc_message(message.header, found.descriptor, message.releasePayload())
        event.pointee.m = UnsafeMutableRawPointer(place)
    } else if let context = PublicRoster.context(behind: ctx), context.pointee.roster.spare == nil {
        context.pointee.roster.spare = place
    } else {
        free(place)
    }
    libipc_trace_event(event)
}

/// Calls the program's callback: outside the context, because it may use that, and free it.
private func callBack(_ found: inout Event, _ ctx: Ref<ipc_ctx>) throws(IPCError) {
    let (descriptor, frame) = (found.descriptor, found.frame)
    found = Event()
    defer { if let frame { OutboundFrame.destroy(frame) } }
    guard let pair = ctx.pointee.switchdb.pair(of: descriptor)?.pointee else { return }
    var message = frame.map { ipc_message($0.pointee.header, descriptor, $0.pointee.payload) } ?? ipc_message()
    var holdsMore: Int16 = 0
    let answered =
        frame == nil ? pair.reader(of: descriptor)?(descriptor, &message, &holdsMore) : pair.writer(of: descriptor)?(descriptor, &message)
    guard let answered else { return }
    let answer = CallbackAnswer(rawValue: answered.rawValue) ?? .failed
    // A length without a payload is no message.
    let isRead = frame == nil && (message.payload != nil || message.length == 0)
    var read = isRead ? Message(FrameHeader(message), adopting: message.payload) : nil
    guard PublicRoster.context(behind: ctx) != nil else { return }
    try withContext(ctx) { context throws(IPCError) in
        if frame != nil { return try context.didWrite(descriptor, answer, &found) }
        try context.didRead(descriptor, answer, read.take(), holdsMore: holdsMore != 0, &found)
    }
}

@c @implementation
public func libipc_step_by_hand(
    _ result: Outcome, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ index: UInt32, _ step: libipc_step
) {
    answer(
        result,
        try fill(event, ctx) { context, found throws(IPCError) in
            let connection = context.connections[Int(index)]
            switch step {
            case LIBIPC_STEP_SWITCH_READ: try context.stepReading(connection, &found)
            case LIBIPC_STEP_ACCEPT: try context.accept(on: connection, &found)
            default: try context.stepWriting(connection, needsPair: step == LIBIPC_STEP_SWITCH_WRITE, &found)
            }
        })
}
