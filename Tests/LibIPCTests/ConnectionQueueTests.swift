// ConnectionQueueTests.swift - connections in a queue: in the order in which they came, and out from anywhere.

import Testing

@testable import LibIPC

@Suite("ConnectionQueue") struct ConnectionQueueTests {
    /// Connections that stand for nothing, and a queue for them.
    private final class Room {
        var queue = ConnectionQueue(.reading)
        let connections: [ConnectionReference]

        init(_ count: Int) throws { connections = try (0..<count).map { try Connection.make(-1, generation: 0, index: $0) } }

        deinit { for connection in connections { Connection.destroy(connection) } }

        func append(_ numbers: Int...) { for number in numbers { queue.append(connections[number]) } }
        func remove(_ number: Int) { queue.remove(connections[number]) }
        func contains(_ number: Int) -> Bool { queue.contains(connections[number]) }
        var order: [Int] { Room.order(of: queue, connections.count) }

        /// Who is in the queue, from the first on; the queue's own count agrees.
        static func order(of queue: ConnectionQueue, _ limit: Int) -> [Int] {
            var order: [Int] = []
            var next = queue.first
            while let connection = next, order.count <= limit {
                order.append(connection.pointee.index)
                next = queue.following(connection)
            }
            #expect(queue.count == order.count)
            #expect(queue.isEmpty == order.isEmpty)
            return order
        }
    }

    @Test("Nobody is in a new queue")
    func empty() throws {
        let room = try Room(1)
        #expect(room.queue.isEmpty)
        #expect(room.queue.first == nil)
        #expect(room.queue.count == 0)
        #expect(!room.contains(0))
    }

    @Test("The first to come is the first to go")
    func order() throws {
        let room = try Room(3)
        room.append(2, 0, 1)
        #expect(room.order == [2, 0, 1])
        for number in [2, 0, 1] {
            #expect(room.queue.first == room.connections[number])
            room.remove(number)
        }
        #expect(room.order == [])
    }

    @Test("A queue knows who is in it: at the front, in the middle, at the end, alone", arguments: 1...4)
    func contains(count: Int) throws {
        let room = try Room(count)
        for number in 0..<count {
            #expect(!room.contains(number))
            room.append(number)
        }
        for number in 0..<count { #expect(room.contains(number)) }
        for number in 0..<count {
            room.remove(number)
            #expect(!room.contains(number))
        }
    }

    @Test("Who leaves leaves the others in order, from the front, the middle or the end", arguments: 0..<4)
    func remove(number: Int) throws {
        let room = try Room(4)
        room.append(0, 1, 2, 3)
        room.remove(number)
        #expect(room.order == [0, 1, 2, 3].filter { $0 != number })
        room.append(number)
        #expect(room.order == [0, 1, 2, 3].filter { $0 != number } + [number])
    }

    @Test("Who follows is known before somebody goes, so that a queue can be gone through while it changes")
    func following() throws {
        let room = try Room(4)
        room.append(0, 1, 2, 3)
        var (next, seen): (ConnectionReference?, [Int]) = (room.queue.first, [])
        while let connection = next {
            next = room.queue.following(connection)
            seen.append(connection.pointee.index)
            room.queue.remove(connection)
        }
        #expect(seen == [0, 1, 2, 3])
        #expect(room.order == [])
    }

    @Test("Queues of different slots know nothing of each other")
    func slots() throws {
        let room = try Room(2)
        var other = ConnectionQueue(.sending)
        room.append(0, 1)
        for number in [1, 0] { other.append(room.connections[number]) }
        room.remove(0)
        #expect(room.order == [1])
        #expect(Room.order(of: other, 2) == [1, 0])
        other.remove(room.connections[1])
        #expect(Room.order(of: other, 2) == [0])
        #expect(room.order == [1])
    }

    @Test("Queues can share a slot for connections that are in one of them at a time")
    func sharedSlot() throws {
        let room = try Room(4)
        var other = ConnectionQueue(.reading)
        room.append(0, 1, 2, 3)
        for number in [1, 3] {
            room.remove(number)
            other.append(room.connections[number])
        }
        #expect(room.order == [0, 2])
        #expect(Room.order(of: other, 4) == [1, 3])
        other.remove(room.connections[1])
        room.append(1)
        #expect(room.order == [0, 2, 1])
        #expect(Room.order(of: other, 4) == [3])
    }

    @Test("Random changes leave the order of an array", arguments: seeds)
    func random(seed: UInt64) throws {
        var generator = Seeded(seed)
        let room = try Room(8)
        var model: [Int] = []
        for _ in 0..<2000 {
            let number = Int.random(in: 0..<8, using: &generator)
            #expect(room.contains(number) == model.contains(number))
            if let place = model.firstIndex(of: number) {
                room.remove(number)
                model.remove(at: place)
            } else {
                room.append(number)
                model.append(number)
            }
            #expect(room.order == model, "seed \(seed)")
        }
    }
}
