// Context+Closing.swift - closing all descriptors of a context, without a call of malloc(3) or free(3).
//
// A signal handler may close everything, also one that has interrupted malloc(3) (threads.c). Frames and paths that are done
// with wait in the context, and in connections that are not live any more, until the next call frees them.

extension Context where Entries: ~Copyable {
    /// Closes all that is open. Takes no memory and frees none, because a signal handler may do it anywhere: the next call frees it.
    mutating func closeAll() {
        // Of entries that the program has filled by hand no call has taken notice yet. Only for those memory is needed.
        if connections.count < roster.count { try? catchUp() }
        keepsMemory = true
        // What is closed already stays closed: that is success.
        for index in 0..<connections.count { try? closeDescriptor(connections[index]) }
        closePoller()
        (keepsMemory, hasKeptMemory) = (false, true)
        // Differs from what it was, in the half that a fork does not change.
        changes ^= 1
    }

    /// Nothing is left in the connection but memory.
    mutating func empty(_ connection: ConnectionReference) {
        while let frame = connection.pointee.channel.outbox.takePending() { OutboundFrame.drop(frame, keeping: &dropped) }
        connection.pointee.channel.inbox.closePassed()
    }

    /// What `closeAll` has left.
    mutating func freeWhatIsClosed() {
        hasKeptMemory = false
        dropped = Outbox()
        for index in 0..<connections.count where !connections[index].pointee.isLive {
            connections[index].pointee.channel = Channel(connections[index].pointee.number)
        }
    }
}
