// DescriptorTable.swift - which state of the library belongs to a descriptor.
//
// ipc_read_fd and its kin know no context, yet must not overtake bytes that a context holds for the descriptor, in either
// direction. This table, the only one of the process, leads from the number to the context's connection and the lock that
// guards it; or, for a descriptor in no context, to what calls had to leave behind, which the lock of its stripe guards.

enum DescriptorTable {
    /// Whose lock guards what belongs to the descriptor: it may be somebody else's by the time that one is had.
    static func owner(of descriptor: Int32) -> MonitorReference { libipc_owner(descriptor) ?? stripe(of: descriptor) }

    static func stripe(of descriptor: Int32) -> MonitorReference { libipc_stripe(descriptor) }

    /// The connection, if it is this owner's, whose lock the thread has.
    static subscript(_ descriptor: Int32, _ owner: MonitorReference) -> ConnectionReference? {
        libipc_registered(descriptor, owner)?.assumingMemoryBound(to: Connection.self)
    }

    static func register(_ connection: ConnectionReference) {
        let descriptor = connection.pointee.number
        withStripe(of: descriptor, connection.pointee.owner) { libipc_register(descriptor, connection.pointee.owner, connection) }
    }

    static func unregister(_ connection: ConnectionReference) {
        let (descriptor, owner) = (connection.pointee.number, connection.pointee.owner)
        withStripe(of: descriptor, owner) { if DescriptorTable[descriptor, owner] == connection { libipc_register(descriptor, nil, nil) } }
    }

    /// - Parameter owner: whose lock the thread has; it may be the stripe.
    private static func withStripe<Result>(of descriptor: Int32, _ owner: MonitorReference, _ body: () -> Result) -> Result {
        let stripe = stripe(of: descriptor)
        return stripe == owner ? body() : stripe.locked(body)
    }

    // MARK: Descriptors in no context

    /// What there is for the descriptor, which is in no context; made if there is nothing. The lock of its stripe is held.
    @inline(never)
    static func loose(_ descriptor: Int32) throws(IPCError) -> ConnectionReference {
        let stripe = stripe(of: descriptor)
        if let known = DescriptorTable[descriptor, stripe] {
            // The program may have closed the descriptor, and got the number again for something else.
            if !known.pointee.channel.isCurrent { known.pointee.channel = Channel(descriptor) }
            return known
        }
        let connection = try Connection.make(Connection(Channel(descriptor), owner: stripe))
        register(connection)
        return connection
    }

    /// A call is over: keeps what it could not hand on, for the next one. The lock of the stripe is held.
    @inline(never)
    static func putAway(_ connection: ConnectionReference) {
        connection.pointee.channel.identify()
        let isNeeded = !connection.pointee.channel.isEmpty || connection.pointee.reader.isThere
        // Nothing leads to what no descriptor can be.
        if isNeeded, libipc_is_registrable(connection.pointee.number) != 0 { return }
        drop(connection)
    }

    private static func drop(_ connection: ConnectionReference) {
        unregister(connection)
        if connection.pointee.isReaderAwaited { connection.pointee.owner.wakeReaders() }
        Connection.destroy(connection)
    }

    /// The descriptor is `taker`'s from now on, with what calls left for it, if it still is the same file; and it is read by whoever
    /// reads it. In one step: meanwhile it would be nobody's, and a call begin anew.
    static func take(_ taker: ConnectionReference) {
        let descriptor = taker.pointee.number
        let stripe = stripe(of: descriptor)
        stripe.locked {
            let loose = DescriptorTable[descriptor, stripe]
            libipc_register(descriptor, taker.pointee.owner, taker)
            guard let loose else { return }
            if loose.pointee.channel.isCurrent {
                swap(&taker.pointee.channel, &loose.pointee.channel)
                taker.pointee.reader = loose.pointee.reader
            }
            if loose.pointee.isReaderAwaited { stripe.wakeReaders() }
            Connection.destroy(loose)
        }
    }

    /// The descriptor is about to be closed: nothing is left for whoever gets the number next.
    static func forget(_ descriptor: Int32) {
        libipc_note_stream(descriptor, 0)
        let stripe = stripe(of: descriptor)
        guard libipc_owner(descriptor) == stripe else { return }
        stripe.locked {
            guard let connection = DescriptorTable[descriptor, stripe] else { return }
            let isAwaited = connection.pointee.isAwaited
            drop(connection)
            // A thread that waits in a call for the descriptor would not see that it is closed.
            if isAwaited { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// The descriptor is `leaver`'s no more. What that could not hand on is kept for the next call, and who reads it goes on: in one
    /// step, too.
    static func leave(_ leaver: ConnectionReference) {
        let descriptor = leaver.pointee.number
        stripe(of: descriptor).locked {
            guard DescriptorTable[descriptor, leaver.pointee.owner] == leaver else { return }
            libipc_register(descriptor, nil, nil)
            leaver.pointee.channel.identify()
            guard !leaver.pointee.channel.isEmpty || leaver.pointee.reader.isThere else { return }
            guard let connection = try? loose(descriptor) else { return }
            swap(&connection.pointee.channel, &leaver.pointee.channel)
            connection.pointee.reader = leaver.pointee.reader
        }
    }
}
