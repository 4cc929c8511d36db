// Descriptor.swift - the system calls on an open descriptor, with their results as values.
//
// Descriptors are left as blocking as they are: a call that must not wait says so itself (MSG_DONTWAIT), because programs
// read and write the same descriptors. EINTR is retried here and nowhere else, except while waiting for events, where a
// signal is the program's business. What is no socket (a pipe, a terminal) cannot be asked so: the kernel is asked before.

import CLibIPC

struct Descriptor {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    enum Outcome {
        case count(Int)
        case wouldBlock
        /// The peer has closed its side.
        case end
        case failed(Int32)
    }

    func receive(_ vectors: UnsafeMutablePointer<iovec>, _ count: Int, waiting: Bool, _ passed: inout libipc_passed) -> Outcome {
        let flags = waiting ? 0 : Int32(MSG_DONTWAIT)
        let received = retrying { libipc_receive(number, vectors, count, flags, &passed) }
        if received > 0 { return .count(received) }
        if received == 0 { return .end }
        guard libipc_errno() == ENOTSOCK else { return failure() }
        if !waiting, poll(Int16(POLLIN), timeout: 0) == 0 { return .wouldBlock }
        let read = retrying { readv(number, vectors, Int32(count)) }
        return read > 0 ? .count(read) : read == 0 ? .end : failure()
    }

    /// Without SIGPIPE. `waiting`: a blocking descriptor takes all of a socket's bytes.
    func send(_ vectors: UnsafeMutablePointer<iovec>, _ count: Int, waiting: Bool) -> Outcome {
        let flags = waiting ? 0 : Int32(MSG_DONTWAIT)
        let sent = retrying { libipc_send(number, vectors, count, flags) }
        if sent >= 0 { return .count(sent) }
        guard libipc_errno() == ENOTSOCK else { return failure() }
        if !waiting, poll(Int16(POLLOUT), timeout: 0) == 0 { return .wouldBlock }
        // PIPE_BUF bytes at most: what a pipe that polls writable takes without waiting (pipe(7)).
        let written = retrying { libipc_write_without_signal(number, vectors[0].iov_base, min(vectors[0].iov_len, 4096)) }
        return written >= 0 ? .count(written) : failure()
    }

    private func failure() -> Outcome {
        let number = libipc_errno()
        return number == EAGAIN || number == EWOULDBLOCK ? .wouldBlock : .failed(number)
    }

    /// poll(2) on this descriptor alone: what it reports; 0 when nothing within `timeout` milliseconds.
    @discardableResult
    func poll(_ events: Int16, timeout: Int32) -> Int16 {
        var entry = pollfd(fd: number, events: events, revents: 0)
        let count = retrying { Int(CLibIPC.poll(&entry, 1, timeout)) }
        return count > 0 ? entry.revents : 0
    }

    /// Waits where a call that should have waited came back empty: a descriptor that does not block is waited for here; one
    /// with a limit of its own (SO_RCVTIMEO, SO_SNDTIMEO, socket(7)) has reached it.
    func wait(for events: Int32, _ code: ErrorCode, _ operation: StaticString) throws(IPCError) {
        guard libipc_is_nonblocking(number) != 0 else { throw IPCError(code, operation, .descriptor(number), systemError: EAGAIN) }
        poll(Int16(events), timeout: -1)
    }
}

/// Repeats a system call that a signal interrupted.
@inline(__always)
func retrying<Result: BinaryInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 || libipc_errno() != EINTR { return result }
    }
}

/// A file as the system identifies it, whatever its name or number is by now.
struct FileIdentity: Equatable {
    private let device: UInt64
    private let inode: UInt64

    /// Of the file at `path`, a symbolic link itself.
    init?(path: UnsafePointer<CChar>) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init?(_ descriptor: Descriptor) {
        var status = stat()
        guard fstat(descriptor.number, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
