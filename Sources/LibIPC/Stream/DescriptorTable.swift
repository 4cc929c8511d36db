// DescriptorTable.swift - which stream belongs to a descriptor's number, and whose lock guards it.
//
// ipc_read_fd and its kin get no context, yet must not overtake bytes that a context holds for the descriptor, in either direction.
// This table, the only one of the process, leads from the number to its stream and to the lock of the stream's owner: a context, or,
// for a descriptor in no context (a stray one), the stripe of the number. A stripe is one of 64 locks, among which the numbers are
// spread (descriptor_table.h). An entry is written under the lock of its stripe.

enum DescriptorTable {
    /// The owner of the number's stream, whose lock guards it. It may be another one by the time that the caller has the lock.
    static func owner(of number: Int32) -> MonitorReference { libipc_owner(number) ?? stripe(of: number) }

    static func stripe(of number: Int32) -> MonitorReference { libipc_stripe(number) }

    /// The stream of the number, if this is its owner. The caller has the owner's lock.
    static func stream(of number: Int32, _ owner: MonitorReference) -> StreamReference? {
        libipc_stream_of(number, owner)?.assumingMemoryBound(to: Stream.self)
    }

    /// Enters the stream into the table, unless its number is too large for that. The caller has the lock of the stripe.
    private static func insert(_ stream: StreamReference) {
        let number = stream.pointee.descriptor.number
        libipc_set_table_entry(number, stream.pointee.owner, stream)
        stream.pointee.isInTable = libipc_fits_table(number) != 0
    }

    /// Removes the stream from the table, if it is there. The caller has the lock of the stripe.
    private static func remove(_ stream: StreamReference) {
        let number = stream.pointee.descriptor.number
        if stream.pointee.isInTable, stream == self.stream(of: number, stream.pointee.owner) { libipc_set_table_entry(number, nil, nil) }
        stream.pointee.isInTable = false
    }

    /// Runs `body` with the lock of the stripe.
    /// - Parameter owner: whose lock the caller has; it may be the stripe.
    private static func withStripe<Result, Failure: Error>(
        of number: Int32, _ owner: MonitorReference, _ body: (MonitorReference) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let stripe = stripe(of: number)
        if stripe == owner { return try body(stripe) }
        return try stripe.locked { () throws(Failure) in try body(stripe) }
    }

    /// Takes the stream, which has no owner any more, out of the table and frees it. If a call has claimed it, the end of the claim
    /// frees it. The caller has the lock of the stripe.
    /// - Parameter keepingMemory: the caller frees it later.
    private static func abandon(_ stream: StreamReference, keepingMemory: Bool = false) {
        remove(stream)
        stream.pointee.announceEnds()
        stream.changeOwner(to: stripe(of: stream.pointee.descriptor.number), nil)
        if !stream.pointee.isClaimed, !keepingMemory { Stream.destroy(stream) }
    }

    // MARK: Descriptors of a context, whose lock the caller has

    /// The stream for a number that a context adds: the stray one, if there is one of the same file, or a new one.
    static func adopt(_ number: Int32, by owner: MonitorReference, _ connection: UnsafeMutableRawPointer) throws(IPCError)
        -> StreamReference
    {
        try withStripe(of: number, owner) { stripe throws(IPCError) in
            if let stray = stream(of: number, stripe) {
                if stray.pointee.isCurrent, !stray.pointee.isClosedAtEnd {
                    stray.changeOwner(to: owner, connection)
                    insert(stray)
                    // Calls that wait for the end of a claim wake up, and take the new owner's lock.
                    stray.pointee.readClaim.isAwaited || stray.pointee.writeClaim.isAwaited ? stripe.wakeClaimers() : ()
                    return stray
                }
                abandon(stray)
            }
            let made = try Stream.make(number, owner: owner)
            made.changeOwner(to: owner, connection)
            insert(made)
            return made
        }
    }

    /// The context gives up the number, which stays open. Its stream becomes a stray one if it holds bytes for the next call (received
    /// ones, or the rest of a frame that was sent in part) or a call has claimed it; else it is freed.
    static func release(_ stream: StreamReference) {
        withStripe(of: stream.pointee.descriptor.number, stream.pointee.owner) { stripe in
            stream.pointee.identify()
            let isNeeded = !stream.pointee.isEmpty || stream.pointee.isClaimed
            guard isNeeded, stream == self.stream(of: stream.pointee.descriptor.number, stream.pointee.owner) else {
                return abandon(stream)
            }
            stream.pointee.announceEnds()
            (stream.pointee.acceptsDescriptors, stream.pointee.inbox.acceptsDescriptors) = (false, false)
            stream.changeOwner(to: stripe, nil)
            insert(stream)
        }
    }

    /// The number is closed, or means another file: frees the stream and its bytes.
    static func discard(_ stream: StreamReference, keepingMemory: Bool = false) {
        withStripe(of: stream.pointee.descriptor.number, stream.pointee.owner) { _ in abandon(stream, keepingMemory: keepingMemory) }
    }

    /// Prepares the closing of the number. While another thread is in a call on it, the number must stay in use: otherwise that thread
    /// could receive from a file that gets the number next. So the socket is shut down, which ends the call, and the end of the last
    /// claim closes the number.
    ///
    /// shutdown(2) of a listener would end it for all processes that share it (fork(2)): nobody could connect any more. So a dead
    /// socket gets its number, and the waiting thread finds the dead socket there (Socket.accept). Without a descriptor for the
    /// dead socket the number is closed at once.
    /// - Returns: whether the caller closes the number now.
    static func endUse(_ stream: StreamReference, keepingMemory: Bool = false) -> Bool {
        let number = stream.pointee.descriptor.number
        if stream.pointee.acceptClaim.isHeld {
            var dead: Int32 = -1
            libipc_replace_by_dead(number, &dead)
            close(dead)
        } else if stream.pointee.isClaimed {
            libipc_stop_both_ways(number)
        }
        let isRead = stream.pointee.readClaim.isHeldByOther && !stream.pointee.readClaim.isHeldByThisThread
        let isReadOrWritten = isRead || stream.pointee.writeClaim.isHeldByOther
        let isInUse = isReadOrWritten || stream.pointee.acceptClaim.isHeld && stream.pointee.descriptor.isOpen
        stream.pointee.isClosedAtEnd = isInUse
        if isInUse { release(stream) } else { discard(stream, keepingMemory: keepingMemory) }
        return !isInUse
    }

    // MARK: Descriptors in no context; the caller has the lock of the stripe

    /// The stream of a number in no context. Makes one if there is none, or it is of another file.
    @inline(never)
    static func stray(_ number: Int32) throws(IPCError) -> StreamReference {
        let stripe = stripe(of: number)
        if let known = stream(of: number, stripe) {
            // The program may have closed the number, and got it for another file.
            if known.pointee.isCurrent { return known }
            abandon(known)
        }
        let made = try Stream.make(number, owner: stripe)
        insert(made)
        return made
    }

    /// A call on a stray stream has ended: frees the stream, unless a context owns it by now, or it holds bytes for the next call.
    @inline(never)
    static func freeIfUnneeded(_ stream: StreamReference) {
        while let frame = stream.pointee.outbox.takeSent() { OutboundFrame.destroy(frame) }
        guard stream.pointee.connection == nil, !stream.pointee.isClaimed else { return }
        stream.pointee.identify()
        if stream.pointee.isInTable, !stream.pointee.isEmpty, !stream.pointee.isClosedAtEnd { return }
        let (number, isClosed) = (stream.pointee.descriptor.number, stream.pointee.isClosedAtEnd)
        abandon(stream)
        if isClosed { close(number) }
    }

    /// Prepares the closing of a number for the program (usock_close). Frees a stray stream. The stream of a context stays: the
    /// context notices the closed number later.
    /// - Returns: whether the caller closes the number now.
    static func endUse(ofStray number: Int32) -> Bool {
        libipc_note_stream(number, 0)
        let stripe = stripe(of: number)
        guard libipc_owner(number) == stripe else { return true }
        return stripe.locked { stream(of: number, stripe).map { endUse($0) } ?? true }
    }
}
