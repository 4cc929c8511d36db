// Context+Closing.swift - closes all descriptors of a context without malloc(3) and free(3).
//
// A signal handler may close everything, also one that has interrupted malloc(3) (handlers.c). Frames, streams and paths that are no
// longer needed stay in the context until the next call frees them.

extension Context where View: ~Copyable {
    /// Closes all that is open, also what this thread's last events have told the end of. It allocates and frees no memory, because a
    /// signal handler may call it anywhere; the next call frees it.
    mutating func closeAll() {
        // Adds entries that the program has filled in by hand since the last call. Only these need memory.
        if connections.count < view.count { try? catchUp() }
        keepsMemory = true
        // Closing a closed entry is a success.
        for index in 0..<connections.count { try? closeDescriptor(connections[index]) }
        leases.find(libipc_this_thread())?.pointee.closeAll()
        closePoller()
        (keepsMemory, hasKeptMemory) = (false, true)
        noticeLater()
    }

    /// Keeps the stream, which nobody owns any more, in a list.
    mutating func keepMemory(of stream: StreamReference) {
        stream.pointee.inbox.closePassed()
        stream.changeOwner(to: monitor, keptStreams)
        keptStreams = stream
    }

    /// Frees what `closeAll` has left.
    mutating func freeWhatIsClosed() {
        hasKeptMemory = false
        dropped = Outbox()
        while let stream = keptStreams {
            keptStreams = stream.pointee.connection?.assumingMemoryBound(to: Stream.self)
            Stream.destroy(stream)
        }
    }
}
