// Accepting.swift - waiting for a client without a lock, while other threads may close the listener or free its context.
//
// The number of the listener stays in use until the call is over (DescriptorTable.endUse). In a process with one thread nothing is
// claimed, because nobody can close the listener but a signal handler, which ends the wait. A thread that is cancelled in usock_accept
// leaves its claim behind: if the listener is closed then, the number stays in use.

/// Accepts as accept(2) does.
/// - Parameter monitor: of the context that has the listener as an entry: the call fails when that entry goes. nil: the listener may be
///   in any context, or in none.
func acceptClient(on server: Int32, of monitor: MonitorReference? = nil) throws(IPCError) -> Int32 {
    var claimed: ClaimedStream?
    if libipc_is_alone() == 0, let lock = try? DescriptorLock<PublicArrays>(server, IPC_ERROR_USOCK_ACCEPT, .sending) {
        lock.stream.pointee.acceptClaim.begin()
        claimed = ClaimedStream(lock.stream)
    }
    defer { if let claimed { DescriptorLock<PublicArrays>(claimed).stream.pointee.acceptClaim.end() } }
    return try Socket.accept(on: server) { if let claimed, let monitor { claimed.belongs(to: monitor) } else { true } }
}

@c @implementation public func usock_accept_into(_ result: Outcome, _ fd: Int32, _ pfd: Ref<Int32>) {
    answer(result, pfd.pointee = try acceptClient(on: fd))
}
