// Descriptor.swift - the system calls on an open descriptor, with their results as values.
//
// Descriptors are left as blocking as they are: a call that must not wait says so itself (MSG_DONTWAIT), because
// programs read and write the same descriptors. EINTR is retried here and nowhere else, except while waiting for
// events, where a signal is the program's business.

import CLibIPC

/// Descriptors that came with one receive.
struct PassedDescriptors {
    var numbers = InlineArray<8, Int32>(repeating: -1)
    var count = 0
    /// The kernel ends a read at control data: there may be more bytes behind it (unix(7)).
    var cutShort = false
}

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

    /// Receives into `first`, then `second`.
    func receive(
        first: UnsafeMutableRawBufferPointer, second: UnsafeMutableRawBufferPointer, waiting: Bool,
        passed: inout PassedDescriptors
    ) -> Outcome {
        var control = libipc_control()
        return withUnsafeMutablePointer(to: &control) { control in
            withVectors(first, second) { vectors, count in
                var message = msghdr()
                message.msg_iov = vectors
                message.msg_iovlen = count
                message.msg_control = UnsafeMutableRawPointer(control)
                message.msg_controllen = MemoryLayout<libipc_control>.size
                let flags = Int32(MSG_CMSG_CLOEXEC) | (waiting ? 0 : Int32(MSG_DONTWAIT))
                let received = retrying { recvmsg(number, &message, flags) }
                if received < 0, libipc_errno() == ENOTSOCK { return readPlain(vectors, count, waiting: waiting) }
                if received > 0, message.msg_controllen > 0 {
                    passed.cutShort = true
                    withUnsafeMutableBytes(of: &passed.numbers) { bytes in
                        guard let numbers = bytes.assumingMemoryBound(to: Int32.self).baseAddress else { return }
                        passed.count = Int(libipc_passed_descriptors(&message, numbers))
                    }
                }
                return outcome(of: received)
            }
        }
    }

    /// A pipe or a terminal: it cannot be asked not to wait for one call, so the kernel is asked before.
    private func readPlain(_ vectors: UnsafeMutablePointer<iovec>, _ count: Int, waiting: Bool) -> Outcome {
        if !waiting, poll(Int16(POLLIN), timeout: 0) == 0 { return .wouldBlock }
        return outcome(of: retrying { readv(number, vectors, Int32(count)) })
    }

    /// Sends the vectors, without SIGPIPE; `waiting`: until all is with the kernel, for a blocking descriptor.
    func send(_ vectors: UnsafeMutablePointer<iovec>, _ count: Int, waiting: Bool) -> Outcome {
        var message = msghdr()
        message.msg_iov = vectors
        message.msg_iovlen = count
        let flags = Int32(MSG_NOSIGNAL) | (waiting ? 0 : Int32(MSG_DONTWAIT))
        let sent = retrying { sendmsg(number, &message, flags) }
        if sent < 0, libipc_errno() == ENOTSOCK { return writePlain(vectors[0], waiting: waiting) }
        return outcome(of: sent, writing: true)
    }

    /// PIPE_BUF bytes at most: what a pipe that polls writable takes without waiting (pipe(7)).
    private func writePlain(_ vector: iovec, waiting: Bool) -> Outcome {
        if !waiting, poll(Int16(POLLOUT), timeout: 0) == 0 { return .wouldBlock }
        return withoutSigpipe { outcome(of: retrying { write(number, vector.iov_base, min(vector.iov_len, 4096)) }, writing: true) }
    }

    /// MSG_NOSIGNAL is for sockets alone: elsewhere SIGPIPE is held back and taken off this thread again.
    private func withoutSigpipe(_ body: () -> Outcome) -> Outcome {
        var sigpipe = sigset_t()
        var before = sigset_t()
        var pending = sigset_t()
        sigemptyset(&sigpipe)
        sigaddset(&sigpipe, SIGPIPE)
        sigpending(&pending)
        let wasPending = sigismember(&pending, SIGPIPE) == 1
        pthread_sigmask(SIG_BLOCK, &sigpipe, &before)
        let outcome = body()
        if case .failed(EPIPE) = outcome, !wasPending {
            var now = timespec()
            sigtimedwait(&sigpipe, nil, &now)
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return outcome
    }

    /// poll(2) on this descriptor alone: what it reports; 0 when nothing within `timeout` milliseconds.
    @discardableResult
    func poll(_ events: Int16, timeout: Int32) -> Int16 {
        var entry = pollfd(fd: number, events: events, revents: 0)
        let count = retrying { Int(CLibIPC.poll(&entry, 1, timeout)) }
        return count > 0 ? entry.revents : 0
    }

    /// Bytes that could be read at once.
    var hasBytesWaiting: Bool { libipc_bytes_waiting(number) != 0 }

    private func withVectors<Result>(
        _ first: UnsafeMutableRawBufferPointer, _ second: UnsafeMutableRawBufferPointer,
        _ body: (UnsafeMutablePointer<iovec>, Int) -> Result
    ) -> Result {
        var vectors = (
            iovec(iov_base: first.baseAddress, iov_len: first.count),
            iovec(iov_base: second.baseAddress, iov_len: second.count)
        )
        return withUnsafeMutablePointer(to: &vectors) { pair in
            pair.withMemoryRebound(to: iovec.self, capacity: 2) { vectors in
                first.count == 0 ? body(vectors + 1, 1) : body(vectors, second.count == 0 ? 1 : 2)
            }
        }
    }

    private func outcome(of result: Int, writing: Bool = false) -> Outcome {
        if result > 0 || (result == 0 && writing) { return .count(result) }
        if result == 0 { return .end }
        let number = libipc_errno()
        return number == EAGAIN || number == EWOULDBLOCK ? .wouldBlock : .failed(number)
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
