// Messages.swift - exports: messages in memory.

import CLibIPC

extension ipc_message {
    init(_ header: FrameHeader, _ descriptor: Int32, _ payload: UnsafeMutableRawPointer?) {
        self.init(
            type: CChar(bitPattern: header.type), user_type: CChar(bitPattern: header.userType), fd: descriptor,
            length: header.length, payload: payload?.assumingMemoryBound(to: CChar.self))
    }
}

extension FrameHeader {
    init(_ message: ipc_message) {
        self.init(type: UInt8(bitPattern: message.type), userType: UInt8(bitPattern: message.user_type), length: message.length)
    }

    /// The header, and the payload behind it.
    func encode(with payload: UnsafeRawPointer?, into bytes: UnsafeMutableRawPointer) {
        encode(into: bytes)
        if let payload { memcpy(bytes + FrameHeader.size, payload, payloadSize) }
    }
}

/// Refuses a message that contradicts itself.
func checkLength(_ message: ipc_message) throws(IPCError) {
    let length = message.length
    try check(!FrameHeader(message).isTooLong, IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH, "\(length) bytes are too many for a message")
    try check(length == 0 || message.payload != nil, IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS, "no payload for a length of \(length)")
}

/// The caller's buffer, or one for it.
func buffer(_ given: Ref<CChar>, _ size: Int, _ code: ErrorCode) throws(IPCError) -> UnsafeMutablePointer<CChar> {
    if let given { return given }
    return try allocate(size, code).bindMemory(to: CChar.self, capacity: size)
}

/// A copy with a NUL behind it, malloc'ed.
private func copy(_ payload: UnsafeRawPointer, _ length: Int) throws(IPCError) -> UnsafeMutablePointer<CChar> {
    let memory = try buffer(nil, length + 1, IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION)
    memcpy(memory, payload, length)
    memory[length] = 0
    return memory
}

// MARK: Encoding and decoding

@c @implementation public func ipc_message_raw_serialize(
    _ buffer: Ref<CChar>, _ type: CChar, _ user_type: CChar, _ message: Ref<CChar>, _ message_size: UInt32
) -> UInt32 {
    guard let buffer else { return 0 }
    let length = message == nil ? 0 : message_size
    FrameHeader(type: UInt8(bitPattern: type), userType: UInt8(bitPattern: user_type), length: length).encode(with: message, into: buffer)
    return UInt32(FrameHeader.size) &+ length
}

@c @implementation public func ipc_message_format_read_into(_ result: Outcome, _ m: Ref<ipc_message>, _ buf: CText, _ msize: Int) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_MESSAGE, "no message")
        let bytes = try require(buf, IPC_ERROR_MESSAGE_FORMAT_READ__EMPTY_BUFFER, "no buffer")
        // A size_t beyond Int's range arrives negative.
        let isShort = (0...FrameHeader.size + FrameHeader.maximumLength).contains(msize)
        try check(isShort, IPC_ERROR_MESSAGE_FORMAT_READ__PARAM_MESSAGE_SIZE, "\(UInt(bitPattern: msize)) bytes are too many for a frame")
        let wrongSize = IPC_ERROR_MESSAGE_FORMAT_READ__READ_MESSAGE_SIZE
        try check(msize >= FrameHeader.size, wrongSize, "\(msize) bytes are too few for a frame")
        let header = FrameHeader(decoding: bytes)
        try check(!header.isTooLong, IPC_ERROR_MESSAGE_FORMAT_READ__MESSAGE_TOO_LONG, "a payload of \(header.length) bytes is too long")
        try check(header.frameSize == msize, wrongSize, "the frame says that it has \(header.frameSize) bytes, not \(msize)")
        let payload = try copy(bytes + FrameHeader.size, header.payloadSize)
        free(m.pointee.payload)
        m.pointee = ipc_message(header, m.pointee.fd, payload)
    }
}

@c @implementation
public func ipc_message_format_write_into(_ result: Outcome, _ m: Const<ipc_message>, _ buf: Ref<Ref<CChar>>, _ msize: Ref<Int>) {
    answer(result) { () throws(IPCError) in
        let message = try require(m, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MESSAGE, "no message").pointee
        let size = try require(msize, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_MSIZE, "no place for the size")
        let place = try require(buf, IPC_ERROR_MESSAGE_FORMAT_WRITE__EMPTY_BUFFER, "no buffer")
        try checkLength(message)
        let header = FrameHeader(message)
        let memory = try buffer(place.pointee, header.frameSize, IPC_ERROR_MESSAGE_FORMAT__HEAP_ALLOCATION)
        header.encode(with: message.payload, into: memory)
        place.pointee = memory
        size.pointee = header.frameSize
    }
}

@c @implementation public func ipc_message_format_into(
    _ result: Outcome, _ m: Ref<ipc_message>, _ type: CChar, _ utype: CChar, _ payload: CText, _ length: Int
) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_MESSAGE_FORMAT__NO_MESSAGE_PARAM, "no message")
        let isShort = (0...FrameHeader.maximumLength).contains(length)
        try check(isShort, IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE, "\(UInt(bitPattern: length)) bytes are too many for a message")
        let fits = (payload == nil) == (length == 0)
        try check(fits, IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS, "payload and length do not fit: \(length) bytes")
        let memory = try payload.map { payload throws(IPCError) in try copy(payload, length) }
        free(m.pointee.payload)
        m.pointee = ipc_message(type: type, user_type: utype, fd: m.pointee.fd, length: UInt32(length), payload: memory)
    }
}

@c @implementation public func ipc_message_format_data_into(
    _ result: Outcome, _ m: Ref<ipc_message>, _ utype: CChar, _ payload: CText, _ length: Int
) { ipc_message_format_into(result, m, CChar(MSG_TYPE_DATA.rawValue), utype, payload, length) }

@c @implementation public func ipc_message_format_server_close_into(_ result: Outcome, _ m: Ref<ipc_message>) {
    ipc_message_format_into(result, m, CChar(MSG_TYPE_SERVER_CLOSE.rawValue), 0, nil, 0)
}

@c @implementation public func ipc_message_empty_into(_ result: Outcome, _ m: Ref<ipc_message>) {
    answer(result) { () throws(IPCError) in
        let m = try require(m, IPC_ERROR_MESSAGE_EMPTY__EMPTY_MESSAGE_LIST, "no message")
        free(m.pointee.payload)
        m.pointee.payload = nil
        m.pointee.length = 0
    }
}

@c @implementation public func ipc_message_copy(
    _ m: Ref<ipc_message>, _ fd: UInt32, _ type: UInt8, _ utype: UInt8, _ payload: Ref<CChar>, _ paylen: UInt32
) {
    guard let m else { return }
    let memory = payload == nil || paylen == 0 ? nil : payload.flatMap { try? copy($0, Int(paylen)) }
    free(m.pointee.payload)
    // Without memory the message is an empty one: there is no way to say so here.
    let header = FrameHeader(type: type, userType: utype, length: memory == nil ? 0 : paylen)
    m.pointee = ipc_message(header, Int32(bitPattern: fd), memory)
}

// MARK: Lists

@c @implementation public func ipc_messages_add_into(_ result: Outcome, _ messages: Ref<ipc_messages>, _ message: Const<ipc_message>) {
    answer(result) { () throws(IPCError) in
        let list = try require(messages, IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGES, "no list")
        var added = try require(message, IPC_ERROR_ADD_MESSAGE_TO_SEND__NO_PARAM_MESSAGE, "no message").pointee
        try outOfMemory(is: IPC_ERROR_ADD_MESSAGE_TO_SEND__MALLOC) { () throws(IPCError) in
            list.pointee.messages = try grow(list.pointee.messages, count: list.pointee.size)
            if let payload = added.payload { added.payload = try copy(payload, Int(added.length)) }
        }
        list.pointee.messages[list.pointee.size] = added
        list.pointee.size += 1
    }
}

@c @implementation public func ipc_messages_del_into(_ result: Outcome, _ messages: Ref<ipc_messages>, _ index: UInt32) {
    answer(result) { () throws(IPCError) in
        let list = try require(messages, IPC_ERROR_DEL_MESSAGE_TO_SEND__NO_PARAM_MESSAGES, "no list")
        guard list.pointee.size > 0, let entries = list.pointee.messages else {
            throw IPCError(IPC_ERROR_MESSAGE_DEL__EMPTY_LIST, "the list is empty")
        }
        try check(Int(index) < list.pointee.size, IPC_ERROR_MESSAGE_DEL__INDEX_ERROR, "the list has no message \(index)")
        list.pointee.size -= 1
        entries[Int(index)] = entries[list.pointee.size]
        guard list.pointee.size == 0 else { return }
        free(entries)
        list.pointee.messages = nil
    }
}

@c @implementation public func ipc_messages_free(_ messages: Ref<ipc_messages>) {
    guard let messages else { return }
    for index in 0..<messages.pointee.size { free(messages.pointee.messages?[index].payload) }
    free(messages.pointee.messages)
    messages.pointee = ipc_messages()
}
