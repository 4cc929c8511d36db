// Services.swift - exports: names, look-up, sockets, directories.

import CLibIPC

@c @implementation public func service_path_into(_ result: Outcome, _ path: Ref<CChar>, _ sname: CText) {
    answer(result) { () throws(IPCError) in
        let place = try require(path, IPC_ERROR_SERVICE_PATH__NO_PATH, "no place for the path")
        let address = try Service.address(of: try require(sname, IPC_ERROR_SERVICE_PATH__NO_SERVICE_NAME, "no service name"))
        address.withPath { _ = strcpy(place, $0) }
    }
}

@c @implementation public func ipc_contact_ipcd_into(_ result: Outcome, _ pfd: Ref<Int32>, _ sname: CText) {
    pfd?.pointee = 0
    answer(
        result, pfd, missing: IPC_ERROR_CONTACT_IPCD__NO_FD_PARAM,
        try NetworkLookup.connect(to: try require(sname, IPC_ERROR_CONTACT_IPCD__NO_SERVICE_NAME_PARAM, "no service name")) ?? 0)
}

// MARK: Sockets

private func nonEmpty(_ path: CText, _ code: ErrorCode) throws(IPCError) -> UnsafePointer<CChar> {
    let path = try require(path, code, "no path")
    try check(path[0] != 0, code, "an empty path")
    return path
}

@c @implementation public func usock_close_into(_ result: Outcome, _ fd: Int32) { answer(result, try Socket.close(fd)) }

@c @implementation public func usock_connect_into(_ result: Outcome, _ fd: Ref<Int32>, _ path: CText) {
    answer(
        result, fd, missing: IPC_ERROR_USOCK_CONNECT__WRONG_FILE_DESCRIPTOR,
        try Socket.connect(to: .init(try nonEmpty(path, IPC_ERROR_USOCK_CONNECT__EMPTY_PATH), IPC_ERROR_USOCK_CONNECT__CONNECT)))
}

@c @implementation public func usock_init_into(_ result: Outcome, _ fd: Ref<Int32>, _ path: CText) {
    answer(
        result, fd, missing: IPC_ERROR_USOCK_INIT__EMPTY_FILE_DESCRIPTOR,
        try Socket.listen(at: .init(try nonEmpty(path, IPC_ERROR_USOCK_INIT__EMPTY_PATH), IPC_ERROR_USOCK_INIT__BIND)))
}

@c @implementation public func usock_accept_into(_ result: Outcome, _ fd: Int32, _ pfd: Ref<Int32>) {
    answer(result, pfd, missing: IPC_ERROR_USOCK_ACCEPT__PATH_FILE_DESCRIPTOR, try Socket.accept(on: fd))
}

@c @implementation public func usock_remove_into(_ result: Outcome, _ path: CText) {
    answer(result, try Socket.remove(try nonEmpty(path, IPC_ERROR_USOCK_REMOVE__NO_FILE)))
}

// MARK: Directories

@c @implementation public func exists_(_ path: CText, _ status: Ref<stat>) -> Int32 {
    var found = stat()
    guard let path, stat(path, &found) == 0 else { return 0 }
    status?.pointee = found
    return 1
}

@c @implementation public func is_directory_(_ status: Ref<stat>) -> Int32 {
    status.map { libipc_is_directory($0) != 0 ? 1 : 0 } ?? 0
}

@c @implementation public func is_writable_(_ status: Ref<stat>) -> Int32 {
    status.map { Directory.isWritable($0.pointee) ? 1 : 0 } ?? 0
}

@c @implementation public func dirname_(_ path: CText, _ dname: Ref<CChar>) -> Int32 {
    dname?.pointee = 0
    if let path, let dname { Directory.parent(of: path, into: UnsafeMutableBufferPointer(start: dname, count: Int(PATH_MAX))) }
    return 0
}

@c @implementation public func mkdir_p__into(_ result: Outcome, _ path: CText) {
    answer(result, try Directory.make(try nonEmpty(path, IPC_ERROR_MKDIR__CANNOT_CREATE_DIR)))
}

@c @implementation public func directory_setup__into(_ result: Outcome, _ path: CText) {
    answer(result, try Directory.prepare(for: try nonEmpty(path, IPC_ERROR_DIRECTORY_SETUP__PATH_PARAM)))
}
