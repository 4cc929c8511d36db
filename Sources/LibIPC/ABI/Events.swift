// Events.swift - exports: waiting for events, and single steps of the loop.

import CLibIPC

@c @implementation
public func ipc_wait_event_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ ctx: UnsafeMutablePointer<ipc_ctx>?,
    _ event: UnsafeMutablePointer<ipc_event>?, _ timer: UnsafeMutablePointer<Int32>?
) {
    answer(result) { () throws(IPCError) in
        let ctx = try require(ctx, IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM, "no context")
        let event = try require(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM, "no event")
        let deadline = Deadline(milliseconds: timer?.pointee ?? -1)
        defer { if let timer, timer.pointee > 0 { timer.pointee = deadline.remaining } }
        try prepare(event, ctx)
        guard PublicRoster.context(behind: ctx) != nil else { return try waitForNothing(event, deadline) }
        while true {
            let step = try withContext(ctx) { context throws(IPCError) in try context.nextStep(deadline) }
            if try carryOut(step, ctx, event) {
                if event.pointee.type == IPC_EVENT_TYPE_TIMER, let timer { timer.pointee = 0 }
                return
            }
        }
    }
}

/// An empty context has nothing but time to wait for.
private func waitForNothing(_ event: UnsafeMutablePointer<ipc_event>, _ deadline: Deadline) throws(IPCError) {
    guard poll(nil, 0, deadline.remaining) == 0 else { throw .system(IPC_ERROR_WAIT_EVENT__POLL, "wait for events") }
    event.pointee.type = IPC_EVENT_TYPE_TIMER
}

/// Empties the event; the memory of its message serves the next one.
private func prepare(
    _ event: UnsafeMutablePointer<ipc_event>, _ ctx: UnsafeMutablePointer<ipc_ctx>
) throws(IPCError) {
    let used = event.pointee.m?.assumingMemoryBound(to: ipc_message.self)
    free(used?.pointee.payload)
    event.pointee = ipc_event()
    guard let state = PublicRoster.context(behind: ctx) else { return free(used) }
    try state.pointee.roster.prepareSpare(used)
}

/// Calls back until there is an event, and fills it in. False: there is none yet.
private func carryOut(
    _ step: consuming Step?, _ ctx: UnsafeMutablePointer<ipc_ctx>, _ event: UnsafeMutablePointer<ipc_event>
) throws(IPCError) -> Bool {
    var next = step
    while true {
        guard let step = next.take() else { return false }
        let descriptor = step.descriptor
        switch step.need {
        case .event:
            try fill(event, step.takeEvent(), ctx)
            return true
        case .read: next = try callReader(descriptor, ctx)
        case .write: next = try callWriter(descriptor, step.frame, ctx)
        }
    }
}

private func fill(
    _ event: UnsafeMutablePointer<ipc_event>, _ found: consuming Event, _ ctx: UnsafeMutablePointer<ipc_ctx>
) throws(IPCError) {
    Trace.note(found)
    event.pointee.type = ipc_event_type(rawValue: found.kind.rawValue)
    event.pointee.index = UInt32(truncatingIfNeeded: found.index)
    event.pointee.origin = found.descriptor
    let error = found.error
    if let message = found.takeMessage(), let state = PublicRoster.context(behind: ctx) {
        guard let place = state.pointee.roster.takeSpare() else { return }
        let header = message.header
        place.initialize(to: ipc_message(header, from: event.pointee.origin, payload: message.payload.release()))
        event.pointee.m = UnsafeMutableRawPointer(place)
    }
    if let error { throw error }
}

private func callReader(_ descriptor: Int32, _ ctx: UnsafeMutablePointer<ipc_ctx>) throws(IPCError) -> Step? {
    var message = ipc_message()
    var holdsMore: Int16 = 0
    var reader: ipc_switching.Reader?
    try withContext(ctx) { context throws(IPCError) in reader = context.roster.reader(of: descriptor) }
    guard let reader else { return nil }
    let answer = CallbackAnswer(rawValue: reader(descriptor, &message, &holdsMore).rawValue) ?? .failed
    let header = FrameHeader(message)
    var read = adopt(message, header)
    guard PublicRoster.context(behind: ctx) != nil else { return nil }
    return try withContext(ctx) { context throws(IPCError) in
        try context.didRead(descriptor, answer, read.take(), holdsMore: holdsMore != 0)
    }
}

/// What a callback read, as a message; nil when it is none.
private func adopt(_ message: ipc_message, _ header: FrameHeader) -> Message? {
    if let payload = message.payload { return Message(header: header, payload: Payload(adopting: payload)) }
    guard header.length == 0, let payload = malloc(1) else { return nil }
    return Message(header: header, payload: Payload(adopting: payload))
}

private func callWriter(
    _ descriptor: Int32, _ frame: OutboundFrameReference?, _ ctx: UnsafeMutablePointer<ipc_ctx>
) throws(IPCError) -> Step? {
    guard let frame else { return nil }
    defer { OutboundFrame.destroy(frame) }
    var writer: ipc_switching.Writer?
    try withContext(ctx) { context throws(IPCError) in writer = context.roster.writer(of: descriptor) }
    guard let writer else { return nil }
    var message = ipc_message(frame.pointee.header, from: descriptor, payload: frame.pointee.payload)
    let answer = CallbackAnswer(rawValue: writer(descriptor, &message).rawValue) ?? .failed
    guard PublicRoster.context(behind: ctx) != nil else { return nil }
    return try withContext(ctx) { context in context.didWrite(descriptor, answer) }
}

// MARK: One step by hand

@c @implementation
public func handle_writing_message_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ event: UnsafeMutablePointer<ipc_event>?,
    _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ index: UInt32
) {
    answer(result) { () throws(IPCError) in
        try step(event, ctx, index) { context, index throws(IPCError) in try context.stepWriting(index) }
    }
}

@c @implementation
public func fd_switching_read_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ event: UnsafeMutablePointer<ipc_event>?,
    _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ index: Int32
) {
    answer(result) { () throws(IPCError) in
        try step(event, ctx, UInt32(bitPattern: index)) { context, index throws(IPCError) in
            try context.stepReading(index)
        }
    }
}

@c @implementation
public func fd_switching_write_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ event: UnsafeMutablePointer<ipc_event>?,
    _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ index: Int32
) {
    answer(result) { () throws(IPCError) in
        try step(event, ctx, UInt32(bitPattern: index)) { context, index throws(IPCError) in
            let descriptor = context.roster.descriptor(at: index)
            guard context.roster.counterpart(of: descriptor) != nil else {
                throw IPCError(IPC_ERROR_FD_SWITCHING__NO_FD_RECORD, "no pair has", .descriptor(descriptor))
            }
            return try context.stepWriting(index)
        }
    }
}

private func step(
    _ event: UnsafeMutablePointer<ipc_event>?, _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ index: UInt32,
    _ body: (inout PublicContext, Int) throws(IPCError) -> Step?
) throws(IPCError) {
    let event = try require(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM, "no event")
    let ctx = try require(ctx, IPC_ERROR_WAIT_EVENT__NO_CLIENTS_PARAM, "no context")
    try prepare(event, ctx)
    let taken = try withEntry(ctx, index) { context, index throws(IPCError) in try body(&context, index) }
    _ = try carryOut(taken, ctx, event)
}

@c @implementation
public func ipc_accept_add_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ event: UnsafeMutablePointer<ipc_event>?,
    _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ index: UInt32
) {
    answer(result) { () throws(IPCError) in
        let event = try require(event, IPC_ERROR_WAIT_EVENT__NO_EVENT_PARAM, "no event")
        let ctx = try require(ctx, IPC_ERROR_HANDLE_NEW_CONNECTION__NO_CINFOS_PARAM, "no context")
        try prepare(event, ctx)
        let code = IPC_ERROR_HANDLE_NEW_CONNECTION__INCONSISTENT_INDEX
        let accepted = try withEntry(ctx, index, code: code) { context, index throws(IPCError) in
            try context.reserveEntry()
            return try context.welcome(try Socket.accept(on: context.roster.descriptor(at: index)))
        }
        try fill(event, accepted, ctx)
    }
}
