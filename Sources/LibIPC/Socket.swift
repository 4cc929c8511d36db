// Socket.swift - Unix stream sockets at a path: listening, connecting, accepting (unix(7)).

import CLibIPC

enum Socket {
    private static let backlog: Int32 = 4096
    /// How long connecting waits for a service whose backlog is full, in seconds.
    private static let patience = 10

    private static func make(_ code: ErrorCode, flags: Int32 = 0) throws(IPCError) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | flags, 0)
        guard descriptor >= 0 else { throw .system(code, "make a socket") }
        return descriptor
    }

    /// The address of the socket at `path`; throws when the path does not fit.
    private static func address(_ path: UnsafePointer<CChar>, _ code: ErrorCode) throws(IPCError) -> sockaddr_un {
        var address = sockaddr_un()
        let length = strlen(path)
        guard length < MemoryLayout.size(ofValue: address.sun_path) else {
            throw IPCError(code, "too long for a socket:", .text(ShortText(path)))
        }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: path, count: length))
        }
        return address
    }

    static func connect(to path: UnsafePointer<CChar>) throws(IPCError) -> Int32 {
        let descriptor = try make(IPC_ERROR_USOCK_CONNECT__SOCKET)
        do throws(IPCError) {
            setPatience(descriptor, seconds: patience)
            var address = try address(path, IPC_ERROR_USOCK_CONNECT__CONNECT)
            guard retrying({ libipc_connect(descriptor, &address) }) == 0 else {
                throw .system(IPC_ERROR_USOCK_CONNECT__CONNECT, "connect to", path: path)
            }
            setPatience(descriptor, seconds: 0)
            return descriptor
        } catch {
            CLibIPC.close(descriptor)
            throw error
        }
    }

    /// The limit on sending is also that of connecting (socket(7)); it must not stay.
    private static func setPatience(_ descriptor: Int32, seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Listens at `path`. A stale socket there is replaced; anything else is left alone.
    static func listen(at path: UnsafePointer<CChar>) throws(IPCError) -> Int32 {
        let descriptor = try make(IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR)
        // Of two services that start at once under one name, the second must find the first listening.
        let lock = lockDirectory(of: path)
        defer { if lock >= 0 { CLibIPC.close(lock) } }
        do throws(IPCError) {
            try removeStale(path)
            var address = try address(path, IPC_ERROR_USOCK_INIT__BIND)
            guard libipc_bind(descriptor, &address) == 0 else { throw .system(IPC_ERROR_USOCK_INIT__BIND, "bind to", path: path) }
            guard CLibIPC.listen(descriptor, backlog) == 0 else {
                throw .system(IPC_ERROR_USOCK_INIT__LISTEN, "listen at", path: path)
            }
            return descriptor
        } catch {
            CLibIPC.close(descriptor)
            throw error
        }
    }

    /// An exclusive lock on the directory, or -1 where it cannot be had within a second: then nobody is kept waiting.
    private static func lockDirectory(of path: UnsafePointer<CChar>) -> Int32 {
        let directory = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            Directory.parent(of: path, into: buffer)
            if buffer[0] == 0 { buffer[0] = CChar(UInt8(ascii: path[0] == 47 ? "/" : ".")); buffer[1] = 0 }
            return buffer.baseAddress.map { libipc_open_directory($0) } ?? -1
        }
        guard directory >= 0 else { return -1 }
        for _ in 0..<100 {
            if flock(directory, LOCK_EX | LOCK_NB) == 0 { break }
            usleep(10_000)
        }
        return directory
    }

    private static func removeStale(_ path: UnsafePointer<CChar>) throws(IPCError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard libipc_is_socket(&status) != 0 else {
            throw IPCError(IPC_ERROR_USOCK_INIT__BIND, "not a socket, left alone:", .text(ShortText(path)))
        }
        let probe = try make(IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR, flags: Int32(SOCK_NONBLOCK.rawValue))
        defer { CLibIPC.close(probe) }
        var address = try address(path, IPC_ERROR_USOCK_INIT__BIND)
        guard libipc_connect(probe, &address) != 0, libipc_errno() == ECONNREFUSED else {
            throw IPCError(IPC_ERROR_USOCK_INIT__BIND, "a live service is at", .text(ShortText(path)), systemError: EADDRINUSE)
        }
        unlink(path)
    }

    static func accept(on server: Int32) throws(IPCError) -> Int32 {
        let client = retrying { libipc_accept(server) }
        guard client >= 0 else { throw .system(IPC_ERROR_USOCK_ACCEPT, "accept on", .descriptor(server)) }
        return client
    }

    static func close(descriptor: Int32) throws(IPCError) {
        // What was left for this number belongs to what is being closed.
        _ = Registry.shared.takeDetached(descriptor)
        // The descriptor is gone even when the call was interrupted (close(2)).
        guard CLibIPC.close(descriptor) == 0 || libipc_errno() == EINTR else {
            throw .system(IPC_ERROR_USOCK_CLOSE, "close", .descriptor(descriptor))
        }
    }

    static func remove(_ path: UnsafePointer<CChar>) throws(IPCError) {
        guard unlink(path) != 0 else { return }
        let code = libipc_errno() == ENOENT ? IPC_ERROR_USOCK_REMOVE__NO_FILE : IPC_ERROR_USOCK_REMOVE__UNLINK
        throw .system(code, "remove", path: path)
    }
}
