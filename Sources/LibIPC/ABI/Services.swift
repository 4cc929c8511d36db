// Services.swift - exports: names, look-up, passing of descriptors, sockets, directories.

import CLibIPC

@c @implementation
public func service_path_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ path: UnsafeMutablePointer<CChar>?, _ sname: UnsafePointer<CChar>?
) {
    answer(result) { () throws(IPCError) in
        let path = try require(path, IPC_ERROR_SERVICE_PATH__NO_PATH, "no place for the path")
        let name = try require(sname, IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME, "no service name")
        try Service.path(of: name, into: UnsafeMutableRawBufferPointer(start: path, count: Int(PATH_MAX)))
    }
}

@c @implementation
public func ipc_contact_ipcd_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ pfd: UnsafeMutablePointer<Int32>?, _ sname: UnsafePointer<CChar>?
) {
    answer(result) { () throws(IPCError) in
        let place = try require(pfd, IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM, "no place for the descriptor")
        let name = try require(sname, IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM, "no service name")
        place.pointee = 0
        place.pointee = try NetworkLookup.connect(to: name) ?? 0
    }
}

@c @implementation
public func ipc_receive_fd_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ sock: Int32, _ fd: UnsafeMutablePointer<Int32>?
) {
    answer(result) { () throws(IPCError) in
        let place = try require(fd, IPC_ERROR_RECEIVE_FD__NO_PARAM_FD, "no place for the descriptor")
        if let (context, index) = owner(of: sock) {
            place.pointee = try DescriptorPassing.receive(
                from: Descriptor(sock), &context.pointee.connections[index].inbox)
        } else {
            place.pointee = try Detached.receiveDescriptor(from: Descriptor(sock))
        }
    }
}

@c @implementation
public func ipc_provide_fd_into(_ result: UnsafeMutablePointer<ipc_error>?, _ sock: Int32, _ fd: Int32) {
    answer(result) { () throws(IPCError) in
        if let (context, index) = owner(of: sock) { try context.pointee.sendWaiting(index) }
        try DescriptorPassing.send(fd, over: Descriptor(sock))
    }
}

// MARK: Sockets

@c @implementation
public func usock_send_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ fd: Int32, _ buf: UnsafePointer<CChar>?, _ len: Int,
    _ sent: UnsafeMutablePointer<Int>?
) {
    answer(result) { () throws(IPCError) in
        sent?.pointee = 0
        let bytes = try require(buf, IPC_ERROR_USOCK_SEND, "nothing to send")
        let count = retrying { send(fd, bytes, len, Int32(MSG_NOSIGNAL)) }
        guard count >= 0 else { throw .system(IPC_ERROR_USOCK_SEND, "send to", .descriptor(fd)) }
        sent?.pointee = count
    }
}

@c @implementation
public func usock_recv_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ fd: Int32, _ buf: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ len: UnsafeMutablePointer<Int>?
) {
    answer(result) { () throws(IPCError) in
        let place = try require(buf, IPC_ERROR_USOCK_RECV__NO_BUFFER, "no buffer")
        let size = try require(len, IPC_ERROR_USOCK_RECV__NO_LENGTH, "no length")
        let message = try receive(from: fd)
        let needed = message.header.frameSize
        guard place.pointee == nil || size.pointee == 0 || needed <= size.pointee else {
            putBack(message, for: fd)
            throw IPCError(IPC_ERROR_USOCK_RECV__MESSAGE_SIZE, "the buffer is too small for a frame of", .number(needed))
        }
        guard let memory = place.pointee ?? malloc(needed)?.assumingMemoryBound(to: CChar.self) else {
            putBack(message, for: fd)
            throw IPCError(IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION, "no memory for a frame of", .number(needed))
        }
        message.header.encode(into: memory)
        if let bytes = message.payload.bytes { memcpy(memory + FrameHeader.size, bytes, Int(message.header.length)) }
        place.pointee = memory
        size.pointee = needed
    }
}

@c @implementation
public func usock_close_into(_ result: UnsafeMutablePointer<ipc_error>?, _ fd: Int32) {
    answer(result) { () throws(IPCError) in try Socket.close(descriptor: fd) }
}

@c @implementation
public func usock_connect_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ fd: UnsafeMutablePointer<Int32>?, _ path: UnsafePointer<CChar>?
) {
    answer(result) { () throws(IPCError) in
        let place = try require(fd, IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR, "no place for the descriptor")
        place.pointee = try Socket.connect(to: try nonEmpty(path, IPC_ERROR_USOCK_CONNECT__EMPTY_PATH))
    }
}

@c @implementation
public func usock_init_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ fd: UnsafeMutablePointer<Int32>?, _ path: UnsafePointer<CChar>?
) {
    answer(result) { () throws(IPCError) in
        let place = try require(fd, IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR, "no place for the descriptor")
        place.pointee = try Socket.listen(at: try nonEmpty(path, IPC_ERROR_USOCK_INIT__EMPTY_PATH))
    }
}

private func nonEmpty(_ path: UnsafePointer<CChar>?, _ code: ErrorCode) throws(IPCError) -> UnsafePointer<CChar> {
    guard let path, path[0] != 0 else { throw IPCError(code, "no path") }
    return path
}

@c @implementation
public func usock_accept_into(
    _ result: UnsafeMutablePointer<ipc_error>?, _ fd: Int32, _ pfd: UnsafeMutablePointer<Int32>?
) {
    answer(result) { () throws(IPCError) in
        let place = try require(pfd, IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR, "no place for the descriptor")
        place.pointee = try Socket.accept(on: fd)
    }
}

@c @implementation
public func usock_remove_into(_ result: UnsafeMutablePointer<ipc_error>?, _ path: UnsafePointer<CChar>?) {
    answer(result) { () throws(IPCError) in
        try Socket.remove(try nonEmpty(path, IPC_ERROR_USOCK_REMOVE__NO_FILE))
    }
}

// MARK: Directories

@c @implementation
public func exists_(_ path: UnsafePointer<CChar>?, _ status: UnsafeMutablePointer<stat>?) -> Int32 {
    guard let path else { return 0 }
    var found = stat()
    guard stat(path, &found) == 0 else { return 0 }
    status?.pointee = found
    return 1
}

@c @implementation
public func is_directory_(_ status: UnsafeMutablePointer<stat>?) -> Int32 {
    status.map { Directory.isDirectory($0.pointee) ? 1 : 0 } ?? 0
}

@c @implementation
public func is_writable_(_ status: UnsafeMutablePointer<stat>?) -> Int32 {
    status.map { Directory.isWritable($0.pointee) ? 1 : 0 } ?? 0
}

@c @implementation
public func dirname_(_ path: UnsafePointer<CChar>?, _ dname: UnsafeMutablePointer<CChar>?) -> Int32 {
    guard let dname else { return 0 }
    dname[0] = 0
    if let path { Directory.parent(of: path, into: UnsafeMutableBufferPointer(start: dname, count: Int(PATH_MAX))) }
    return 0
}

@c @implementation
public func mkdir_p__into(_ result: UnsafeMutablePointer<ipc_error>?, _ path: UnsafePointer<CChar>?) {
    answer(result) { () throws(IPCError) in
        try Directory.make(try nonEmpty(path, IPC_ERROR_MKDIR__CANNOT_CREATE_DIR))
    }
}

@c @implementation
public func directory_setup__into(_ result: UnsafeMutablePointer<ipc_error>?, _ path: UnsafePointer<CChar>?) {
    answer(result) { () throws(IPCError) in
        try Directory.prepare(for: try nonEmpty(path, IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM))
    }
}
