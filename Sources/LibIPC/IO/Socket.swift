// Socket.swift - Unix stream sockets with a path: connects, listens and accepts (unix(7)).

/// The address of a socket: a path that fits into `sockaddr_un`.
struct SocketAddress {
    fileprivate var address = sockaddr_un()

    /// - Parameters:
    ///   - directory: put before the name, with a slash between them, if it is not nil.
    ///   - code: for a path that does not fit.
    init(in directory: UnsafePointer<CChar>? = nil, _ name: UnsafePointer<CChar>, _ code: ErrorCode) throws(IPCError) {
        let fits = libipc_fill_address(&address, directory, name) < MemoryLayout.size(ofValue: address.sun_path)
        try check(fits, code, "the path of a socket cannot be as long as \(directory)/\(name)")
    }

    /// - Parameter body: gets the path, which is valid while it runs.
    func withPath<Result, Failure: Error>(_ body: (UnsafePointer<CChar>) throws(Failure) -> Result) throws(Failure) -> Result {
        try withUnsafePointer(to: address) { address throws(Failure) in try body(libipc_path(address)) }
    }
}

extension Text {
    mutating func appendInterpolation(_ address: SocketAddress) { address.withPath { appendInterpolation($0) } }
}

enum Socket {
    private static let backlog: Int32 = 4096
    /// Milliseconds within which a service whose backlog is full must accept.
    private static let connectLimit: Int32 = 10_000
    /// Milliseconds after which a thread that waits for a client checks whether the listener is still there.
    private static let recheck: Int32 = 100

    // MARK: Connecting

    /// - Parameter deadline: of a call that has more steps than this; nil: `connectLimit` from now on.
    static func connect(to target: SocketAddress, until deadline: Deadline? = nil) throws(IPCError) -> Int32 {
        let descriptor = try check(call: libipc_make_socket(), IPC_ERROR_USOCK_CONNECT__SOCKET, "make a socket")
        let failure = withUnsafePointer(to: target.address) { connect(descriptor, $0, deadline) }
        if failure == 0 { return descriptor }
        CLibIPC.close(descriptor)
        // Connecting takes write permission on the socket, not read permission (unix(7), path_resolution(7)).
        let hint: StaticString = failure == EACCES ? " (it takes write permission on the socket, search permission on its directory)" : ""
        throw IPCError(IPC_ERROR_USOCK_CONNECT__CONNECT, "connect to \(target)\(hint)", systemError: failure)
    }

    /// Returns 0, or an error number. Leaves the socket blocking.
    private static func connect(_ descriptor: Int32, _ address: UnsafePointer<sockaddr_un>, _ deadline: Deadline?) -> Int32 {
        var failure = libipc_connect_once(descriptor, address) == 0 ? 0 : libipc_errno()
        libipc_make_blocking(descriptor)
        guard failure == EAGAIN || failure == EINTR else { return failure }
        // The backlog is full: waits for room. A signal ends only one attempt, because a Unix stream socket is never connected in
        // part (unix(7)).
        if deadline == .immediate { return failure }
        let deadline = deadline ?? Deadline(milliseconds: connectLimit)
        repeat {
            failure = libipc_connect_within(descriptor, address, max(deadline.remaining, 1)) == 0 ? 0 : libipc_errno()
        } while failure == EINTR && deadline.remaining > 0
        return failure == EINTR ? EAGAIN : failure
    }

    // MARK: Listening

    /// Listens at an address. Replaces a stale socket, and no other file. The listener does not block: several processes may share
    /// it, and must not wait in accept(2) for a client that another one has accepted.
    @inline(never)
    static func listen(at target: SocketAddress) throws(IPCError) -> Int32 {
        let permissions = try SocketPermissions()
        let descriptor = try check(call: libipc_make_socket(), IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR, "make a socket")
        try undoing(
            CLibIPC.close(descriptor),
            try withUnsafePointer(to: target.address) { address throws(IPCError) in try listen(descriptor, at: address, permissions) })
        libipc_note_listener(descriptor)
        return descriptor
    }

    private static func listen(
        _ descriptor: Int32, at address: UnsafePointer<sockaddr_un>, _ permissions: SocketPermissions
    ) throws(IPCError) {
        let path = libipc_path(address)
        // When two services with one name start at once, the second must find the first one's socket.
        let lock = lockDirectory(of: path)
        defer { if lock >= 0 { CLibIPC.close(lock) } }
        try removeStale(path, address)
        try check(call: libipc_bind(descriptor, address), IPC_ERROR_USOCK_INIT__BIND, "bind to \(path)")
        do throws(IPCError) {
            try permissions.apply(to: path)
            try check(call: CLibIPC.listen(descriptor, backlog), IPC_ERROR_USOCK_INIT__LISTEN, "listen at \(path)")
        } catch {
            unlink(path)
            throw error
        }
    }

    /// An exclusive lock on the directory, to close with the returned descriptor. A process that holds the lock longer than a second
    /// delays nobody: then the call goes on without it.
    private static func lockDirectory(of path: UnsafePointer<CChar>) -> Int32 {
        let directory = Directory.withParent(of: path) { libipc_open_directory($0) }
        for _ in 0..<100 {
            if directory < 0 || flock(directory, LOCK_EX | LOCK_NB) == 0 { break }
            usleep(10_000)
        }
        return directory
    }

    private static func removeStale(_ path: UnsafePointer<CChar>, _ address: UnsafePointer<sockaddr_un>) throws(IPCError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        let code = IPC_ERROR_USOCK_INIT__BIND
        try check(libipc_is_socket(&status) != 0, code, "\(path) is no socket, and left alone")
        let isBound = try check(call: isBound(address, status), IPC_ERROR_USOCK_INIT__WRONG_FILE_DESCRIPTOR, "make a socket")
        guard isBound == 0 else { throw IPCError(code, "bind to \(path): a live service is there", systemError: EADDRINUSE) }
        unlink(path)
    }

    /// Whether a process has a socket bound to the address; negative: no descriptor is free to find out.
    private static func isBound(_ address: UnsafePointer<sockaddr_un>, _ status: stat) -> Int32 {
        let (found, path) = (libipc_is_bound(address), libipc_path(address))
        guard found > 0, libipc_errno() == EACCES, status.st_uid == geteuid() else { return found }
        // The mode (IPC_SOCKET_MODE) may deny access to the service's own user. With write permission the socket can be probed.
        guard libipc_change_socket_mode(path, status.st_mode & 0o777 | 0o200) == 0 else { return found }
        let answer = libipc_is_bound(address)
        if answer != 0 { libipc_change_socket_mode(path, status.st_mode & 0o777) }
        return answer
    }

    // MARK: Accepting

    /// Accepts a client that is waiting already.
    /// - Parameter mayBlock: the listener is the program's own, so it may block. The library does not set O_NONBLOCK on it, because other
    ///   processes may share it, but calls poll(2) first. If another process then accepts the client first, this one waits; a program
    ///   prevents that by setting O_NONBLOCK itself.
    static func acceptNow(on server: Int32, mayBlock: Bool) throws(IPCError) -> Int32 {
        if mayBlock, libipc_poll(server, POLLIN, 0) == 0 { throw acceptFailure(server, EAGAIN) }
        let client = libipc_accept(server)
        if client >= 0 { return client }
        throw acceptFailure(server, libipc_errno())
    }

    @inline(never)
    private static func acceptFailure(_ server: Int32, _ number: Int32) -> IPCError {
        IPCError(IPC_ERROR_USOCK_ACCEPT, "accept on descriptor \(server)", systemError: number)
    }

    /// Accepts as accept(2) does: waits for a client, unless the program has set O_NONBLOCK. On a listener that the library made, this
    /// function waits in poll(2), and any signal handler ends the wait. On a program's listener the kernel decides what a handler does;
    /// a time limit (SO_RCVTIMEO) counts for the whole call, however often a handler interrupts it (TimeLimit).
    ///
    /// Another thread that closes the listener or frees its context cannot wake this one. So where there are threads, no poll(2) lasts
    /// longer than `recheck`, and accept(2) is called for a client that is there. But if a handler without SA_RESTART is installed,
    /// only accept(2) can wait on a program's listener as the contract says, and another thread's close does not end that.
    /// - Parameter isWanted: whether to go on.
    @inline(never)
    static func accept(on server: Int32, while isWanted: () -> Bool = { true }) throws(IPCError) -> Int32 {
        var limit = TimeLimit.receiving
        let descriptor = Descriptor(server)
        limit.readLimit(of: descriptor)
        while isWanted() {
            let slice = libipc_is_alone() != 0 ? -1 : recheck
            let isNonblocking = libipc_is_nonblocking(server) != 0
            let canPoll = limit.isLimited || slice > 0 && libipc_all_handlers_restart() != 0
            if !isNonblocking, canPoll, libipc_is_listening(server) != 0 {
                try limit.wait(for: POLLIN, at: descriptor, atMost: slice, IPC_ERROR_USOCK_ACCEPT)
                if descriptor.poll(POLLIN, timeout: 0) == 0 { continue }
            }
            let client = libipc_accept(server)
            if client >= 0 { return client }
            var failure = libipc_errno()
            if failure == EAGAIN, isNonblocking, libipc_is_own_listener(server) != 0 {
                let left = limit.remaining
                let wait = shorterWait(left, slice)
                let reported = libipc_poll_once(server, POLLIN, wait)
                if reported > 0 || reported == 0 && wait != left { continue }
                failure = reported == 0 ? EAGAIN : libipc_errno()
            }
            throw acceptFailure(server, failure)
        }
        throw acceptFailure(server, EINVAL)
    }

    /// Whether an error of accept(2) says nothing about the listener: no client was waiting, or the client is lost already (accept(2),
    /// "Error handling"). On a socket that does not listen no error can concern a client.
    static func isTransient(_ error: Int32, on server: Int32) -> Bool {
        error == EAGAIN || error == EINTR || concernsOneClient(error) && libipc_is_listening(server) != 0
    }

    static func concernsOneClient(_ error: Int32) -> Bool { libipc_concerns_one_client(error) != 0 }

    static func close(_ descriptor: Int32) throws(IPCError) {
        // close(2) frees the number even when a signal interrupts it.
        let result = CLibIPC.close(descriptor)
        if result != 0, libipc_errno() != EINTR { throw .system(IPC_ERROR_USOCK_CLOSE, "close descriptor \(descriptor)") }
    }

    static func remove(_ path: UnsafePointer<CChar>) throws(IPCError) {
        guard unlink(path) != 0 else { return }
        throw .system(libipc_errno() == ENOENT ? IPC_ERROR_USOCK_REMOVE__NO_FILE : IPC_ERROR_USOCK_REMOVE__UNLINK, "remove \(path)")
    }
}
