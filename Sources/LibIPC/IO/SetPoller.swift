// SetPoller.swift - what the pollers share that keep a set in the kernel: an epoll set or a kqueue.
//
// A wait may use a list and poll(2) in place of the set: for few descriptors, or when no set can be made.

#if !POLLER_POLL

extension Poller {
    /// Both watch the file, not its number, which may mean another file later.
    static var watchesNumbers: Bool { false }
    static var repeatsHangUp: Bool { true }
    /// Always false: a wait that has begun also reports descriptors that are added during it.
    var isStale: Bool { false }

    // MARK: The set

    var set: Int32 { currentWatch.set }
    var isIdle: Bool { currentWatch.set < 0 }

    /// The program has closed the set, and another context has got its number (libipc_take_number).
    var isLost: Bool { !isIdle && libipc_has_number(set, mark) == 0 }

    /// There is a set, of this process, and the program has not closed it.
    var hasSet: Bool { !isIdle && !isLost && Self.identity(of: set) == file }

    /// Closes the set, but no file of the program's: the program may have closed the set and got its number for another file.
    func closeSet() {
        if hasSet { close(set) }
        libipc_return_number(set, mark)
    }

    mutating func closeDescriptors() {
        closeSet()
        currentWatch.set = -1
        waker = nil
        needsRebuild = true
    }

    // MARK: Waiting

    @inline(__always)
    mutating func prepare() throws(IPCError) -> Watch {
        usesList = false
        return libipc_is_alone() == 0 && waker == nil ? try prepareWaker() : currentWatch
    }

    @inline(never)
    private mutating func prepareWaker() throws(IPCError) -> Watch {
        do throws(IPCError) {
            let made = try Waker()
            let result = watchWaker(made.descriptor)
            // The program has closed the set, or has a file of its own with its number.
            if result != 0, libipc_errno() == EBADF || libipc_errno() == EINVAL {
                needsRebuild = true
            } else {
                try check(call: result, IPC_ERROR_POLLER, "watch what wakes threads")
            }
            waker = consume made
            return currentWatch
        } catch {
            // Nothing can wake the wait: a limit ends it.
            guard error.isShortage else { throw error }
            var watch = currentWatch
            watch.list.limit = DescriptorList.recheck
            return watch
        }
    }

    /// Prepares a wait with the list. The set stays as it is.
    mutating func prepareList(_ fill: (inout DescriptorList) throws(IPCError) -> Void) throws(IPCError) -> Watch {
        list.removeAll()
        try fill(&list)
        usesList = true
        return listWatch
    }

    var listWatch: Watch {
        var watch = Watch()
        watch.list = list.watch
        return watch
    }

    @inline(__always)
    func listsOnly(_ registration: Registration, _ interest: Interest) -> Bool { usesList && list.isOnly(registration, interest) }

    mutating func takeList(of other: inout Poller) {
        swap(&list, &other.list)
        usesList = other.usesList
    }

    func wake() { waker?.wake() }
    var markedWaker: UInt64 { waker?.marked() ?? 0 }
}

extension Poller.Watch {
    /// Sleeps in poll(2): a handler that runs just before the sleep can end that (wakes.c). It tells that there are events, not which.
    @inline(never)
    func sleep(_ timeout: Int32) throws(IPCError) -> Finding {
        var entry = pollfd(fd: set, events: Int16(POLLIN), revents: 0)
        if try check(call: libipc_sleep(&entry, 1, timeout), IPC_ERROR_WAIT_EVENT__POLL, "wait for events") == 0 { return .ready(0) }
        return Int32(entry.revents) & POLLNVAL != 0 ? .lost : .unknown
    }
}
#endif
