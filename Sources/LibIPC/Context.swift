// Context.swift - a set of connections, and the way their bytes become events.
//
// Entries share their indices with the roster; the state of an entry is found by its descriptor. An entry whose
// descriptor was closed, or is in the set twice, stays in the roster until the program deletes it, but is not live.
// The parts: entries (here), the loop (Context+Events), reading, sending, switching.

import CLibIPC

struct Context<Entries: Roster & ~Copyable>: ~Copyable {
    /// Default for the bytes that may wait for one receiver.
    static var defaultQueueLimit: Int { 64 * 1024 * 1024 }

    var roster: Entries
    /// Where its owner has put this context: under this address the registry knows it.
    var address: UnsafeMutableRawPointer?
    var connections = HeapArray<Connection>()
    var positions = DescriptorMap()
    var poller: Poller
    var scratch = Scratch()
    /// Head and tail of each `Queue`, as descriptors.
    var heads = InlineArray<4, Int32>(repeating: -1)
    var tails = InlineArray<4, Int32>(repeating: -1)

    /// nil: the default, and the context may vanish with its last entry.
    var queueLimit: Int?
    /// Entries that are in the roster and not live: only then is a look-up by number worth a search.
    var strayCount = 0
    var generation: UInt32 = 0
    var forks = libipc_forks()
    /// Which call to `wait` this is.
    var call: UInt32 = 0
    /// Reports of sent frames that come before the next input; see `nextStep`.
    var reportsDue = 0
    var unreported = 0
    /// Turns taken since the poller was last asked.
    var turns = 0
    /// A client that was accepted and could not be added for want of memory, or -1.
    var unadmitted: Int32 = -1
    /// When starved servers try again, on `Clock`.
    var retryAt: Int64 = 0

    init(roster: consuming Entries) throws(IPCError) {
        poller = try Poller()
        self.roster = roster
    }

    /// Descriptors are the program's: none is closed.
    deinit {
        if unadmitted >= 0 { close(unadmitted) }
        for index in 0..<connections.count where connections[index].isLive {
            Registry.shared.withdraw(connections[index].watch.descriptor, context: address)
        }
    }

    // MARK: Entries

    /// The entry of this descriptor: the live one, or else one that the program has not deleted yet.
    func position(of descriptor: Int32) -> Int? {
        if let position = positions[descriptor] { return position }
        guard strayCount > 0 else { return nil }
        for index in 0..<roster.count where roster.descriptor(at: index) == descriptor { return index }
        return nil
    }

    /// Takes notice of entries that the program has filled by hand, and of a fork.
    mutating func catchUp() throws(IPCError) {
        while connections.count < roster.count { try admit(connections.count, isNew: false) }
        guard forks != libipc_forks() || poller.needsRebuild else { return }
        try rebuild()
    }

    /// Adds an entry.
    /// - Parameter isNew: the kernel has just given this number, so that no other entry can mean it.
    mutating func add(_ descriptor: Int32, _ kind: ConnectionKind, isNew: Bool = false) throws(IPCError) {
        try reserveEntry()
        roster.append(descriptor, kind)
        do throws(IPCError) {
            try admit(roster.count - 1, isNew: isNew)
        } catch {
            roster.abandonLast()
            throw error
        }
    }

    mutating func reserveEntry() throws(IPCError) {
        do throws(OutOfMemory) {
            try roster.reserve()
            try connections.reserve(roster.count + 1)
        } catch {
            throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "no memory for one more connection")
        }
    }

    /// Makes the connection behind the roster's entry `index`, which is the next without one.
    private mutating func admit(_ index: Int, isNew: Bool) throws(IPCError) {
        let descriptor = roster.descriptor(at: index)
        let kind = roster.kind(at: index)
        generation &+= 1
        var connection = Connection(Watch(descriptor, generation: generation))
        var admission = Admission.notOpen
        if descriptor >= 0 {
            connection.interest = .read
            admission = try poller.add(connection.watch, connection.interest)
        }
        if admission == .duplicate, isNew || positions[descriptor] == nil {
            // What the poller has is the registration of a descriptor that is gone.
            poller.remove(connection.watch)
            admission = try poller.add(connection.watch, connection.interest)
        }
        connection.isLive = admission == .watched || admission == .alwaysReady
        connection.isAlwaysReady = admission == .alwaysReady
        if connection.isLive { connection.identity = FileIdentity(descriptor: descriptor) }
        if connection.isLive, kind == .server, let path = roster.socketPath(at: index) {
            connection.socketFile = FileIdentity(path: path)
        }
        let isLive = connection.isLive
        do throws(OutOfMemory) {
            if isLive {
                try positions.reserve(descriptor)
                try Registry.shared.reserve(descriptor)
            }
            try connections.append(connection)
        } catch {
            if isLive { poller.remove(Watch(descriptor, generation: generation)) }
            throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "no memory for one more connection")
        }
        guard isLive else {
            strayCount += 1
            return
        }
        // Another entry with this number lost its descriptor behind our back.
        if let stale = positions[descriptor] { bury(stale) }
        positions[descriptor] = index
        if let held = Registry.shared.takeDetached(descriptor) { connections[index].inbox = held }
        Registry.shared.register(descriptor, context: address)
        if connections[index].isAlwaysReady || connections[index].inbox.mayHoldMessage {
            connections[index].isReadable = true
            enqueue(descriptor, .ready)
        }
    }

    /// The descriptor of a live entry is gone, the entry stays: nothing is kept for it any more.
    mutating func bury(_ index: Int) {
        let watch = connections[index].watch
        dropFrames(index)
        releaseWaiting(index)
        for queue in 0..<4 { dequeue(index, queue) }
        poller.forget(watch)
        positions[watch.descriptor] = nil
        Registry.shared.withdraw(watch.descriptor, context: address)
        connections[index].inbox = Inbox()
        connections[index].isLive = false
        strayCount += 1
    }

    /// Drops the entry; the last one moves into its place.
    /// - Parameter closing: closes its descriptor.
    mutating func remove(_ index: Int, closing: Bool) {
        let watch = connections[index].watch
        if connections[index].isLive {
            // After a fork a copy of the descriptor may live on, and keep the registration.
            if !closing || forks > 0 { poller.remove(watch) }
            bury(index)
            if closing { close(watch.descriptor) }
        }
        strayCount -= 1
        _ = connections.swapRemove(at: index)
        roster.swapRemove(at: index)
        if index < connections.count, connections[index].isLive {
            positions[connections[index].watch.descriptor] = index
        }
        if !closing, strayCount > 0 { revive(watch.descriptor) }
    }

    /// The same descriptor was in the set twice: its other entry is the live one from now on.
    private mutating func revive(_ descriptor: Int32) {
        guard descriptor >= 0, positions[descriptor] == nil, let index = position(of: descriptor) else { return }
        generation &+= 1
        var connection = Connection(Watch(descriptor, generation: generation))
        connection.interest = .read
        guard let admission = try? poller.add(connection.watch, connection.interest) else { return }
        connection.isAlwaysReady = admission == .alwaysReady
        guard admission == .watched || admission == .alwaysReady else { return }
        connections[index] = connection
        positions[descriptor] = index
        strayCount -= 1
        if admission == .alwaysReady { enqueue(descriptor, .ready) }
    }

    /// A new poller for the same connections: this process is a fork's child, or the old one reports what is gone.
    private mutating func rebuild() throws(IPCError) {
        var fresh = try Poller()
        for index in 0..<connections.count where connections[index].isLive && !connections[index].isAlwaysReady {
            _ = try fresh.add(connections[index].watch, connections[index].interest)
        }
        poller = fresh
        forks = libipc_forks()
    }

    /// What the poller is to report of this connection.
    func interest(of index: Int) -> Interest {
        if connections[index].toldHangUp { return .hungUp }
        return connections[index].isBlocked ? [.read, .write] : .read
    }

    /// Tells the poller what is wanted now, if that differs.
    mutating func rearm(_ index: Int, _ wanted: Interest) throws(IPCError) {
        guard connections[index].interest != wanted, !connections[index].isAlwaysReady else { return }
        try poller.update(connections[index].watch, from: connections[index].interest, to: wanted)
        connections[index].interest = wanted
    }

    // MARK: Queues

    mutating func enqueue(_ descriptor: Int32, _ queue: Queue) {
        let slot = queue.rawValue
        guard let index = positions[descriptor], !connections[index].links[slot].isLinked else { return }
        let tail = tails[slot]
        connections[index].links[slot] = Connection.Link(previous: tail, next: -1, isLinked: true)
        if let last = positions[tail] {
            connections[last].links[slot].next = descriptor
        } else {
            heads[slot] = descriptor
        }
        tails[slot] = descriptor
    }

    /// Takes the connection out of the queue, wherever in it it stands.
    mutating func dequeue(_ index: Int, _ slot: Int) {
        let link = connections[index].links[slot]
        guard link.isLinked else { return }
        connections[index].links[slot] = Connection.Link()
        if let before = positions[link.previous] {
            connections[before].links[slot].next = link.next
        } else {
            heads[slot] = link.next
        }
        if let after = positions[link.next] {
            connections[after].links[slot].previous = link.previous
        } else {
            tails[slot] = link.previous
        }
    }

    func isEmpty(_ queue: Queue) -> Bool { heads[queue.rawValue] < 0 }

    /// Takes the first out of the queue: its index.
    mutating func dequeueFirst(_ queue: Queue) -> Int? {
        guard let index = positions[heads[queue.rawValue]] else { return nil }
        dequeue(index, queue.rawValue)
        return index
    }
}
