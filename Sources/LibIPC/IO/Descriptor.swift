// Descriptor.swift - the system calls on an open descriptor.
//
// O_NONBLOCK is never changed, because programs read and write the same descriptors: a call that must not wait passes MSG_DONTWAIT. C
// retries such a call after EINTR (CLibIPC.h). In a call that waits, the program decides what a signal does (TimeLimit).
//
// Folder: IO. Uses: Base.

struct Descriptor {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    /// Receives into `first`, then `second`. Returns the number of bytes: 0 at the end; nil when none came, now or within the
    /// descriptor's time limit.
    /// - Parameter passed: becomes the descriptor that came with the bytes, or `-EMFILE` or `-ENFILE` when the process had no free
    ///   number for it.
    @inline(__always)
    func receive(
        _ first: UnsafeMutableRawBufferPointer, _ second: UnsafeMutableRawBufferPointer, waiting: Bool, _ passed: inout Int32
    ) throws(IPCError) -> Int? {
        let count = libipc_receive(number, first.baseAddress, first.count, second.baseAddress, second.count, waiting ? 1 : 0, &passed)
        return try received(count)
    }

    /// Receives into one buffer.
    @inline(__always)
    func receive(_ space: UnsafeMutableRawBufferPointer, waiting: Bool, _ passed: inout Int32) throws(IPCError) -> Int? {
        if waiting { return try receive(UnsafeMutableRawBufferPointer(start: nil, count: 0), space, waiting: true, &passed) }
        return try received(libipc_receive_now(number, space.baseAddress, space.count, &passed))
    }

    /// Receives one byte and the descriptor that was passed with it. When the process has no free number both stay in the kernel.
    func receiveByte(_ byte: UnsafeMutableRawPointer?, waiting: Bool, _ passed: inout Int32) throws(IPCError) -> Int? {
        try received(libipc_receive_byte(number, byte, waiting ? 1 : 0, &passed))
    }

    /// The result of a receive: see `receive`.
    @inline(__always)
    private func received(_ count: Int) throws(IPCError) -> Int? {
        if count >= 0 { return count }
        switch libipc_errno() {
        case EAGAIN: return nil
        case ECONNRESET, EPIPE: return 0
        default: throw .system(IPC_ERROR_USOCK_RECV, "receive from descriptor \(number)")
        }
    }

    /// Sends without SIGPIPE and without waiting. Returns how many of the `total` bytes were sent, and whether the kernel's buffer is
    /// full.
    func send(_ vectors: UnsafeMutablePointer<iovec>, _ count: Int, _ total: Int) throws(IPCError) -> (count: Int, isFull: Bool) {
        var isSocket: Int32 = 1
        let sent = libipc_send(number, vectors, count, &isSocket)
        if sent < 0 { return try sendingFailed() }
        // A file that is no socket takes little at once, also when its buffer has room.
        return (sent, isSocket != 0 && sent < total)
    }

    /// Sends bytes that lie in one piece.
    @inline(__always)
    func send(_ bytes: UnsafeMutableRawPointer, _ count: Int) throws(IPCError) -> (count: Int, isFull: Bool) {
        var isSocket: Int32 = 1
        let sent = libipc_send_now(number, bytes, count, &isSocket)
        if sent < 0 { return try sendingFailed() }
        return (sent, isSocket != 0 && sent < count)
    }

    @inline(never)
    private func sendingFailed() throws(IPCError) -> (count: Int, isFull: Bool) {
        if libipc_errno() == EAGAIN { return (0, true) }
        throw .system(IPC_ERROR_USOCK_SEND, "send to descriptor \(number)")
    }

    /// poll(2) on this descriptor. Returns the reported events; 0 when none came within `timeout` milliseconds.
    @discardableResult
    func poll(_ events: Int32, timeout: Int32) -> Int32 { libipc_poll(number, events, timeout) }

    var isOpen: Bool { poll(0, timeout: 0) & POLLNVAL == 0 }

    /// poll(2) until the deadline. Signals neither end the wait nor restart it. Returns the reported events; 0 when the time is up.
    func poll(_ events: Int32, until deadline: Deadline) -> Int32 {
        while true {
            let reported = libipc_poll_once(number, events, deadline.remaining)
            if reported >= 0 || libipc_errno() != EINTR { return max(reported, 0) }
        }
    }

    /// Frames need a stream: the kernel drops the part of a record (SOCK_SEQPACKET, SOCK_DGRAM) that one receive leaves.
    @inline(never)
    func requireStream(_ code: ErrorCode) throws(IPCError) {
        if libipc_is_stream(number) == 0 { throw IPCError(code, "descriptor \(number) carries no stream", systemError: EPROTOTYPE) }
    }

    var isSocket: Bool { libipc_has_socket_type(number) != 0 }
}

/// The device and inode of a file: whether a path or a number still means the same file.
struct FileIdentity: Equatable, BitwiseCopyable {
    private let device: dev_t
    private let inode: ino_t

    /// The identity of no file.
    init() { (device, inode) = (0, 0) }

    @inline(never)
    init?(_ descriptor: Descriptor) {
        var status = stat()
        guard fstat(descriptor.number, &status) == 0 else { return nil }
        (device, inode) = (status.st_dev, status.st_ino)
    }

    /// Of a file that fork(2) does not copy, in the process of this generation.
    init?(_ descriptor: Descriptor, in generation: UInt64) {
        guard let file = FileIdentity(descriptor) else { return nil }
        (device, inode) = (file.device, file.inode ^ ino_t(truncatingIfNeeded: generation))
    }
}
