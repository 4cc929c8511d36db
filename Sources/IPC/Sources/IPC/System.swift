// System.swift - the system's C library, by each system's name, and the few calls of it that the binding makes.

import Synchronization

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#elseif canImport(Android)
internal import Android
#endif

enum System {
    /// free(3), of what the library has allocated.
    static func release(_ memory: UnsafeMutableRawPointer?) { free(memory) }

    /// Of the same size.
    static func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard let first = left.baseAddress, let second = right.baseAddress else { return true }
        return memcmp(first, second, left.count) == 0
    }

    static func close(_ descriptor: Int32) {
        #if canImport(Glibc)
        _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
        _ = Musl.close(descriptor)
        #elseif canImport(Darwin)
        _ = Darwin.close(descriptor)
        #elseif canImport(Android)
        _ = Android.close(descriptor)
        #endif
    }

    /// Which file a descriptor is: its number may mean another one later.
    struct FileIdentity: Hashable, Sendable {
        let device, inode: UInt64

        init?(_ descriptor: Int32) {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { return nil }
            device = UInt64(truncatingIfNeeded: status.st_dev)
            inode = UInt64(truncatingIfNeeded: status.st_ino)
        }
    }

    /// Both ends of a pipe that nobody waits for, and that programs which are started do not get; nil: no descriptor is free.
    static func makePipe() -> (reading: Int32, writing: Int32)? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        return (ends[0], ends[1])
    }

    static func writeByte(to descriptor: Int32) {
        var byte: UInt8 = 1
        _ = write(descriptor, &byte, 1)
    }

    /// Reads a pipe until it is empty.
    static func drain(_ descriptor: Int32) {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while read(descriptor, buffer.baseAddress, buffer.count) == buffer.count {}
        }
    }

    /// Descriptors for poll(2).
    struct PollSet {
        private var entries: [pollfd]

        init(_ descriptors: some Sequence<Int32>) { entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) } }

        /// Sleeps until one is readable, or has an error. After a signal none is ready.
        mutating func wait(milliseconds: Int32) {
            if poll(&entries, nfds_t(entries.count), milliseconds) < 0 {
                for index in entries.indices { entries[index].revents = 0 }
            }
        }

        var ready: [Int32] { entries.lazy.filter { $0.revents != 0 }.map(\.fd) }
    }

    /// Calls a function when the program ends by itself: exit(3), or the end of `main`.
    static func atExit(_ body: @escaping @convention(c) () -> Void) { atexit(body) }

    /// Runs `body` in a thread of its own, which blocks all signals: handlers are for the program's threads. False: there is no thread.
    static func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
        final class Work {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let work = Unmanaged.passRetained(Work(body))
        var before = sigset_t()
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        #if canImport(Darwin)
        var thread: pthread_t?
        #else
        var thread = pthread_t()
        #endif
        let status = pthread_create(
            &thread, nil,
            { argument in
                // Not optional on each system.
                let work: UnsafeMutableRawPointer? = argument
                if let work { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        #if canImport(Darwin)
        if status == 0, let thread { pthread_detach(thread) }
        #else
        if status == 0 { pthread_detach(thread) }
        #endif
        pthread_sigmask(SIG_SETMASK, &before, nil)
        if status != 0 { work.release() }
        return status == 0
    }
}

/// A gate: a thread waits at it until another one opens it and hands a value over.
final class Gate<Value: Sendable>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value?

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    func open(_ value: Value) {
        pthread_mutex_lock(mutex)
        self.value = value
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    func wait() -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let value { return value }
            pthread_cond_wait(condition, mutex)
        }
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }
}

/// Something that was decided in another thread.
final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}

extension Duration {
    /// For the library, rounded up, so that it is never early.
    var milliseconds: Int32 {
        let (seconds, attoseconds) = components
        if seconds >= Int64(Int32.max) / 1000 { return .max }
        if seconds < 0 || attoseconds < 0 { return 0 }
        return Int32(seconds) * 1000 + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
