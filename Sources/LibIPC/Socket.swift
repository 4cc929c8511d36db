// Socket.swift - Unix stream sockets at a path: listening, connecting, accepting (unix(7)).

/// The path of a socket, of a length that an address takes.
struct SocketAddress {
    fileprivate var address = sockaddr_un()

    /// - Parameters:
    ///   - directory: a slash goes between this and the name, if there is one.
    ///   - code: for a path that does not fit.
    init(in directory: UnsafePointer<CChar>? = nil, _ name: UnsafePointer<CChar>, _ code: ErrorCode) throws(IPCError) {
        let fits = libipc_fill_address(&address, directory, name) < MemoryLayout.size(ofValue: address.sun_path)
        try check(fits, code, "the path of a socket cannot be as long as \(directory)/\(name)")
    }

    /// - Parameter body: gets the path, with a NUL, for as long as it runs.
    func withPath<Result, Failure: Error>(_ body: (UnsafePointer<CChar>) throws(Failure) -> Result) throws(Failure) -> Result {
        try withUnsafePointer(to: address.sun_path) { path throws(Failure) in
            try body(UnsafeRawPointer(path).assumingMemoryBound(to: CChar.self))
        }
    }
}

extension Text {
    mutating func appendInterpolation(_ address: SocketAddress) { address.withPath { appendInterpolation($0) } }
}

enum Socket {
    private static let backlog: Int32 = 4096
    /// How long connecting waits for a service whose backlog is full, in milliseconds.
    private static let patience: Int32 = 10_000

    private static func make(_ code: ErrorCode, flags: Int32 = 0) throws(IPCError) -> Int32 {
        try check(call: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | flags, 0), code, "make a socket")
    }

    /// - Parameter deadline: of a call that has more to do; otherwise connecting has ten seconds.
    static func connect(to target: SocketAddress, until deadline: Deadline? = nil) throws(IPCError) -> Int32 {
        let descriptor = try make(IPC_ERROR_USOCK_CONNECT__SOCKET, flags: Int32(SOCK_NONBLOCK.rawValue))
        var address = target.address
        var result = libipc_connect_once(descriptor, &address)
        libipc_make_blocking(descriptor)
        if result != 0, libipc_errno() == EAGAIN {
            result = wait(toConnect: descriptor, &address, until: deadline ?? Deadline(milliseconds: patience))
        }
        try undoing(
            CLibIPC.close(descriptor), try check(call: result, IPC_ERROR_USOCK_CONNECT__CONNECT, "connect to \(target)"))
        return descriptor
    }

    /// The service's backlog is full. The limit on sending is also that of connecting (socket(7)); it must not stay. A signal begins
    /// neither the limit anew nor a connection of which a part is there: a stream socket of this domain has none (unix(7)).
    private static func wait(toConnect descriptor: Int32, _ address: inout sockaddr_un, until deadline: Deadline) -> Int32 {
        var (result, failure): (Int32, Int32)
        repeat {
            setSendLimit(descriptor, milliseconds: max(deadline.remaining, 1))
            result = libipc_connect_once(descriptor, &address)
            failure = libipc_errno()
        } while result != 0 && failure == EINTR && deadline.remaining > 0
        setSendLimit(descriptor, milliseconds: 0)
        libipc_set_errno(failure == EINTR ? EAGAIN : failure)
        return result
    }

    /// - Parameter milliseconds: 0 for no limit.
    private static func setSendLimit(_ descriptor: Int32, milliseconds: Int32) {
        var limit = timeval(tv_sec: Int(milliseconds / 1000), tv_usec: .init(milliseconds % 1000 * 1000))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Listens there. A stale socket is replaced; anything else is left alone.
    static func listen(at target: SocketAddress) throws(IPCError) -> Int32 {
        let descriptor = try make(IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR)
        // Of two services that start at once under one name, the second must find the first listening.
        let lock = target.withPath { lockDirectory(of: $0) }
        defer { if lock >= 0 { CLibIPC.close(lock) } }
        try undoing(CLibIPC.close(descriptor), try listen(descriptor, target))
        return descriptor
    }

    private static func listen(_ descriptor: Int32, _ target: SocketAddress) throws(IPCError) {
        try target.withPath { path throws(IPCError) in try removeStale(path, target) }
        var address = target.address
        try check(call: libipc_bind(descriptor, &address), IPC_ERROR_USOCK_INIT__BIND, "bind to \(target)")
        try check(call: CLibIPC.listen(descriptor, backlog), IPC_ERROR_USOCK_INIT__LISTEN, "listen at \(target)")
    }

    /// An exclusive lock on the directory, or none where it cannot be had within a second: then nobody is kept waiting.
    private static func lockDirectory(of path: UnsafePointer<CChar>) -> Int32 {
        let directory = Directory.withParent(of: path) { libipc_open_directory($0) }
        for _ in 0..<100 {
            if directory < 0 || flock(directory, LOCK_EX | LOCK_NB) == 0 { break }
            usleep(10_000)
        }
        return directory
    }

    private static func removeStale(_ path: UnsafePointer<CChar>, _ target: SocketAddress) throws(IPCError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        let code = IPC_ERROR_USOCK_INIT__BIND
        try check(libipc_is_socket(&status) != 0, code, "\(target) is no socket, and left alone")
        let probe = try make(IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR, flags: Int32(SOCK_NONBLOCK.rawValue))
        defer { CLibIPC.close(probe) }
        var address = target.address
        let isStale = libipc_connect(probe, &address) != 0 && libipc_errno() == ECONNREFUSED
        guard isStale else { throw IPCError(code, "bind to \(target): a live service is there", systemError: EADDRINUSE) }
        unlink(path)
    }

    static func accept(on server: Int32) throws(IPCError) -> Int32 {
        try check(call: libipc_accept(server), IPC_ERROR_USOCK_ACCEPT, "accept on descriptor \(server)")
    }

    /// Accepting found nobody, which is no fault of the socket.
    static func isPassing(_ number: Int32) -> Bool { number == EAGAIN || number == EINTR || number == ECONNABORTED }

    static func close(_ descriptor: Int32) throws(IPCError) {
        // What was left for this number belongs to what is being closed.
        Registry.forget(descriptor)
        // The descriptor is gone even when the call was interrupted (close(2)).
        let result = CLibIPC.close(descriptor)
        if result != 0, libipc_errno() != EINTR { throw .system(IPC_ERROR_USOCK_CLOSE, "close descriptor \(descriptor)") }
    }

    static func remove(_ path: UnsafePointer<CChar>) throws(IPCError) {
        guard unlink(path) != 0 else { return }
        throw .system(libipc_errno() == ENOENT ? IPC_ERROR_USOCK_REMOVE__NO_FILE : IPC_ERROR_USOCK_REMOVE__UNLINK, "remove \(path)")
    }
}
