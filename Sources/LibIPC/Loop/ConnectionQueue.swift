// ConnectionQueue.swift - connections in a queue, linked through themselves: each leaves from anywhere at the same cost.

struct ConnectionQueue {
    struct Link: BitwiseCopyable { var previous: ConnectionReference?, next: ConnectionReference? }

    /// Which of a connection's two links is this queue's. Queues may share one, if no connection is in both.
    enum Slot: Int { case reading, sending }

    private let slot: Slot
    private(set) var first: ConnectionReference?
    private var last: ConnectionReference?
    private(set) var count = 0

    init(_ slot: Slot) { self.slot = slot }

    @inline(__always) var isEmpty: Bool { first == nil }

    func following(_ connection: ConnectionReference) -> ConnectionReference? { connection.pointee.links[slot.rawValue].next }

    /// Whether the connection is in this queue. It is in no other queue of this slot.
    @inline(__always)
    func contains(_ connection: ConnectionReference) -> Bool {
        first == connection || connection.pointee.links[slot.rawValue].previous != nil
    }

    /// Adds a connection that is in no queue of this slot.
    @inline(__always)
    mutating func append(_ connection: ConnectionReference) {
        connection.pointee.links[slot.rawValue] = Link(previous: last, next: nil)
        if let last { last.pointee.links[slot.rawValue].next = connection } else { first = connection }
        last = connection
        count += 1
    }

    /// Removes a connection of this queue.
    @inline(__always)
    mutating func remove(_ connection: ConnectionReference) {
        let link = connection.pointee.links[slot.rawValue]
        connection.pointee.links[slot.rawValue] = Link()
        if let previous = link.previous { previous.pointee.links[slot.rawValue].next = link.next } else { first = link.next }
        if let next = link.next { next.pointee.links[slot.rawValue].previous = link.previous } else { last = link.previous }
        count -= 1
    }
}
