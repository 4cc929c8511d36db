// Registry.swift - which state of the library belongs to a descriptor.
//
// ipc_read_fd and its kin know no context, yet must not overtake bytes that a context holds for the descriptor, in either
// direction. This table, the only one of the process, leads from the number to the context's connection and the lock that
// guards it; or, for a descriptor in no context, to what calls had to leave behind, which the lock of its stripe guards.

enum Registry {
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

    /// False: it was not registered.
    @discardableResult
    static func unregister(_ connection: ConnectionReference) -> Bool {
        let (descriptor, owner) = (connection.pointee.number, connection.pointee.owner)
        return withStripe(of: descriptor, owner) {
            guard Registry[descriptor, owner] == connection else { return false }
            libipc_register(descriptor, nil, nil)
            return true
        }
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
        if let known = Registry[descriptor, stripe] {
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

    /// What calls left for this descriptor, if it still is the same file, is `taker`'s now; and it is read by whoever reads it.
    static func takeLoose(_ taker: ConnectionReference) {
        let descriptor = taker.pointee.number
        let stripe = stripe(of: descriptor)
        guard libipc_owner(descriptor) == stripe else { return }
        stripe.locked {
            guard let connection = Registry[descriptor, stripe] else { return }
            if connection.pointee.channel.isCurrent {
                swap(&taker.pointee.channel, &connection.pointee.channel)
                taker.pointee.reader = connection.pointee.reader
            }
            drop(connection)
        }
    }

    /// The descriptor is about to be closed: nothing is left for whoever gets the number next.
    static func forget(_ descriptor: Int32) {
        let stripe = stripe(of: descriptor)
        guard libipc_owner(descriptor) == stripe else { return }
        stripe.locked {
            guard let connection = Registry[descriptor, stripe] else { return }
            let isAwaited = connection.pointee.reader.isThere || connection.pointee.channel.outbox.holdsLent
            drop(connection)
            // A thread that waits in a call for the descriptor would not see that it is closed.
            if isAwaited { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Keeps what a context could not hand on, for the next call; and who reads it goes on.
    static func leave(_ leaver: ConnectionReference) {
        let descriptor = leaver.pointee.number
        guard !leaver.pointee.channel.isEmpty || leaver.pointee.reader.isThere else { return }
        leaver.pointee.channel.identify()
        stripe(of: descriptor).locked {
            // Another context may have it too.
            guard libipc_owner(descriptor) == nil, let connection = try? loose(descriptor) else { return }
            swap(&connection.pointee.channel, &leaver.pointee.channel)
            connection.pointee.reader = leaver.pointee.reader
        }
    }
}
