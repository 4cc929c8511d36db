// Messages.swift - exports: messages in memory, and sending and receiving one.

import CLibIPC

extension ipc_message {
    init(_ header: FrameHeader, from descriptor: Int32, payload: UnsafeMutableRawPointer?) {
        self.init(
            type: CChar(bitPattern: header.type), user_type: CChar(bitPattern: header.userType), fd: descriptor,
            length: header.length, payload: payload?.assumingMemoryBound(to: CChar.self))
    }
}

extension UnsafeMutablePointer<ipc_message> {
    /// Puts a received message in the place of the one that is here.
    func replace(with message: consuming Message, from descriptor: Int32) {
        free(pointee.payload)
        let header = message.header
        pointee = ipc_message(header, from: descriptor, payload: message.payload.release())
    }
}

extension FrameHeader {
    init(_ message: ipc_message) {
        self.init(
            type: UInt8(bitPattern: message.type), userType: UInt8(bitPattern: message.user_type), length: message.length)
    }

    /// The header of a message that can be sent.
    init(sending m: UnsafePointer<ipc_message>?, missing: ErrorCode) throws(IPCError) {
        let m = try require(m, missing, "no message")
        self.init(m.pointee)
        guard !isTooLong else {
            throw IPCError(IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH, "too long for a message:", .number(Int(length)))
        }
        guard length == 0 || m.pointee.payload != nil else {
            throw IPCError(IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS, "a length without a payload:", .number(Int(length)))
        }
    }
}

// MARK: Sending and receiving

@c @implementation
public func ipc_write_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ m: UnsafePointer<ipc_message>?
) {
    answer(result) { () throws(IPCError) in
        let header = try FrameHeader(sending: m, missing: IPC_ERROR_WRITE__NO_MESSAGE_PARAM)
        guard let m, let ctx, PublicRoster.context(behind: ctx) != nil else {
            throw IPCError(IPC_ERROR_WRITE__FD_NOT_FOUND, "no context has", .descriptor(m?.pointee.fd ?? -1))
        }
        try withContext(ctx) { context throws(IPCError) in
            try context.queue(header, m.pointee.payload, for: m.pointee.fd)
        }
    }
}

@c @implementation
public func ipc_write_fd_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ fd: Int32, _ m: UnsafePointer<ipc_message>?
) {
    answer(result) { () throws(IPCError) in
        let header = try FrameHeader(sending: m, missing: IPC_ERROR_WRITE__NO_MESSAGE_PARAM)
        if let (context, index) = owner(of: fd) { try context.pointee.sendWaiting(index) }
        try Detached.write(header, m?.pointee.payload, to: Descriptor(fd))
    }
}

@c @implementation
public func ipc_read_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ ctx: UnsafePointer<ipc_ctx>?, _ index: UInt32,
    _ m: UnsafeMutablePointer<ipc_message>?
) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_READ__NO_MESSAGE_PARAM, "no message")
        let ctx = try require(ctx, IPC_ERROR_READ__NO_MESSAGE_PARAM, "no context")
        guard let state = PublicRoster.context(behind: ctx), Int(index) < state.pointee.roster.count else {
            throw IPCError(IPC_ERROR_DEL__CANNOT_FIND_CLIENT, "the context has no entry", .number(Int(index)))
        }
        try state.pointee.catchUp()
        let descriptor = state.pointee.roster.descriptor(at: Int(index))
        m.replace(with: try state.pointee.readWaiting(Int(index)), from: descriptor)
    }
}

@c @implementation
public func ipc_read_fd_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ fd: Int32, _ m: UnsafeMutablePointer<ipc_message>?
) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_READ__NO_MESSAGE_PARAM, "no message")
        m.replace(with: try receive(from: fd), from: fd)
    }
}

/// The context that holds state for this descriptor. A descriptor that its program has closed, and whose number means
/// something else by now, is told by its identity as soon as there are bytes that could be mistaken.
func owner(of descriptor: Int32) -> (UnsafeMutablePointer<PublicContext>, Int)? {
    guard let address = Registry.shared.context(of: descriptor) else { return nil }
    let context = address.assumingMemoryBound(to: PublicContext.self)
    guard let index = context.pointee.positions[descriptor] else { return nil }
    if context.pointee.connections[index].holdsBytes,
        FileIdentity(descriptor: descriptor) != context.pointee.connections[index].identity
    {
        context.pointee.bury(index)
        return nil
    }
    return (context, index)
}

/// Gives back a message that `receive` took, to come next again.
func putBack(_ message: consuming Message, for descriptor: Int32) {
    if let (context, index) = owner(of: descriptor) {
        context.pointee.connections[index].inbox.putBack(message)
        context.pointee.enqueue(descriptor, .ready)
    } else {
        var inbox = Registry.shared.takeDetached(descriptor) ?? Inbox()
        inbox.putBack(message)
        Registry.shared.leave(inbox, for: descriptor)
    }
}

/// The next message of a descriptor, wherever its bytes are.
func receive(from descriptor: Int32) throws(IPCError) -> Message {
    if let (context, index) = owner(of: descriptor) { return try context.pointee.readWaiting(index) }
    return try Detached.read(from: Descriptor(descriptor))
}

// MARK: Encoding and decoding

@c @implementation
public func ipc_message_raw_serialize(
    _ buffer: UnsafeMutablePointer<CChar>?, _ type: CChar, _ user_type: CChar, _ message: UnsafeMutablePointer<CChar>?,
    _ message_size: UInt32
) -> UInt32 {
    guard let buffer else { return 0 }
    let header = FrameHeader(
        type: UInt8(bitPattern: type), userType: UInt8(bitPattern: user_type), length: message == nil ? 0 : message_size)
    header.encode(into: buffer)
    if let message { memcpy(buffer + FrameHeader.size, message, Int(header.length)) }
    return UInt32(FrameHeader.size) &+ header.length
}

@c @implementation
public func ipc_message_format_read_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ m: UnsafeMutablePointer<ipc_message>?, _ buf: UnsafePointer<CChar>?,
    _ msize: Int
) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE, "no message")
        let bytes = try require(buf, IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER, "no buffer")
        guard msize >= 0, msize <= FrameHeader.size + Int(FrameHeader.maximumLength) else {
            throw IPCError(IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE, "too long for a frame:", .number(msize))
        }
        guard msize >= FrameHeader.size else {
            throw IPCError(IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE, "too short for a frame:", .number(msize))
        }
        let header = FrameHeader(decoding: bytes)
        guard !header.isTooLong else {
            throw IPCError(IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG, "a payload of", .number(Int(header.length)))
        }
        guard header.frameSize == msize else {
            throw IPCError(IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE, "the frame says", .number(header.frameSize))
        }
        let payload = try copy(bytes + FrameHeader.size, header.length)
        m.replace(with: Message(header: header, payload: Payload(adopting: payload)), from: m.pointee.fd)
    }
}

@c @implementation
public func ipc_message_format_write_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ m: UnsafePointer<ipc_message>?,
    _ buf: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ msize: UnsafeMutablePointer<Int>?
) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE, "no message")
        let size = try require(msize, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE, "no place for the size")
        let place = try require(buf, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER, "no buffer")
        let header = try FrameHeader(sending: m, missing: IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE)
        let memory = place.pointee ?? malloc(header.frameSize)?.assumingMemoryBound(to: CChar.self)
        guard let memory else { throw outOfMemory(header.length) }
        header.encode(into: memory)
        if let payload = m.pointee.payload { memcpy(memory + FrameHeader.size, payload, Int(header.length)) }
        place.pointee = memory
        size.pointee = header.frameSize
    }
}

@c @implementation
public func ipc_message_format_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ m: UnsafeMutablePointer<ipc_message>?, _ type: CChar, _ utype: CChar,
    _ payload: UnsafePointer<CChar>?, _ length: Int
) {
    answer(result) { () throws(IPCError) in try format(m, type, utype, payload, length) }
}

@c @implementation
public func ipc_message_format_data_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ m: UnsafeMutablePointer<ipc_message>?, _ utype: CChar,
    _ payload: UnsafePointer<CChar>?, _ length: Int
) {
    answer(result) { () throws(IPCError) in try format(m, CChar(MSG_TYPE_DATA.rawValue), utype, payload, length) }
}

@c @implementation
public func ipc_message_format_server_close_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ m: UnsafeMutablePointer<ipc_message>?
) {
    answer(result) { () throws(IPCError) in try format(m, CChar(MSG_TYPE_SERVER_CLOSE.rawValue), 0, nil, 0) }
}

private func format(
    _ m: UnsafeMutablePointer<ipc_message>?, _ type: CChar, _ userType: CChar, _ payload: UnsafePointer<CChar>?,
    _ length: Int
) throws(IPCError) {
    let m = try require(m, IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM, "no message")
    guard length >= 0, length <= Int(FrameHeader.maximumLength) else {
        throw IPCError(IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE, "too long for a message:", .number(length))
    }
    guard (payload == nil) == (length == 0) else {
        throw IPCError(IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS, "payload and length do not fit:", .number(length))
    }
    let memory = try payload.map { payload throws(IPCError) in try copy(payload, UInt32(length)) }
    free(m.pointee.payload)
    m.pointee.type = type
    m.pointee.user_type = userType
    m.pointee.length = UInt32(length)
    m.pointee.payload = memory?.assumingMemoryBound(to: CChar.self)
}

/// A copy with a NUL behind it, malloc'ed.
private func copy(_ payload: UnsafeRawPointer?, _ length: UInt32) throws(IPCError) -> UnsafeMutableRawPointer {
    guard let memory = malloc(Int(length) + 1) else { throw outOfMemory(length) }
    if let payload { memcpy(memory, payload, Int(length)) }
    memory.storeBytes(of: 0, toByteOffset: Int(length), as: UInt8.self)
    return memory
}

private func outOfMemory(_ length: UInt32) -> IPCError {
    IPCError(IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION, "no memory for a message of", .number(Int(length)))
}

@c @implementation
public func ipc_message_empty_into(_ result: UnsafeMutablePointer<ipc_error>?, _ m: UnsafeMutablePointer<ipc_message>?) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST, "no message")
        free(m.pointee.payload)
        m.pointee.payload = nil
        m.pointee.length = 0
    }
}

@c @implementation
public func ipc_message_copy(
    _ m: UnsafeMutablePointer<ipc_message>?, _ fd: UInt32, _ type: UInt8, _ utype: UInt8,
    _ payload: UnsafeMutablePointer<CChar>?, _ paylen: UInt32
) {
    guard let m else { return }
    let memory = payload == nil || paylen == 0 ? nil : try? copy(payload, paylen)
    free(m.pointee.payload)
    // Without memory the message is an empty one: there is no way to say so here.
    let header = FrameHeader(type: type, userType: utype, length: memory == nil ? 0 : paylen)
    m.pointee = ipc_message(header, from: Int32(bitPattern: fd), payload: memory)
}

// MARK: Lists

@c @implementation
public func ipc_messages_add_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ messages: UnsafeMutablePointer<ipc_messages>?,
    _ message: UnsafePointer<ipc_message>?
) {
    answer(result) { () throws(IPCError) in
        let list = try require(messages, IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES, "no list")
        let message = try require(message, IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE, "no message")
        let code = IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC
        do throws(OutOfMemory) {
            list.pointee.messages = try grow(list.pointee.messages, count: list.pointee.size)
        } catch {
            throw IPCError(code, "no memory for one more message")
        }
        var added = message.pointee
        do throws(IPCError) {
            added.payload = try message.pointee.payload.map { payload throws(IPCError) in
                try copy(payload, added.length).assumingMemoryBound(to: CChar.self)
            }
        } catch {
            throw error.with(code: code)
        }
        list.pointee.messages[list.pointee.size] = added
        list.pointee.size += 1
    }
}

@c @implementation
public func ipc_messages_del_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ messages: UnsafeMutablePointer<ipc_messages>?, _ index: UInt32
) {
    answer(result) { () throws(IPCError) in
        let list = try require(messages, IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES, "no list")
        guard list.pointee.size > 0, let entries = list.pointee.messages else {
            throw IPCError(IPC_ERROR_MESSAGE_DEL__EMPTY_LIST, "the list is empty")
        }
        guard Int(index) < list.pointee.size else {
            throw IPCError(IPC_ERROR_MESSAGE_DEL__INDEX_ERROR, "the list has no message", .number(Int(index)))
        }
        list.pointee.size -= 1
        entries[Int(index)] = entries[list.pointee.size]
        guard list.pointee.size == 0 else { return }
        free(entries)
        list.pointee.messages = nil
    }
}

@c @implementation
public func ipc_messages_free(_ messages: UnsafeMutablePointer<ipc_messages>?) {
    guard let messages else { return }
    for index in 0..<messages.pointee.size { free(messages.pointee.messages?[index].payload) }
    free(messages.pointee.messages)
    messages.pointee = ipc_messages()
}
