// SocketTests.swift - sockets at a path: a stale one is replaced, a live one and any other file are left alone.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Socket") struct SocketTests {
    let place: Place

    init() throws { place = try Place() }

    // MARK: Addresses

    @Test("An address takes 107 bytes of path, and no more")
    func addressLimit() throws {
        let code = IPC_ERROR_USOCK_INIT__EMPTY_PATH
        let longest = String(repeating: "p", count: 107)
        #expect(try SocketAddress(longest, code).withPath { String(cString: $0) } == longest)
        #expect(try SocketAddress(in: "/d", String(longest.dropFirst(3)), code).withPath { strlen($0) } == 107)
        #expect(try SocketAddress("", code).withPath { strlen($0) } == 0)
        for (directory, name) in [(nil, longest + "p"), ("/d", String(longest.dropFirst(2))), (longest, "")] as [(String?, String)] {
            let error = #expect(throws: IPCError.self) {
                if let directory { return try SocketAddress(in: directory, name, code) }
                return try SocketAddress(name, code)
            }
            #expect(error?.code == code)
        }
    }

    @Test("A text shows an address as its path")
    func addressText() throws {
        let address = try SocketAddress(in: "/run", "pong", IPC_ERROR_USOCK_INIT__EMPTY_PATH)
        #expect(("at \(address)!" as Text).string == "at /run/pong!")
    }

    // MARK: Listening

    @Test("Who listens is found and accepts; it does not block, those that talk do")
    func listens() throws {
        let server = try place.listen("socket")
        let client = try place.connect("socket")
        let accepted = try End(try Socket.accept(on: server.number))
        try client.write([1])
        #expect(accepted.read() == [1])
        #expect(libipc_is_nonblocking(server.number) != 0)
        for end in [client, accepted] { #expect(libipc_is_nonblocking(end.number) == 0) }
        for end in [server, client, accepted] { #expect(end.isCloseOnExec) }
        client.close()
        #expect(accepted.isAlone)
    }

    @Test("A stale socket is replaced")
    func stale() throws {
        let former = try place.listen("socket")
        let waiting = try place.connect("socket")
        former.close()
        #expect(place.exists("socket"))
        let server = try place.listen("socket")
        let client = try place.connect("socket")
        #expect(!client.isAlone)
        #expect(waiting.isAlone)
        withExtendedLifetime(server) {}
    }

    @Test("A live socket is refused, and lives on", arguments: [false, true])
    func live(isBusy: Bool) throws {
        let server = try place.listen("socket")
        // A client that waits is no reason to think that nobody is there.
        let waiting = isBusy ? try place.connect("socket") : nil
        for _ in 1...2 {
            let error = #expect(throws: IPCError.self) { try place.listen("socket") }
            #expect(error?.code == IPC_ERROR_USOCK_INIT__BIND)
            #expect(error?.systemError == EADDRINUSE)
        }
        let client = try place.connect("socket")
        try client.write([1])
        var accepted: [End] = []
        while server.descriptor.poll(POLLIN, timeout: 0) != 0 { accepted.append(try End(try Socket.accept(on: server.number))) }
        #expect(accepted.contains { $0.read() == [1] })
        withExtendedLifetime(waiting) {}
    }

    @Test("Whatever else has that name is left alone")
    func otherFile() throws {
        try place.makeFile("file", "precious")
        mkdir(place["directory"], 0o700)
        symlink(place["nowhere"], place["link"])
        for name in ["file", "directory", "link"] {
            let before = place.identity(name)
            let error = #expect(throws: IPCError.self) { try place.listen(name) }
            #expect(error?.code == IPC_ERROR_USOCK_INIT__BIND)
            #expect(place.identity(name) == before)
        }
    }

    @Test("A link to a live socket is left alone, too, and so is what it leads to")
    func link() throws {
        let server = try place.listen("socket")
        symlink(place["socket"], place["link"])
        let error = #expect(throws: IPCError.self) { try place.listen("link") }
        #expect(error?.code == IPC_ERROR_USOCK_INIT__BIND)
        #expect(place.exists("socket"))
        withExtendedLifetime(server) {}
    }

    @Test("Where no directory is, nobody listens")
    func noDirectory() throws {
        let error = #expect(throws: IPCError.self) { try place.listen("no/socket") }
        #expect(error?.code == IPC_ERROR_USOCK_INIT__BIND)
        #expect(error?.systemError == ENOENT)
    }

    @Test("Nobody else is kept out of the directory once somebody listens there")
    func unlocked() throws {
        let server = try place.listen("socket")
        let directory = try End(libipc_open_directory(place.path))
        #expect(flock(directory.number, LOCK_EX | LOCK_NB) == 0)
        withExtendedLifetime(server) {}
    }

    // MARK: Connecting

    @Test("Connecting to nobody is an error that says to whom, and why", arguments: [true, false])
    func nobody(isStale: Bool) throws {
        if isStale { try place.listen("socket").close() }
        let error = #expect(throws: IPCError.self) { try place.connect("socket") }
        #expect(error?.code == IPC_ERROR_USOCK_CONNECT__CONNECT)
        #expect(error?.systemError == (isStale ? ECONNREFUSED : ENOENT))
        let reason = isStale ? "Connection refused" : "No such file or directory"
        #expect(error?.text.string == "connect to \(place["socket"]): \(reason)")
    }

    @Test("The patience of connecting does not stay with the socket")
    func noPatienceLeft() throws {
        let server = try place.listen("socket")
        let client = try place.connect("socket")
        for option in [SO_SNDTIMEO, SO_RCVTIMEO] {
            var limit = timeval(tv_sec: -1, tv_usec: -1)
            var size = socklen_t(MemoryLayout<timeval>.size)
            getsockopt(client.number, SOL_SOCKET, option, &limit, &size)
            #expect((limit.tv_sec, limit.tv_usec) == (0, 0))
        }
        withExtendedLifetime(server) {}
    }

    // MARK: Accepting, closing, removing

    @Test("Accepting where nobody listens is an error")
    func acceptFails() throws {
        let wire = try Wire()
        let error = #expect(throws: IPCError.self) { try Socket.accept(on: wire.near.number) }
        #expect(error?.code == IPC_ERROR_USOCK_ACCEPT)
        #expect(error?.systemError == EINVAL)
    }

    @Test("That nobody waits, or a client is lost already, is no fault of a server")
    func passing() throws {
        let server = try place.listen("socket")
        for number in [EAGAIN, EINTR, ECONNABORTED, EPERM, ENETDOWN, EPROTO, EOPNOTSUPP] {
            #expect(Socket.isTransient(number, on: server.number))
        }
        for number in [0, EBADF, EINVAL, EMFILE] { #expect(!Socket.isTransient(number, on: server.number)) }
        // A socket that does not listen has no clients to lose.
        let wire = try Wire()
        for number in [EOPNOTSUPP, EPROTO] { #expect(!Socket.isTransient(number, on: wire.near.number)) }
    }

    @Test("Where nobody waits an accept that must not wait says so, also on a listener that blocks", arguments: [false, true])
    func acceptNow(mayBlock: Bool) throws {
        let server = try place.listen("socket")
        if mayBlock { libipc_make_blocking(server.number) }
        let error = #expect(throws: IPCError.self) { try Socket.acceptNow(on: server.number, mayBlock: mayBlock) }
        #expect(error?.systemError == EAGAIN)
        let client = try place.connect("socket")
        let accepted = try End(try Socket.acceptNow(on: server.number, mayBlock: mayBlock))
        #expect(!client.isAlone)
        #expect(accepted.isCloseOnExec)
    }

    @Test("A listener of the library's is known under any number, and no other socket is")
    func ownListener() throws {
        let server = try place.listen("socket")
        let copy = try End(dup(server.number))
        let wire = try Wire()
        #expect(libipc_is_own_listener(server.number) != 0)
        #expect(libipc_is_own_listener(copy.number) != 0)
        for number in [wire.near.number, -1, Int32.max] { #expect(libipc_is_own_listener(number) == 0) }
    }

    @Test("Closing closes; twice is an error")
    func close() throws {
        let wire = try Wire()
        let end = try wire.near.moved()
        try Socket.close(end.number)
        #expect(wire.far.isAlone)
        let error = #expect(throws: IPCError.self) { try Socket.close(end.number) }
        #expect(error?.code == IPC_ERROR_USOCK_CLOSE)
        #expect(error?.systemError == EBADF)
    }

    @Test("Removing removes; what is not there, or no file, is an error")
    func remove() throws {
        try place.makeFile("file")
        try Socket.remove(place["file"])
        #expect(!place.exists("file"))
        let missing = #expect(throws: IPCError.self) { try Socket.remove(place["file"]) }
        #expect(missing?.code == IPC_ERROR_USOCK_REMOVE__NO_FILE)
        let directory = #expect(throws: IPCError.self) { try Socket.remove(place.path) }
        #expect(directory?.code == IPC_ERROR_USOCK_REMOVE__UNLINK)
    }
}
