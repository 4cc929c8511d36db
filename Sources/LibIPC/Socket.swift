// Socket.swift - Unix stream sockets at a path: listening, connecting, accepting (unix(7)).

import CLibIPC

/// The path of a socket, of a length that an address takes.
struct SocketAddress {
    private static let capacity = MemoryLayout.size(ofValue: sockaddr_un().sun_path)

    fileprivate var address = sockaddr_un()

    private init() { address.sun_family = sa_family_t(AF_UNIX) }

    /// - Parameter code: for a path that does not fit.
    init(path: UnsafePointer<CChar>, _ code: ErrorCode) throws(IPCError) {
        self.init()
        guard write({ $0.write(path) }) == strlen(path) else { throw IPCError(code, "too long for a socket:", .text(ShortText(path))) }
    }

    /// `directory/name`; nil when it is too long.
    init?(directory: UnsafePointer<CChar>, name: UnsafePointer<CChar>) {
        self.init()
        let count = write { text in
            text.write(directory)
            text.write("/")
            text.write(name)
        }
        if count != strlen(directory) + 1 + strlen(name) { return nil }
    }

    /// How many bytes were written, one being left for a NUL.
    private mutating func write(_ body: (inout TextWriter) -> Void) -> Int {
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            var text = TextWriter(bytes)
            body(&text)
            return text.count
        }
    }

    /// - Parameter body: gets the path, with a NUL, for as long as it runs.
    func withPath<Result: ~Copyable, Failure: Error>(_ body: (UnsafePointer<CChar>) throws(Failure) -> Result) throws(Failure) -> Result {
        try withUnsafePointer(to: address.sun_path) { path throws(Failure) in
            try path.withMemoryRebound(to: CChar.self, capacity: SocketAddress.capacity) { path throws(Failure) in try body(path) }
        }
    }

    var text: ShortText { withPath { ShortText($0) } }
}

enum Socket {
    private static let backlog: Int32 = 4096
    /// How long connecting waits for a service whose backlog is full, in seconds.
    private static let patience = 10

    private static func make(_ code: ErrorCode, flags: Int32 = 0) throws(IPCError) -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | flags, 0)
        guard descriptor >= 0 else { throw .system(code, "make a socket") }
        return descriptor
    }

    static func connect(to target: SocketAddress) throws(IPCError) -> Int32 {
        let descriptor = try make(IPC_ERROR_USOCK_CONNECT__SOCKET)
        setPatience(descriptor, seconds: patience)
        var address = target.address
        guard retrying({ libipc_connect(descriptor, &address) }) == 0 else {
            let reason = IPCError.system(IPC_ERROR_USOCK_CONNECT__CONNECT, "connect to", .text(target.text))
            CLibIPC.close(descriptor)
            throw reason
        }
        setPatience(descriptor, seconds: 0)
        return descriptor
    }

    /// The limit on sending is also that of connecting (socket(7)); it must not stay.
    private static func setPatience(_ descriptor: Int32, seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Listens there. A stale socket is replaced; anything else is left alone.
    static func listen(at target: SocketAddress) throws(IPCError) -> Int32 {
        let descriptor = try make(IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR)
        // Of two services that start at once under one name, the second must find the first listening.
        let lock = target.withPath { lockDirectory(of: $0) }
        defer { if lock >= 0 { CLibIPC.close(lock) } }
        do throws(IPCError) {
            try target.withPath { path throws(IPCError) in try removeStale(path, target) }
            var address = target.address
            guard libipc_bind(descriptor, &address) == 0 else {
                throw .system(IPC_ERROR_USOCK_INIT__BIND, "bind to", .text(target.text))
            }
            guard CLibIPC.listen(descriptor, backlog) == 0 else {
                throw .system(IPC_ERROR_USOCK_INIT__LISTEN, "listen at", .text(target.text))
            }
            return descriptor
        } catch {
            CLibIPC.close(descriptor)
            throw error
        }
    }

    /// An exclusive lock on the directory, or none where it cannot be had within a second: then nobody is kept waiting.
    private static func lockDirectory(of path: UnsafePointer<CChar>) -> Int32 {
        let directory: Int32 = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { buffer in
            Directory.parent(of: path, into: buffer)
            guard let parent = buffer.baseAddress else { return -1 }
            if parent[0] != 0 { return libipc_open_directory(parent) }
            return path[0] == CChar(UInt8(ascii: "/")) ? libipc_open_directory("/") : libipc_open_directory(".")
        }
        guard directory >= 0 else { return -1 }
        for _ in 0..<100 {
            if flock(directory, LOCK_EX | LOCK_NB) == 0 { break }
            usleep(10_000)
        }
        return directory
    }

    private static func removeStale(_ path: UnsafePointer<CChar>, _ target: SocketAddress) throws(IPCError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard libipc_is_socket(&status) != 0 else {
            throw IPCError(IPC_ERROR_USOCK_INIT__BIND, "not a socket, left alone:", .text(target.text))
        }
        let probe = try make(IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR, flags: Int32(SOCK_NONBLOCK.rawValue))
        defer { CLibIPC.close(probe) }
        var address = target.address
        guard libipc_connect(probe, &address) != 0, libipc_errno() == ECONNREFUSED else {
            throw IPCError(IPC_ERROR_USOCK_INIT__BIND, "a live service is at", .text(target.text), systemError: EADDRINUSE)
        }
        unlink(path)
    }

    static func accept(on server: Int32) throws(IPCError) -> Int32 {
        let client = retrying { libipc_accept(server) }
        guard client >= 0 else { throw .system(IPC_ERROR_USOCK_ACCEPT, "accept on", .descriptor(server)) }
        return client
    }

    /// Accepting found nobody, which is no fault of the socket.
    static func isPassing(_ number: Int32) -> Bool { number == EAGAIN || number == EINTR || number == ECONNABORTED }

    static func close(_ descriptor: Int32) throws(IPCError) {
        // What was left for this number belongs to what is being closed.
        _ = Registry.takeLoose(descriptor)
        // The descriptor is gone even when the call was interrupted (close(2)).
        guard CLibIPC.close(descriptor) == 0 || libipc_errno() == EINTR else {
            throw .system(IPC_ERROR_USOCK_CLOSE, "close", .descriptor(descriptor))
        }
    }

    static func remove(_ path: UnsafePointer<CChar>) throws(IPCError) {
        guard unlink(path) != 0 else { return }
        let code = libipc_errno() == ENOENT ? IPC_ERROR_USOCK_REMOVE__NO_FILE : IPC_ERROR_USOCK_REMOVE__UNLINK
        throw .system(code, "remove", .text(ShortText(path)))
    }
}
