// LineTests.swift - connections in line: each once, in the order in which they came, and out from anywhere.

import Testing

@testable import LibIPC

@Suite("ConnectionQueue") struct LineTests {
    /// Connections that stand for nothing, and a line for them.
    private final class Queue {
        var line = ConnectionQueue(slot: 0)
        let connections: [ConnectionReference]

        init(_ count: Int) throws {
            connections = try (0..<count).map {
                try Connection.make(Connection(Channel(-1), index: $0, owner: DescriptorTable.stripe(of: -1)))
            }
        }

        deinit { for connection in connections { Connection.destroy(connection) } }

        func append(_ numbers: Int...) { for number in numbers { line.append(connections[number]) } }
        func remove(_ number: Int) { line.remove(connections[number]) }

        /// Who stands in line, from the first on.
        var order: [Int] {
            var order: [Int] = []
            var next = line.first
            while let connection = next, order.count <= connections.count {
                order.append(connection.pointee.index)
                next = line.following(connection)
            }
            return order
        }
    }

    @Test("Nobody stands in a new line")
    func empty() {
        var line = ConnectionQueue(slot: 0)
        #expect(line.isEmpty)
        #expect(line.first == nil)
        #expect(line.takeFirst() == nil)
    }

    @Test("The first to come is the first to go")
    func order() throws {
        let queue = try Queue(3)
        queue.append(2, 0, 1)
        #expect(queue.order == [2, 0, 1])
        #expect(queue.line.takeFirst() == queue.connections[2])
        #expect(queue.line.takeFirst() == queue.connections[0])
        #expect(queue.line.isEmpty == false)
        #expect(queue.line.takeFirst() == queue.connections[1])
        #expect(queue.line.isEmpty)
        #expect(queue.line.takeFirst() == nil)
    }

    @Test("Who stands in line already keeps the place")
    func twice() throws {
        let queue = try Queue(3)
        queue.append(0, 1, 0, 1, 2, 2)
        #expect(queue.order == [0, 1, 2])
    }

    @Test("Who leaves leaves the others in order, from the front, the middle or the end", arguments: 0..<4)
    func remove(number: Int) throws {
        let queue = try Queue(4)
        queue.append(0, 1, 2, 3)
        queue.remove(number)
        #expect(queue.order == [0, 1, 2, 3].filter { $0 != number })
        queue.append(number)
        #expect(queue.order == [0, 1, 2, 3].filter { $0 != number } + [number])
    }

    @Test("Leaving twice, or without having been there, disturbs nobody")
    func removeAbsent() throws {
        let queue = try Queue(3)
        queue.remove(0)
        #expect(queue.line.isEmpty)
        queue.append(0, 1)
        queue.remove(2)
        queue.remove(0)
        queue.remove(0)
        #expect(queue.order == [1])
        queue.remove(1)
        #expect(queue.line.isEmpty)
        queue.append(2)
        #expect(queue.order == [2])
    }

    @Test("Lines of different slots know nothing of each other")
    func slots() throws {
        let queue = try Queue(2)
        var other = ConnectionQueue(slot: 3)
        queue.append(0, 1)
        other.append(queue.connections[1])
        other.append(queue.connections[0])
        queue.remove(0)
        #expect(queue.order == [1])
        #expect(other.takeFirst() == queue.connections[1])
        #expect(other.takeFirst() == queue.connections[0])
        #expect(queue.order == [1])
    }
}
