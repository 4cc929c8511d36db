// Settings.swift - what a program has set for a context: limits, and events that it does not want. All last until it frees the context.
// The limit of ipc_ctx_queue_limit, which ends with the last entry, is in Context.

struct Settings: BitwiseCopyable {
    /// The program has set something.
    private(set) var isSet = false
    /// Events that the program is not told of: a bit for each number of `Event.Kind`.
    private var quiet: UInt32 = 0
    /// Limits of one receiver's queue: bytes (nil: the default), and messages.
    private(set) var queueBytes: Int?, queueMessages = UInt32.max
    /// Limits of accepted connections: of all, and of those of one user.
    private(set) var connections = Int.max, connectionsOfUser = Int.max
    /// How long ipc_connection may wait, in milliseconds; nil: the default.
    private(set) var connectTime: Int32?

    /// Whether the program is told of events of this kind.
    @inline(__always)
    func tells(_ kind: Event.Kind) -> Bool { quiet & (1 << kind.rawValue) == 0 }

    mutating func leaveOut(_ kinds: UInt32) { (quiet, isSet) = (kinds, true) }

    /// The contract's numbers (ipc_ctx_limit).
    enum Limit: UInt32 { case frame, queueBytes, queueMessages, connections, connectionsOfUser, connectTime }

    /// - Parameter value: nil: the default.
    /// - Returns: false: the value is out of range. The limit of frames is the buffer pool's, which receives them.
    mutating func set(_ limit: Limit, to value: Int?) -> Bool {
        isSet = true
        switch limit {
        case .frame: return false
        case .queueBytes: queueBytes = value
        case .queueMessages: queueMessages = value.map { UInt32(clamping: $0) } ?? UInt32.max
        case .connections: connections = value ?? Int.max
        case .connectionsOfUser: connectionsOfUser = value ?? Int.max
        case .connectTime:
            guard let value else { connectTime = nil; return true }
            guard value <= Int32.max else { return false }
            connectTime = Int32(value)
        }
        return true
    }
}

extension Context where View: ~Copyable {
    /// Changes which events are told. Without TX frames that were sent already are not told either.
    mutating func leaveOut(_ kinds: UInt32) {
        settings.leaveOut(kinds)
        if settings.tells(.sent) { return }
        for index in 0..<connections.count where connections[index].pointee.untold > 0 {
            connections[index].pointee.untold = 0
            requeue(connections[index])
        }
        untold = 0
    }
}
