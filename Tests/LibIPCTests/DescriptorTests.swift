// DescriptorTests.swift - waiting at one descriptor, as long as its owner lets it; and the files behind numbers and names.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Descriptor") struct DescriptorTests {
    /// How long calls on the descriptor wait by themselves: a millisecond.
    private func limit(_ end: End, _ option: Int32) {
        var limit = timeval(tv_sec: 0, tv_usec: 1000)
        setsockopt(end.number, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Leaves no room. Returns how many bytes that took.
    @discardableResult
    private func fill(_ end: End) -> Int {
        end.shrinkSendBuffer()
        let bytes = pattern(1024)
        var count = 0
        while end.descriptor.poll(POLLOUT, timeout: 0) != 0 { count += max(CLibIPC.send(end.number, bytes, 1024, Int32(MSG_DONTWAIT)), 0) }
        return count
    }

    // MARK: Bytes

    @Test("Bytes are waited for at a descriptor that blocks")
    func bytes() throws {
        let wire = try Wire()
        let far = wire.far.number
        var timeLimit = TimeLimit(SO_RCVTIMEO)
        try withPeer(over: wire, doing: { try End.write([1], to: far) }) {
            try timeLimit.wait(for: POLLIN, at: wire.near.descriptor, IPC_ERROR_USOCK_RECV)
        }
        #expect(wire.near.read() == [1])
    }

    @Test("One that does not block is not waited for; one with a limit no longer than that", arguments: [false, true])
    func noBytes(blocks: Bool) throws {
        let wire = try Wire(blocks: blocks)
        if blocks { limit(wire.near, SO_RCVTIMEO) }
        var timeLimit = TimeLimit(SO_RCVTIMEO)
        let error = #expect(throws: IPCError.self) {
            try timeLimit.wait(for: POLLIN, at: wire.near.descriptor, IPC_ERROR_RECEIVE_FD__RECVMSG)
        }
        #expect(error?.code == IPC_ERROR_RECEIVE_FD__RECVMSG)
        #expect(error?.systemError == EAGAIN)
        #expect(timeLimit.isLimited == blocks)
    }

    // MARK: Room

    @Test("Room is waited for at a descriptor that blocks")
    func room() throws {
        let wire = try Wire()
        let (far, count) = (wire.far.number, fill(wire.near))
        let read = try withPeer(over: wire, doing: { End.read(count, from: far).count }) {
            try wire.near.descriptor.waitForRoom(IPC_ERROR_USOCK_SEND)
        }
        #expect(read == count)
    }

    @Test("The descriptor's own limit ends the wait", arguments: [false, true])
    func noRoom(blocks: Bool) throws {
        let wire = try Wire(blocks: blocks)
        limit(wire.near, SO_SNDTIMEO)
        if blocks { try wire.near.descriptor.waitForRoom(IPC_ERROR_USOCK_SEND) }
        fill(wire.near)
        let error = #expect(throws: IPCError.self) { try wire.near.descriptor.waitForRoom(IPC_ERROR_USOCK_SEND) }
        #expect(error?.code == IPC_ERROR_USOCK_SEND)
        #expect(error?.systemError == EAGAIN)
    }

    @Test("A peer that leaves ends the wait for room: what is sent next fails")
    func noPeer() throws {
        let wire = try Wire()
        fill(wire.near)
        wire.far.close()
        try wire.near.descriptor.waitForRoom(IPC_ERROR_USOCK_SEND)
        #expect(throws: IPCError.self) { try send(wire.near.descriptor, [1]) }
    }

    @Test("A send never waits, at a descriptor that blocks, and says whether there is room for more", arguments: Wire.Kind.allCases)
    func sending(kind: Wire.Kind) throws {
        let wire = try Wire(kind)
        let (end, reader) = kind == .pipe ? (wire.far, wire.near) : (wire.near, wire.far)
        if kind == .socket { end.shrinkSendBuffer() }
        let bytes = pattern(1000)
        var sent: [UInt8] = []
        while true {
            let (count, isFull) = try send(end.descriptor, bytes)
            sent += bytes.prefix(count)
            if isFull { break }
            try #require(sent.count < 10_000_000)
        }
        #expect(!sent.isEmpty)
        #expect(try send(end.descriptor, bytes) == (0, true))
        #expect(End.read(sent.count, from: reader.number) == sent)
    }

    private func send(_ descriptor: Descriptor, _ bytes: [UInt8]) throws -> (count: Int, isFull: Bool) {
        var bytes = bytes
        return try bytes.withUnsafeMutableBytes { bytes in
            var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            return try descriptor.send(&vector, 1, bytes.count)
        }
    }

    // MARK: Files

    @Test("A file is the same under any name and number, and another one is not")
    func identity() throws {
        let place = try Place()
        for name in ["one", "two"] { try place.makeFile(name) }
        let file = try place.open("one", "r")
        let (again, another) = (try place.open("one", "r"), try place.open("two", "r"))
        #expect(FileIdentity(again.descriptor) == FileIdentity(file.descriptor))
        #expect(FileIdentity(another.descriptor) != FileIdentity(file.descriptor))
        let copy = try End(dup(file.number))
        #expect(FileIdentity(copy.descriptor) == FileIdentity(file.descriptor))
        #expect(rename(place["two"], place["one"]) == 0)
        let moved = try place.open("one", "r")
        #expect(FileIdentity(moved.descriptor) == FileIdentity(another.descriptor))
        let descriptor = file.descriptor
        file.close()
        #expect(FileIdentity(descriptor) == nil)
        #expect(FileIdentity(copy.descriptor) != nil)
        withExtendedLifetime((again, another, copy, moved)) {}
    }
}

@Suite("Socket file") struct SocketFileTests {
    let place: Place
    let server: End

    init() throws {
        place = try Place()
        server = try place.listen("service")
    }

    private func file() throws -> SocketFile { try #require(SocketFile(path: place["service"], of: server.number)) }
    private func isOurs(_ file: SocketFile, at name: String = "service") -> Bool { file.isOurs(at: place[name], of: server.number) }

    /// The same file, as seen by an ancestor of this process, this number of forks earlier.
    private func file(forksAgo count: UInt64) throws -> SocketFile {
        var file = try file()
        withUnsafeMutableBytes(of: &file) { bytes in
            // The generation follows the file's identity.
            let place = MemoryLayout<libipc_socket_file>.size
            bytes.storeBytes(of: bytes.load(fromByteOffset: place, as: UInt64.self) &- count, toByteOffset: place, as: UInt64.self)
        }
        return file
    }

    @Test("The file that this process listens at is ours, under whatever name")
    func ours() throws {
        let file = try file()
        #expect(isOurs(file))
        #expect(rename(place["service"], place["moved"]) == 0)
        #expect(isOurs(file, at: "moved"))
        #expect(!isOurs(file))
    }

    @Test("A file that is gone is nobody's, and one in its place is another's")
    func gone() throws {
        let former = try file()
        #expect(unlink(place["service"]) == 0)
        #expect(!isOurs(former))
        #expect(SocketFile(path: place["service"], of: server.number) == nil)
        let successor = try place.listen("another")
        #expect(rename(place["another"], place["service"]) == 0)
        #expect(!isOurs(former))
        #expect(isOurs(try file()))
        withExtendedLifetime((server, successor)) {}
    }

    @Test("A link to it is another file")
    func link() throws {
        symlink(place["service"], place["link"])
        #expect(try !isOurs(file(), at: "link"))
    }

    @Test("The file of a process is not for its children to remove, whether it lives or not")
    func child() throws {
        #expect(try isOurs(file(forksAgo: 0)))
        for count in [1, 2] as [UInt64] { #expect(try !isOurs(file(forksAgo: count))) }
    }
}
