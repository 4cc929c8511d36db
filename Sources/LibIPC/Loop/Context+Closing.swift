// Context+Closing.swift - closes all descriptors of a context without malloc(3) and free(3).
//
// A signal handler may close everything, also one that has interrupted malloc(3) (threads.c). Frames and paths that are no longer
// needed stay in the context and its dead connections until the next call frees them.

extension Context where Entries: ~Copyable {
    /// Closes all that is open. It allocates and frees no memory, because a signal handler may call it anywhere; the next call
    /// frees it.
    mutating func closeAll() {
        // Adds entries that the program has filled in by hand since the last call. Only these need memory.
        if connections.count < view.count { try? catchUp() }
        keepsMemory = true
        // Closing a closed entry is a success.
        for index in 0..<connections.count { try? closeDescriptor(connections[index]) }
        closePoller()
        (keepsMemory, hasKeptMemory) = (false, true)
        // Makes the next call notice a change: a value in the half that a fork does not change.
        changes ^= 1
    }

    /// Closes the connection's descriptor; only its memory is left.
    mutating func empty(_ connection: ConnectionReference) {
        while let frame = connection.pointee.channel.outbox.takePending() { OutboundFrame.drop(frame, keeping: &dropped) }
        connection.pointee.channel.inbox.closePassed()
    }

    /// Frees what `closeAll` has left.
    mutating func freeWhatIsClosed() {
        hasKeptMemory = false
        dropped = Outbox()
        for index in 0..<connections.count where !connections[index].pointee.isLive {
            connections[index].pointee.channel = Channel(connections[index].pointee.number)
        }
    }
}
