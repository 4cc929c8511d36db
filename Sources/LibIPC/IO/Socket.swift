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
    /// Time limit of connecting to a service whose backlog is full, in milliseconds.
    private static let patience: Int32 = 10_000
    private static let nonBlocking = Int32(SOCK_NONBLOCK.rawValue)

    /// Close-on-exec: a program that a service starts must not keep its name, or its clients, alive.
    private static func make(_ code: ErrorCode, flags: Int32 = 0) throws(IPCError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return try check(call: socket(AF_UNIX, type | flags, 0), code, "make a socket")
    }

    /// - Parameter deadline: of a call with more steps; by default connecting has 10 seconds.
    static func connect(to target: SocketAddress, until deadline: Deadline? = nil) throws(IPCError) -> Int32 {
        let descriptor = try make(IPC_ERROR_USOCK_CONNECT__SOCKET, flags: nonBlocking)
        var address = target.address
        var result = libipc_connect_once(descriptor, &address)
        libipc_make_blocking(descriptor)
        if result != 0, libipc_errno() == EAGAIN || libipc_errno() == EINTR {
            result = wait(toConnect: descriptor, &address, until: deadline ?? Deadline(milliseconds: patience))
        }
        if result == 0 { return descriptor }
        let failure = libipc_errno()
        CLibIPC.close(descriptor)
        // Connecting takes write permission on the socket, not read permission (unix(7), path_resolution(7)).
        let hint: StaticString = failure == EACCES ? " (it takes write permission on the socket, search permission on its directory)" : ""
        throw IPCError(IPC_ERROR_USOCK_CONNECT__CONNECT, "connect to \(target)\(hint)", systemError: failure)
    }

    /// The service's backlog is full: waits for room. The send timeout also limits connecting (socket(7)), and is reset afterwards.
    /// After a signal the call is repeated with the remaining time; a Unix stream socket is never connected in part (unix(7)).
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

    /// Listens there. A stale socket is replaced; anything else is left alone. The socket does not block: several processes and
    /// threads may share it, and must not wait in accept(2) for a client that another has accepted.
    static func listen(at target: SocketAddress) throws(IPCError) -> Int32 {
        let permissions = try SocketPermissions()
        let descriptor = try make(IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR, flags: nonBlocking)
        // When two services start at once under one name, the second must find the first one's socket.
        let lock = target.withPath { lockDirectory(of: $0) }
        defer { if lock >= 0 { CLibIPC.close(lock) } }
        try undoing(CLibIPC.close(descriptor), try listen(descriptor, target, permissions))
        libipc_note_listener(descriptor)
        return descriptor
    }

    private static func listen(_ descriptor: Int32, _ target: SocketAddress, _ permissions: SocketPermissions) throws(IPCError) {
        try target.withPath { path throws(IPCError) in try removeStale(path, target) }
        var address = target.address
        try check(call: libipc_bind(descriptor, &address), IPC_ERROR_USOCK_INIT__BIND, "bind to \(target)")
        try target.withPath { path throws(IPCError) in
            do throws(IPCError) {
                try permissions.apply(to: path)
                try check(call: CLibIPC.listen(descriptor, backlog), IPC_ERROR_USOCK_INIT__LISTEN, "listen at \(target)")
            } catch {
                unlink(path)
                throw error
            }
        }
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
        let isBound = try check(call: isBound(path, target, status), IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR, "make a socket")
        guard isBound == 0 else { throw IPCError(code, "bind to \(target): a live service is there", systemError: EADDRINUSE) }
        unlink(path)
    }

    private static func isBound(_ path: UnsafePointer<CChar>, _ target: SocketAddress, _ status: stat) -> Int32 {
        var address = target.address
        let found = libipc_is_bound(&address)
        guard found > 0, libipc_errno() == EACCES, status.st_uid == geteuid() else { return found }
        // The mode (IPC_SOCKET_MODE) may deny access to the service's own user. With write permission the socket can be probed.
        guard libipc_change_socket_mode(path, status.st_mode & 0o777 | 0o200) == 0 else { return found }
        let answer = libipc_is_bound(&address)
        if answer != 0 { libipc_change_socket_mode(path, status.st_mode & 0o777) }
        return answer
    }

    // MARK: Accepting

    /// Accepts a waiting client, and does not wait for one.
    /// - Parameter mayBlock: the listener is the program's own. The library does not set O_NONBLOCK on it, because other processes
    ///   may share it, but calls poll(2) first. If another process then accepts the client first, this one waits; a program
    ///   prevents that by setting O_NONBLOCK itself.
    static func acceptNow(on server: Int32, mayBlock: Bool) throws(IPCError) -> Int32 {
        let isHere = !mayBlock || libipc_poll(server, POLLIN, 0) != 0
        let client = isHere ? libipc_accept(server) : -1
        if client >= 0 { return client }
        throw acceptFailure(server, isHere ? libipc_errno() : EAGAIN)
    }

    private static func acceptFailure(_ server: Int32, _ number: Int32) -> IPCError {
        IPCError(IPC_ERROR_USOCK_ACCEPT, "accept on descriptor \(server)", systemError: number)
    }

    /// Accepts as accept(2) does: waits for a client, unless the program has set O_NONBLOCK. On a listener that the library made it
    /// waits in poll(2), and any handler ends the wait. On a program's listener with a time limit (SO_RCVTIMEO) the kernel returns
    /// EINTR for every handler, and the call goes on until the limit.
    static func accept(on server: Int32) throws(IPCError) -> Int32 {
        let limit = libipc_accept_limit(server)
        let deadline = Deadline(milliseconds: limit)
        while true {
            let client = libipc_accept(server)
            if client >= 0 { return client }
            switch libipc_errno() {
            case EAGAIN where libipc_is_nonblocking(server) != 0 && libipc_is_own_listener(server) != 0:
                switch libipc_poll_once(server, POLLIN, deadline.remaining) {
                case 0: throw acceptFailure(server, EAGAIN)
                case ..<0: throw acceptFailure(server, libipc_errno())
                default: continue
                }
            case EINTR where limit >= 0:
                if Descriptor(server).poll(POLLIN, until: deadline) == 0 { throw acceptFailure(server, EAGAIN) }
            case let failure: throw acceptFailure(server, failure)
            }
        }
    }

    /// Accepting found no client, or one that is lost already, which is no error of the listener (accept(2), "Error handling").
    static func isPassing(_ number: Int32, on server: Int32) -> Bool {
        // On a socket that does not listen the error cannot concern a client.
        number == EAGAIN || number == EINTR || isClientsFault(number) && libipc_is_listening(server) != 0
    }

    static func isClientsFault(_ number: Int32) -> Bool { libipc_is_of_a_client(number) != 0 }

    static func close(_ descriptor: Int32, forgetting: Bool = true) throws(IPCError) {
        // What was left for this number belongs to what is being closed.
        if forgetting { DescriptorTable.forget(descriptor) }
        // The descriptor is gone even when the call was interrupted (close(2)).
        let result = CLibIPC.close(descriptor)
        if result != 0, libipc_errno() != EINTR { throw .system(IPC_ERROR_USOCK_CLOSE, "close descriptor \(descriptor)") }
    }

    static func remove(_ path: UnsafePointer<CChar>) throws(IPCError) {
        guard unlink(path) != 0 else { return }
        throw .system(libipc_errno() == ENOENT ? IPC_ERROR_USOCK_REMOVE__NO_FILE : IPC_ERROR_USOCK_REMOVE__UNLINK, "remove \(path)")
    }
}
