// Events.swift - exports: waiting for events, and single steps of the loop.

import CLibIPC

@c @implementation public func ipc_wait_event_into(_ result: Outcome, _ ctx: Ref<ipc_ctx>, _ event: Ref<ipc_event>, _ timer: Ref<Int32>) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM, "no context")
        let event = try require(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM, "no event")
        let deadline = Deadline(milliseconds: timer?.pointee ?? -1)
        defer { if let timer, timer.pointee > 0 { timer.pointee = event.pointee.type == IPC_EVENT_TYPE_TIMER ? 0 : deadline.remaining } }
        guard PublicRoster.context(behind: ctx) != nil else { return try waitForNothing(event, deadline) }
        repeat {
            try fill(event, ctx) { context, found throws(IPCError) in try context.next(&found, deadline) }
            // A callback may have freed the context.
        } while event.pointee.type == IPC_EVENT_TYPE_NOT_SET && PublicRoster.context(behind: ctx) != nil
    }
}

/// An empty context has nothing but time to wait for.
private func waitForNothing(_ event: UnsafeMutablePointer<ipc_event>, _ deadline: Deadline) throws(IPCError) {
    clean(event, nil)
    guard poll(nil, 0, deadline.remaining) == 0 else { throw .system(IPC_ERROR_WAIT_EVENT__POLL, "wait for events") }
    event.pointee.type = IPC_EVENT_TYPE_TIMER
}

/// Empties the event. The memory of its message serves the next one.
private func clean(_ event: UnsafeMutablePointer<ipc_event>, _ context: Ref<PublicContext>) {
    let message = event.pointee.m?.assumingMemoryBound(to: ipc_message.self)
    event.pointee = ipc_event()
    guard let message else { return }
    if let context {
        context.pointee.scratch.recycle(message.pointee.payload, Int(message.pointee.length))
        context.pointee.roster.keepSpare(message)
    } else {
        free(message.pointee.payload)
        free(message)
    }
}

/// Empties the event, lets `step` find another, calls the program's callbacks on the way, and fills the event in: also when an
/// error comes with it.
private func fill(
    _ event: UnsafeMutablePointer<ipc_event>, _ ctx: UnsafeMutablePointer<ipc_ctx>,
    _ step: (inout PublicContext, inout Event) throws(IPCError) -> Void
) throws(IPCError) {
    clean(event, PublicRoster.context(behind: ctx))
    var found = Event()
    defer { publish(&found, event, ctx) }
    try withContext(ctx) { context throws(IPCError) in
        try context.roster.prepareSpare()
        try step(&context, &found)
    }
    while found.kind == .callReader || found.kind == .callWriter {
        if found.kind == .callReader { try callReader(&found, ctx) } else { try callWriter(&found, ctx) }
    }
}

private func publish(_ found: inout Event, _ event: UnsafeMutablePointer<ipc_event>, _ ctx: UnsafeMutablePointer<ipc_ctx>) {
    event.pointee.type = ipc_event_type(rawValue: found.kind.rawValue)
    event.pointee.index = UInt32(truncatingIfNeeded: found.index)
    event.pointee.origin = found.descriptor
    guard let message = found.message.take(), let place = PublicRoster.context(behind: ctx)?.pointee.roster.takeSpare() else {
        return Trace.note(found)
    }
    let header = message.header
    Trace.note(found, header)
    place.initialize(to: ipc_message(header, found.descriptor, message.releasePayload()))
    event.pointee.m = UnsafeMutableRawPointer(place)
}

// MARK: The program's callbacks run outside the context: they may use it, and free it.

private func callReader(_ found: inout Event, _ ctx: UnsafeMutablePointer<ipc_ctx>) throws(IPCError) {
    let descriptor = found.descriptor
    found = Event()
    guard let reader = PublicRoster.context(behind: ctx)?.pointee.roster.reader(of: descriptor) else { return }
    var message = ipc_message()
    var holdsMore: Int16 = 0
    let answer = CallbackAnswer(rawValue: reader(descriptor, &message, &holdsMore).rawValue) ?? .failed
    var read = adopt(message)
    guard PublicRoster.context(behind: ctx) != nil else { return }
    try withContext(ctx) { context throws(IPCError) in
        try context.didRead(descriptor, answer, read.take(), holdsMore: holdsMore != 0, &found)
    }
}

/// What a callback read, as a message; nil when it is none.
private func adopt(_ message: ipc_message) -> Message? {
    if message.payload == nil, message.length > 0 { return nil }
    return Message(FrameHeader(message), adopting: message.payload)
}

private func callWriter(_ found: inout Event, _ ctx: UnsafeMutablePointer<ipc_ctx>) throws(IPCError) {
    let descriptor = found.descriptor
    guard let frame = found.frame else { return }
    found = Event()
    defer { OutboundFrame.destroy(frame) }
    guard let writer = PublicRoster.context(behind: ctx)?.pointee.roster.writer(of: descriptor) else { return }
    var message = ipc_message(frame.pointee.header, descriptor, frame.pointee.payload)
    let answer = CallbackAnswer(rawValue: writer(descriptor, &message).rawValue) ?? .failed
    guard PublicRoster.context(behind: ctx) != nil else { return }
    try withContext(ctx) { context throws(IPCError) in try context.didWrite(descriptor, answer, &found) }
}

// MARK: One step by hand

@c @implementation
public func handle_writing_message_into(_ result: Outcome, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    step(result, event, ctx, index) { context, connection, found throws(IPCError) in try context.stepWriting(connection, &found) }
}

@c @implementation public func fd_switching_read_into(_ result: Outcome, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ index: Int32) {
    step(result, event, ctx, UInt32(bitPattern: index)) { context, connection, found throws(IPCError) in
        try context.stepReading(connection, &found)
    }
}

@c @implementation public func fd_switching_write_into(_ result: Outcome, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ index: Int32) {
    step(result, event, ctx, UInt32(bitPattern: index)) { context, connection, found throws(IPCError) in
        let isTied = context.roster.counterpart(of: connection.pointee.number) != nil
        try check(isTied, IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "\(connection.pointee.channel.descriptor) is in no pair")
        try context.stepWriting(connection, &found)
    }
}

@c @implementation public func ipc_accept_add_into(_ result: Outcome, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ index: UInt32) {
    let noContext = IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM
    let noEntry = IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX
    step(result, event, ctx, index, noContext, noEntry) { context, connection, found throws(IPCError) in
        try context.accept(on: connection, &found)
    }
}

/// Takes one step for the entry `index`.
private func step(
    _ result: Outcome, _ event: Ref<ipc_event>, _ ctx: Ref<ipc_ctx>, _ index: UInt32,
    _ noContext: ErrorCode = IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM, _ noEntry: ErrorCode = IPC_ERROR_DEL__CANNOT_FIND_CLIENT,
    _ body: (inout PublicContext, ConnectionReference, inout Event) throws(IPCError) -> Void
) {
    answer(result) { () throws(IPCError) in
        let event = try require(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM, "no event")
        let ctx = try require(ctx, noContext, "no context")
        try checkEntry(ctx, index, noEntry)
        try fill(event, ctx) { context, found throws(IPCError) in try body(&context, context.connections[Int(index)], &found) }
    }
}
