// Ends.swift - descriptors for tests: each closes itself, and a pair sees whether its other end was closed.
//
// Tests run in parallel, so none counts the descriptors of the process: that a descriptor was closed shows at its other end,
// which hangs up. A descriptor that the library has closed may mean something else by now, in another test: so an end closes
// its number only as long as that is still the same file.

import CLibIPC
import Testing

@testable import LibIPC

/// An open descriptor of a test.
final class End {
    let number: Int32
    private let identity: FileIdentity?

    init(_ number: Int32) throws {
        try #require(number >= 0, "cannot open a descriptor: errno \(libipc_errno())")
        self.number = number
        identity = FileIdentity(Descriptor(number))
    }

    deinit { close() }

    var descriptor: Descriptor { Descriptor(number) }

    /// The number still means the file that it meant when the test opened it.
    var isOpen: Bool { identity != nil && identity == FileIdentity(descriptor) }

    func close() { if isOpen { CLibIPC.close(number) } }

    /// As the system lists it (proc(5)): Swift has no fcntl(2) without the C library's own module.
    var isCloseOnExec: Bool {
        guard let listing = fopen("/proc/self/fdinfo/\(number)", "re") else { return false }
        defer { fclose(listing) }
        var line = [CChar](repeating: 0, count: 100)
        while fgets(&line, 100, listing) != nil {
            let text = line.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? ""
            if text.hasPrefix("flags:"), let flags = Int32(text.dropFirst(6).filter(\.isNumber), radix: 8) { return flags & O_CLOEXEC != 0 }
        }
        return false
    }

    // MARK: The other end, as seen from here

    /// Nobody has the other end open any more.
    var isAlone: Bool { descriptor.poll(0, timeout: 0) & (POLLHUP | POLLERR) != 0 }

    /// Writes all of it, if need be waiting for somebody to read.
    func write(_ bytes: some Collection<UInt8>) throws { try End.write(Array(bytes), to: number) }

    static func write(_ bytes: [UInt8], to number: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { bytes in
                let sent = send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
                return sent < 0 && libipc_errno() == ENOTSOCK ? CLibIPC.write(number, bytes.baseAddress, bytes.count) : sent
            }
            if count < 0, libipc_errno() == EAGAIN {
                Descriptor(number).poll(POLLOUT, timeout: -1)
                continue
            }
            try #require(count > 0, "cannot write: errno \(libipc_errno())")
            rest = rest.dropFirst(count)
        }
    }

    func write(_ frames: Frame...) throws { try write(frames.flatMap(\.bytes)) }

    /// What is there to read now.
    func read() -> [UInt8] {
        var bytes: [UInt8] = []
        while descriptor.poll(POLLIN, timeout: 0) & POLLIN != 0 {
            let arrived = End.readOnce(from: number)
            if arrived.isEmpty { break }
            bytes += arrived
        }
        return bytes
    }

    /// The next `count` bytes, if need be waiting for them; fewer when no more can come.
    static func read(_ count: Int, from number: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            Descriptor(number).poll(POLLIN, timeout: -1)
            let arrived = readOnce(from: number, atMost: min(count - bytes.count, 64 * 1024))
            if arrived.isEmpty { break }
            bytes += arrived
        }
        return bytes
    }

    private static func readOnce(from number: Int32, atMost size: Int = 64 * 1024) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: size) { buffer, count in count = max(CLibIPC.read(number, buffer.baseAddress, size), 0) }
    }

    /// Writes `bytes`, and `passed` with them, in one message.
    func write(_ bytes: [UInt8], passing passed: [Int32]) throws {
        let space = MemoryLayout<cmsghdr>.size + passed.count * MemoryLayout<Int32>.stride
        var bytes = bytes
        var control = [UInt](repeating: 0, count: (space + 7) / 8)
        let sent = bytes.withUnsafeMutableBytes { data in
            control.withUnsafeMutableBytes { control in
                var header = cmsghdr()
                header.cmsg_len = space
                header.cmsg_level = SOL_SOCKET
                header.cmsg_type = Int32(SCM_RIGHTS)
                control.storeBytes(of: header, as: cmsghdr.self)
                for (place, descriptor) in passed.enumerated() {
                    control.storeBytes(of: descriptor, toByteOffset: MemoryLayout<cmsghdr>.size + 4 * place, as: Int32.self)
                }
                return withUnsafeTemporaryAllocation(of: iovec.self, capacity: 1) { vector in
                    vector[0] = iovec(iov_base: data.baseAddress, iov_len: data.count)
                    var message = msghdr()
                    message.msg_iov = vector.baseAddress
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    return sendmsg(number, &message, Int32(MSG_NOSIGNAL))
                }
            }
        }
        try #require(sent == bytes.count)
    }

    /// The kernel keeps as little as it can of what is written here.
    func shrinkSendBuffer() {
        var size: Int32 = 1
        setsockopt(number, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// A call waits for 1 ms at most.
    /// - Parameter option: SO_RCVTIMEO or SO_SNDTIMEO.
    func limitTime(_ option: Int32) {
        var limit = timeval(tv_sec: 0, tv_usec: 1000)
        setsockopt(number, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
}

/// Two connected ends.
struct Wire {
    enum Kind: CaseIterable { case socket, pipe }

    /// The library's end, and the test's. Of a pipe the library reads.
    let near: End
    let far: End
    let kind: Kind

    /// - Parameter blocks: a call on either end waits, unless it says otherwise.
    init(_ kind: Kind = .socket, blocks: Bool = true) throws {
        var numbers: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | (blocks ? 0 : Int32(SOCK_NONBLOCK.rawValue))
        let result = kind == .pipe ? pipe(&numbers) : socketpair(AF_UNIX, type, 0, &numbers)
        try #require(result == 0, "cannot make a pair of descriptors: errno \(libipc_errno())")
        self.kind = kind
        near = try End(numbers[0])
        far = try End(numbers[1])
    }

    /// Whoever waits for the other end sees that it has left.
    func cut() {
        if kind == .pipe { return far.close() }
        shutdown(near.number, Int32(SHUT_RDWR))
    }
}

/// Gives each number once, to whichever thread asks.
private final class Numbers: @unchecked Sendable {
    private var lock = pthread_mutex_t()
    private var last: Int32

    init(after last: Int32) {
        self.last = last
        pthread_mutex_init(&lock, nil)
    }

    func next() -> Int32 {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        last += 1
        return last
    }
}

extension End {
    private static let reserved = Numbers(after: 600)

    /// The same file under a number far from all others, in place of this one. The kernel gives the lowest number that is free, so
    /// nobody else gets one of these: a test may close it behind the library's back, and give it another meaning.
    func moved() throws -> End {
        defer { close() }
        return try End(dup2(number, End.reserved.next()))
    }

    /// The number of `former`, which is closed, means the file of this one from now on; this one's own number is closed.
    func replacing(_ former: End) throws -> End {
        defer { close() }
        return try End(dup2(number, former.number))
    }
}

extension Descriptor {
    /// Waits until there is room; not longer than the descriptor's own limit (SO_SNDTIMEO).
    func waitForRoom(_ code: ErrorCode) throws(IPCError) {
        var timeLimit = TimeLimit(SO_SNDTIMEO)
        try timeLimit.wait(for: POLLOUT, at: self, code)
    }
}
