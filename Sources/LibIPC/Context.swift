// Context.swift - a set of connections, and the way their bytes become events.
//
// Entries share their indices with the roster; a connection is found by its descriptor. An entry whose descriptor was closed,
// or is in the set twice, stays in the roster until the program deletes it, but is not live. The parts: entries (here), the
// loop (Context+Events), frames in both directions (Context+Frames), switching (Context+Switching).

import CLibIPC

struct Context<Entries: Roster & ~Copyable>: ~Copyable {
    /// Default for the bytes that may wait for one receiver.
    static var defaultQueueLimit: Int { 64 * 1024 * 1024 }

    var roster: Entries
    /// Where its owner has put this context: so a connection leads back to it.
    let address: UnsafeMutableRawPointer?
    private(set) var connections = HeapArray<ConnectionReference>()
    private var table = DescriptorTable<ConnectionReference?>(absent: nil)
    /// Entries that the table does not lead to: only then is a look-up that finds nothing worth a search.
    private var shadowed = 0
    private var generation: UInt32 = 0
    private var forks = libipc_forks()
    private var pairChanges: UInt32 = 0

    var poller: Poller
    var scratch = Scratch()
    /// Have, or may have, something to read: served in turn.
    var ready = Line(slot: 0)
    /// Have frames to send, and may be writable.
    var unsent = Line(slot: 1)
    /// Have sent frames that are to be reported.
    var reports = Line(slot: 2)
    /// Nobody will say when this is over: servers that could not accept for want of descriptors or memory, switched ends without
    /// another, and what was told to have hung up as long as it is the program's.
    var aside = Line(slot: 3)
    /// Switched ends that wait for room at the other end.
    var held = Line(slot: 4)

    /// nil: the default, and the context may vanish with its last entry.
    var queueLimit: Int?
    /// Which call for an event this is.
    var call: UInt32 = 0
    /// Turns taken since the poller was last asked.
    var turns = 0
    /// The last event was a report.
    var wasReport = false
    /// Turns while frames wait to be sent, and how many there may be in this burst of messages.
    var heldBack = 0
    var burst = 0
    /// A client that was accepted and could not be added for want of memory, or -1.
    var unadmitted: Int32 = -1
    /// When starved servers try again, on `Clock`.
    var retryAt: Int64 = 0

    init(roster: consuming Entries, address: UnsafeMutableRawPointer? = nil) throws(IPCError) {
        poller = try Poller()
        self.roster = roster
        self.address = address
    }

    /// Descriptors are the program's: none is closed.
    deinit {
        if unadmitted >= 0 { close(unadmitted) }
        for index in 0..<connections.count {
            connections[index].pointee.channel.outbox.drop()
            withdraw(connections[index])
            Connection.destroy(connections[index])
        }
    }

    // MARK: Finding

    /// The entry of this descriptor, a live one if there is one.
    func connection(of descriptor: Int32) -> ConnectionReference? {
        if let found = table[descriptor] { return found }
        guard shadowed > 0 else { return nil }
        for index in 0..<connections.count where connections[index].pointee.number == descriptor { return connections[index] }
        return nil
    }

    func live(_ descriptor: Int32) -> ConnectionReference? {
        guard let found = table[descriptor], found.pointee.isLive else { return nil }
        return found
    }

    func kind(of connection: ConnectionReference) -> ConnectionKind { roster.kind(at: connection.pointee.index) }

    // MARK: Adding

    /// Takes notice of entries that the program has filled by hand, of pairs that it has changed, and of a fork.
    mutating func catchUp() throws(IPCError) {
        while connections.count < roster.count {
            try connections.append(try admit(roster.descriptor(at: connections.count), isNew: false))
        }
        if forks != libipc_forks() { try rebuild() }
        if pairChanges != libipc_pair_changes() {
            pairChanges = libipc_pair_changes()
            while let connection = held.first { resume(connection) }
        }
    }

    /// Adds an entry.
    /// - Parameters:
    ///   - isNew: the kernel has just given this number, so that no other entry can mean it.
    ///   - socketPath: malloc'ed; still the caller's when this fails.
    mutating func add(
        _ descriptor: Int32, _ kind: ConnectionKind, isNew: Bool = false, socketPath: UnsafeMutablePointer<CChar>? = nil
    ) throws(IPCError) {
        try reserveEntry()
        let connection = try admit(descriptor, isNew: isNew)
        connection.pointee.socketFile = socketPath.flatMap { FileIdentity(path: $0) }
        roster.append(descriptor, kind, socketPath)
        try connections.append(connection)
    }

    mutating func reserveEntry() throws(IPCError) {
        try roster.reserve()
        try connections.reserve()
    }

    /// Makes the connection for the next entry.
    private mutating func admit(_ descriptor: Int32, isNew: Bool) throws(IPCError) -> ConnectionReference {
        generation &+= 1
        try connections.reserve()
        let connection = try Connection.make(
            Connection(Channel(descriptor), generation: generation, index: connections.count, context: address))
        do throws(IPCError) { try activate(connection, isNew: isNew) } catch {
            Connection.destroy(connection)
            throw error
        }
        if !connection.pointee.isLive { shadowed += 1 }
        return connection
    }

    /// Watches the connection's descriptor; leaves it without life where that is not open, or belongs to another entry.
    private mutating func activate(_ connection: ConnectionReference, isNew: Bool = false) throws(IPCError) {
        let descriptor = connection.pointee.number
        guard descriptor >= 0 else { return }
        try Registry.reserve(descriptor)
        try table.reserve(descriptor)
        let former = table[descriptor]
        // Whoever had this number lost its descriptor behind our back.
        if isNew, let former { bury(former) }
        var admission = try poller.add(connection.pointee.registration, .read)
        guard admission == .watched || admission == .alwaysReady else { return }
        if let former {
            if former.pointee.isLive {
                // It leaves the poller by its number, which takes the new one out as well.
                bury(former)
                admission = try poller.add(connection.pointee.registration, .read)
            }
            shadowed += 1
        }
        table[descriptor] = connection
        connection.pointee.isLive = true
        connection.pointee.isAlwaysReady = admission == .alwaysReady
        connection.pointee.channel = Registry.takeLoose(descriptor)
        Registry[descriptor] = connection
        if connection.pointee.isAlwaysReady || connection.pointee.channel.inbox.mayHoldMessage { ready.append(connection) }
        if connection.pointee.channel.outbox.hasPending { unsent.append(connection) }
    }

    /// A new poller for the same connections.
    mutating func rebuild() throws(IPCError) {
        var fresh = try Poller()
        for index in 0..<connections.count {
            let connection = connections[index]
            guard connection.pointee.isLive, !connection.pointee.isAlwaysReady else { continue }
            _ = try fresh.add(connection.pointee.registration, connection.pointee.interest)
        }
        poller = fresh
        forks = libipc_forks()
    }

    // MARK: Leaving

    /// The descriptor of a live entry is gone, the entry stays: nothing is kept for it any more.
    mutating func bury(_ connection: ConnectionReference) {
        guard connection.pointee.isLive else { return }
        let descriptor = connection.pointee.number
        dropFrames(connection)
        ready.remove(connection)
        unsent.remove(connection)
        aside.remove(connection)
        held.remove(connection)
        poller.remove(connection.pointee.registration)
        if Registry[descriptor] == connection { Registry[descriptor] = nil }
        connection.pointee.channel = Channel(descriptor)
        connection.pointee.isLive = false
        resumeCounterpart(of: connection)
    }

    /// The registry does not lead here any more. What was read ahead stays there, and the rest of a frame that is begun, for
    /// whoever reads and writes the descriptor now.
    private func withdraw(_ connection: ConnectionReference) {
        guard Registry[connection.pointee.number] == connection else { return }
        Registry[connection.pointee.number] = nil
        Registry.leave(&connection.pointee.channel)
    }

    /// Drops the entry; the last one moves into its place.
    /// - Parameters:
    ///   - closing: closes its descriptor.
    ///   - keeping: the descriptor goes on outside of this context.
    mutating func remove(_ connection: ConnectionReference, closing: Bool, keeping: Bool = false) {
        let descriptor = connection.pointee.number
        let index = connection.pointee.index
        let isClosed = closing && connection.pointee.isLive
        if keeping {
            dropFrames(connection)
            withdraw(connection)
        }
        bury(connection)
        if table[descriptor] == connection { table[descriptor] = nil } else { shadowed -= 1 }
        connections.swapRemove(at: index)
        roster.swapRemove(at: index)
        if index < connections.count { connections[index].pointee.index = index }
        Connection.destroy(connection)
        if isClosed { close(descriptor) }
        // The same descriptor was in the set twice: its other entry lives from now on.
        guard !isClosed, shadowed > 0, let twin = self.connection(of: descriptor) else { return }
        try? activate(twin)
        if twin.pointee.isLive { shadowed -= 1 }
    }

    /// Closes the descriptor of an entry that stays. An external one is its program's: only what is queued for it goes.
    mutating func closeDescriptor(_ connection: ConnectionReference) throws(IPCError) {
        let index = connection.pointee.index
        let descriptor = connection.pointee.number
        if kind(of: connection) == .external { return dropFrames(connection) }
        if !connection.pointee.isLive { throw IPCError(IPC_ERROR_USOCK_CLOSE, "close descriptor \(descriptor)", systemError: EBADF) }
        if let path = roster.socketPath(at: index) {
            // While this socket listens nobody else takes its name: so the file goes first.
            if let file = connection.pointee.socketFile, file == FileIdentity(path: path) { unlink(path) }
            roster.dropSocketPath(at: index)
        }
        bury(connection)
        try Socket.close(descriptor)
    }

    // MARK: What is wanted of the poller

    /// Tells the poller what is wanted now, if that differs.
    mutating func updateInterest(_ connection: ConnectionReference) {
        var wanted: Interest = connection.pointee.isQuiet ? .news : connection.pointee.isPaused ? [] : .read
        if connection.pointee.isBlocked { wanted.insert(.write) }
        guard connection.pointee.interest != wanted, connection.pointee.isLive, !connection.pointee.isAlwaysReady else { return }
        connection.pointee.interest = wanted
        poller.update(connection.pointee.registration, wanted)
    }

    /// Does not read the connection until somebody resumes it.
    mutating func pause(_ connection: ConnectionReference) {
        connection.pointee.isPaused = true
        updateInterest(connection)
    }

    /// Looks at the connection again: what it waited for, or what it is, has changed.
    mutating func resume(_ connection: ConnectionReference) {
        aside.remove(connection)
        held.remove(connection)
        connection.pointee.isPaused = false
        connection.pointee.isQuiet = false
        updateInterest(connection)
        ready.append(connection)
    }

    /// As told by the program. What is wanted of the poller may be something else now.
    mutating func setKind(_ kind: ConnectionKind, of connection: ConnectionReference) {
        roster.setKind(kind, at: connection.pointee.index)
        if connection.pointee.isLive { resume(connection) }
    }

    /// Ties two descriptors into a pair.
    mutating func tie(_ first: Int32, _ second: Int32) throws(IPCError) {
        try roster.pair(first, second)
        if let connection = live(first) { resume(connection) }
        if let connection = live(second) { resume(connection) }
    }
}
