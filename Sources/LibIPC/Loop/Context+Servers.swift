// Context+Servers.swift - a turn of an entry whose bytes the library does not read: an EXTERNAL descriptor, or a server.

extension Context where View: ~Copyable {
    /// A server pauses after this number of consecutive clients that were lost before they were accepted.
    private static var maximumLostClients: Int { 64 }
    /// Pause before a server tries again, in milliseconds: clients may take and free descriptors quickly.
    private static var acceptingPause: Int32 { 100 }

    // MARK: What a program reads itself

    mutating func isReadByProgram(_ connection: ConnectionReference) -> Bool {
        let kind = kind(of: connection)
        return kind == .switched ? view.hasReader(connection.pointee.number) : kind != .ipc
    }

    /// Whether a descriptor that the library does not read is still ready: a report of an earlier call may be stale, because the
    /// program may have read it since.
    mutating func isStillReadable(_ connection: ConnectionReference) -> Bool {
        if isReadyByItself(connection) || connection.pointee.reportedIn == call { return true }
        connection.pointee.reported = Descriptor(connection.pointee.number).poll(POLLIN, timeout: 0)
        return connection.pointee.reported != 0
    }

    /// Whether it is readable although the poller does not report it: a regular file, or an entry of another type before, for which frames
    /// were read ahead.
    private mutating func isReadyByItself(_ connection: ConnectionReference) -> Bool {
        connection.pointee.isAlwaysReady || connection.pointee.stream?.pointee.inbox.mayHoldMessage == true
    }

    /// An EXTERNAL descriptor is ready: readable as poll(2) defines it (also at its end); a socket has an error, which the program
    /// reads (SO_ERROR, the error queue); or it hung up, which is told once, and again after a change (a FIFO gets new writers).
    mutating func serveExternal(_ connection: ConnectionReference, _ event: inout Event) {
        guard isStillReadable(connection) else { return }
        if isReadyByItself(connection) {
            // The poller will report the others again by itself.
            markRunnable(connection)
            return event.give(.readable, connection)
        }
        let reported = connection.pointee.reported
        if reported & POLLNVAL != 0 { return }
        let isError = reported & POLLERR != 0 && reported & POLLHUP == 0
        if reported & POLLIN != 0 || isError && Descriptor(connection.pointee.number).isSocket {
            // It is told again and again without a sleep: the program may have closed the number.
            if connection.pointee.toldAfter == sleeps, !confirm(connection) { return }
            connection.pointee.toldAfter = sleeps
            setHangUpTold(false, connection)
            return event.give(.readable, connection)
        }
        if connection.pointee.hangUp == .repeated { return connection.pointee.hangUp = .told }
        setHangUpTold(true, connection)
        event.give(.disconnection, connection)
    }

    /// Stores whether the program was told of a hang-up. From then on the poller reports only changes.
    @inline(never)
    mutating func setHangUpTold(_ isTold: Bool, _ connection: ConnectionReference) {
        guard isTold != (connection.pointee.hangUp != .none) else {
            // The list of poll(2) dropped that mark, because it saw the descriptor without the hang-up.
            if isTold, !Poller.repeatsHangUp { poller.update(connection.pointee.registration, connection.pointee.interest) }
            return
        }
        let isRepeated = isTold && Poller.repeatsHangUp && !poller.usesList
        connection.pointee.hangUp = isRepeated ? .repeated : isTold ? .told : .none
        updateInterest(connection)
    }

    // MARK: Servers

    mutating func serveServer(_ connection: ConnectionReference, _ event: inout Event) throws(IPCError) {
        // Clients wait in the backlog until another one leaves.
        if accepted >= settings.connections { return park(connection, .starved) }
        guard unadmitted >= 0 || isStillReadable(connection) else { return }
        do throws(IPCError) {
            try reserveEntry()
            var client = takeUnadmitted()
            let mayBlock = connection.pointee.server?.pointee.isOwn != true
            if client < 0 { client = try Socket.acceptNow(on: connection.pointee.number, mayBlock: mayBlock) }
            if try !isWelcome(client) {
                CLibIPC.close(client)
                throw IPCError(IPC_ERROR_USOCK_ACCEPT, "this user has too many connections", systemError: ECONNABORTED)
            }
            lostClients = 0
            try admit(client, of: connection, &event)
        } catch {
            if Socket.isTransient(error.systemError, on: connection.pointee.number) {
                // Each lost client takes a turn. The poller could report lost clients without end.
                lostClients = Socket.concernsOneClient(error.systemError) ? lostClients + 1 : 0
                if lostClients < Self.maximumLostClients { return }
            } else if !error.isShortage {
                // The error is permanent: without this the poller would report it for ever. The program still has to close the
                // server.
                if connection.pointee.server == nil { connection.pointee.server = try? Server.make() }
                connection.pointee.server?.pointee.failed = FileIdentity(Descriptor(connection.pointee.number))
                event.give(.error, connection)
                deactivate(connection)
                throw error.with(code: IPC_ERROR_NONE)
            }
            lostClients = 0
            park(connection, .starved)
            retry(at: Deadline(milliseconds: Self.acceptingPause))
        }
    }

    /// The client that was accepted and could not be added, or -1.
    mutating func takeUnadmitted() -> Int32 {
        defer { unadmitted = -1 }
        return unadmitted
    }

    /// Adds a client that was accepted. When that fails the context keeps the client, and adds it before it accepts another one.
    mutating func admit(_ client: Int32, of server: ConnectionReference?, _ event: inout Event) throws(IPCError) {
        do throws(IPCError) { try add(client, .ipc, isSocket: true) } catch {
            if unadmitted < 0 { unadmitted = client } else { CLibIPC.close(client) }
            throw error
        }
        let added = connections[connections.count - 1]
        noteAccepted(added)
        // A client's socket has the type of its listener.
        added.pointee.stream?.pointee.isStream = server?.pointee.stream?.pointee.isStream ?? false
        event.give(.connection, added)
    }
}
