// Messages.swift - exports: messages in memory, their encoding, and lists of them.

extension ipc_message {
    init(_ header: FrameHeader, _ descriptor: Int32, _ payload: UnsafeMutableRawPointer?) {
        self.init(
            type: CChar(bitPattern: header.type), user_type: CChar(bitPattern: header.userType), fd: descriptor,
            length: header.length, payload: payload?.assumingMemoryBound(to: CChar.self))
    }

    /// Frees the payload of this message, and puts another message in its place.
    mutating func replace(_ header: FrameHeader, _ descriptor: Int32, _ payload: UnsafeMutableRawPointer?) {
        free(self.payload)
        self = ipc_message(header, descriptor, payload)
    }
}

extension FrameHeader {
    init(_ message: ipc_message) { self.init(message.type, message.user_type, message.length) }

    init(_ type: CChar, _ userType: CChar, _ length: UInt32) {
        self.init(type: UInt8(bitPattern: type), userType: UInt8(bitPattern: userType), length: length)
    }

    /// Writes the header, and the payload after it.
    func encode(with payload: UnsafeRawPointer?, into bytes: UnsafeMutableRawPointer) {
        encode(into: bytes)
        if let payload { memcpy(bytes + FrameHeader.size, payload, payloadSize) }
    }
}

/// The caller's buffer if it has given one, else a new one.
func buffer(_ given: Ref<CChar>?, _ size: Int, _ code: ErrorCode) throws(IPCError) -> Ref<CChar> {
    if let given { return given }
    return try allocate(size, code).bindMemory(to: CChar.self, capacity: size)
}

/// A copy from malloc(3), with a NUL after it.
private func copy(_ payload: UnsafeRawPointer, _ length: Int) throws(IPCError) -> Ref<CChar> {
    let room = min(length, Int.max - 1) + 1
    let memory = try buffer(nil, room, IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION)
    memcpy(memory, payload, length)
    memory[length] = 0
    return memory
}

// MARK: Encoding and decoding

@c @implementation public func ipc_message_raw_serialize(
    _ buffer: Ref<CChar>?, _ type: CChar, _ user_type: CChar, _ message: Ref<CChar>?, _ message_size: UInt32
) -> UInt32 {
    guard let buffer else { return 0 }
    let header = FrameHeader(type, user_type, message == nil ? 0 : message_size)
    header.encode(with: message, into: buffer)
    return UInt32(truncatingIfNeeded: header.frameSize)
}

@c @implementation public func ipc_message_format_read_into(_ result: Outcome, _ m: Ref<ipc_message>, _ buf: CText, _ msize: Int) {
    answer(result) { () throws(IPCError) in
        let header = FrameHeader(decoding: buf)
        try check(!header.isTooLong, IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG, "a payload of \(header.length) bytes is too long")
        let code = IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE
        try check(header.frameSize == msize, code, "the frame says that it has \(header.frameSize) bytes, not \(msize)")
        m.pointee.replace(header, m.pointee.fd, try copy(buf + FrameHeader.size, header.payloadSize))
    }
}

@c @implementation
public func ipc_message_format_write_into(_ result: Outcome, _ m: Const<ipc_message>, _ buf: Ref<Ref<CChar>?>, _ msize: Ref<Int>) {
    answer(result) { () throws(IPCError) in
        let header = FrameHeader(m.pointee)
        let memory = try buffer(buf.pointee, header.frameSize, IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION)
        header.encode(with: m.pointee.payload, into: memory)
        (buf.pointee, msize.pointee) = (memory, header.frameSize)
    }
}

@c @implementation public func ipc_message_format_into(
    _ result: Outcome, _ m: Ref<ipc_message>, _ type: CChar, _ utype: CChar, _ payload: CText?, _ length: Int
) {
    answer(result) { () throws(IPCError) in
        let memory = try payload.map { payload throws(IPCError) in try copy(payload, length) }
        m.pointee.replace(FrameHeader(type, utype, UInt32(truncatingIfNeeded: length)), m.pointee.fd, memory)
    }
}

@c @implementation public func ipc_message_empty_into(_ result: Outcome, _ m: Ref<ipc_message>) {
    m.pointee.replace(FrameHeader(m.pointee.type, m.pointee.user_type, 0), m.pointee.fd, nil)
}

@c @implementation public func ipc_message_copy(
    _ m: Ref<ipc_message>?, _ fd: UInt32, _ type: UInt8, _ utype: UInt8, _ payload: Ref<CChar>?, _ paylen: UInt32
) {
    let memory = payload == nil || paylen == 0 ? nil : payload.flatMap { try? copy($0, Int(clamping: paylen)) }
    // Without memory the message is empty: this function cannot report an error.
    m?.pointee.replace(FrameHeader(type: type, userType: utype, length: memory == nil ? 0 : paylen), Int32(bitPattern: fd), memory)
}

// MARK: Lists

@c @implementation public func ipc_messages_add_into(_ result: Outcome, _ messages: Ref<ipc_messages>, _ message: Const<ipc_message>) {
    answer(result) { () throws(IPCError) in
        var added = message.pointee
        let code = IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC
        messages.pointee.messages = try failing(with: code, try grow(messages.pointee.messages, count: messages.pointee.size))
        if let payload = added.payload { added.payload = try failing(with: code, try copy(payload, Int(clamping: added.length))) }
        messages.pointee.messages[messages.pointee.size] = added
        messages.pointee.size += 1
    }
}

@c @implementation public func ipc_messages_del_into(_ result: Outcome, _ messages: Ref<ipc_messages>, _ index: UInt32) {
    messages.pointee.size -= 1
    messages.pointee.messages[Int(index)] = messages.pointee.messages[messages.pointee.size]
    if messages.pointee.size == 0 { free(messages.pointee.messages.take()) }
}

@c @implementation public func ipc_messages_free(_ messages: Ref<ipc_messages>?) {
    guard let messages else { return }
    for index in 0..<messages.pointee.size { free(messages.pointee.messages?[index].payload) }
    free(messages.pointee.messages)
    messages.pointee = ipc_messages()
}
