// Context+Entries.swift - what a program changes about an entry: its type, its pair, its descriptor.

import CLibIPC

extension Context where Entries: ~Copyable {
    mutating func setKind(_ kind: ConnectionKind, at index: Int) throws(IPCError) {
        roster.setKind(kind, at: index)
        try refresh(roster.descriptor(at: index))
    }

    /// Ties two descriptors into a pair.
    mutating func tie(_ first: Int32, _ second: Int32) throws(IPCError) {
        do throws(OutOfMemory) { try roster.pair(first, second) } catch {
            throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "no memory for one more pair")
        }
        try refresh(first)
        try refresh(second)
    }

    /// What the poller is to report may have changed: asks for it, and looks at the descriptor again.
    mutating func refresh(_ descriptor: Int32) throws(IPCError) {
        guard let index = positions[descriptor] else { return }
        connections[index].toldHangUp = false
        try rearm(index, interest(of: index))
        if connections[index].isReadable || connections[index].inbox.mayHoldMessage { enqueue(descriptor, .ready) }
    }

    /// Closes the descriptor of an entry that stays. An external one is its program's: only the queue goes.
    mutating func closeDescriptor(_ index: Int) throws(IPCError) {
        let descriptor = roster.descriptor(at: index)
        if roster.kind(at: index) == .external { return dropFrames(index) }
        guard connections[index].isLive else {
            throw IPCError(IPC_ERROR_USOCK_CLOSE, "close", .descriptor(descriptor), systemError: EBADF)
        }
        if let path = roster.socketPath(at: index) {
            // While this socket listens nobody else takes its name: so the file goes first.
            if let file = connections[index].socketFile, file == FileIdentity(path: path) { unlink(path) }
            roster.dropSocketPath(at: index)
        }
        if forks > 0 { poller.remove(connections[index].watch) }
        bury(index)
        try Socket.close(descriptor: descriptor)
    }
}
