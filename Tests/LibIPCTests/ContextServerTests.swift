// ContextServerTests.swift - clients are accepted, and a server's socket file goes with it.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context server") struct ContextServerTests {
    let test: TestContext
    let place: Place

    init() throws {
        test = try TestContext()
        place = try Place()
    }

    /// A server in the context, which is known to be a socket, with a path as the view wants it.
    private func serve(_ name: String = "service") throws -> End {
        let server = try place.listen(name)
        test.keep(server)
        try test.context.pointee.add(server.number, .server, isSocket: true, socketPath: strdup(place[name]))
        return server
    }

    @Test("A client is told of by its own index and descriptor, and is spoken to by them")
    func connection() throws {
        let server = try serve()
        let client = try place.connect("service")
        try client.write(Frame("hello"))
        let event = try test.next()
        #expect(event.kind == .connection)
        #expect(event.index == 1)
        #expect(event.descriptor == test.descriptors.last)
        #expect(event.descriptor != server.number)
        let accepted = try End(event.descriptor)
        test.keep(accepted)
        #expect(try test.next() == .message(Frame("hello"), from: accepted))
        try test.write(Frame("welcome"), to: accepted)
        #expect(try test.next() == .sent(to: accepted))
        #expect(client.read() == Frame("welcome").bytes)
    }

    @Test("Clients that wait are accepted one after the other, and leave one after the other")
    func clients() throws {
        _ = try serve()
        let clients = try (0..<20).map { _ in try place.connect("service") }
        let accepted = try test.all()
        #expect(accepted.map(\.kind) == [Event.Kind](repeating: .connection, count: 20))
        #expect(accepted.map(\.index) == Array(1...20))
        #expect(Array(test.descriptors.dropFirst()) == accepted.map(\.descriptor))
        for client in clients { client.close() }
        let left = try test.all()
        #expect(left.map(\.kind) == [Event.Kind](repeating: .disconnection, count: 20))
        #expect(Set(left.map(\.descriptor)) == Set(accepted.map(\.descriptor)))
        #expect(test.descriptors.count == 1)
    }

    @Test("A client that has left already is accepted, and has left")
    func leftAlready() throws {
        _ = try serve()
        let client = try place.connect("service")
        try client.write(Frame("hello and goodbye"))
        client.close()
        let events = try test.all()
        #expect(events.map(\.kind) == [.connection, .message, .disconnection])
        #expect(test.descriptors.count == 1)
    }

    @Test("Closing a server takes its socket file along, and only its own")
    func closing() throws {
        let server = try serve("one")
        let other = try serve("two")
        #expect(unlink(place["two"]) == 0)
        let successor = try place.listen("two")
        try test.context.pointee.closeDescriptor(try test.connection(of: server))
        try test.context.pointee.closeDescriptor(try test.connection(of: other))
        #expect(!place.exists("one"))
        #expect(place.exists("two"))
        #expect(test.context.pointee.view.entries[0].socketPath == nil)
        #expect(test.descriptors.count == 2)
        let client = try place.connect("two")
        #expect(!client.isAlone)
        withExtendedLifetime(successor) {}
        #expect(throws: IPCError.self) { try place.connect("one") }
    }

    @Test("A server that goes without being closed leaves its socket file")
    func removed() throws {
        let server = try serve()
        test.context.pointee.remove(try test.connection(of: server), .released)
        #expect(server.isOpen)
        #expect(place.exists("service"))
    }

    @Test("A client that was accepted by hand is added, at its own index")
    func byHand() throws {
        let server = try serve()
        let client = try place.connect("service")
        let connection = try test.connection(of: server)
        let accepted = try End(try Socket.accept(on: server.number))
        test.keep(accepted)
        let event = try test.happening { context, event throws(IPCError) in
            try context.admit(accepted.number, of: connection, &event)
        }
        #expect(event == .connection(accepted))
        #expect(event.index == 1)
        #expect(!client.isAlone)
        #expect(try test.next() == .timer)
    }

    @Test("A program accepts by hand and is told of the client's index and descriptor")
    func byProgram() throws {
        let (program, server) = (Program(), try place.listen("service"))
        try program.add(server, IPC_CONNECTION_TYPE_SERVER)
        let client = try place.connect("service")
        let (type, index, descriptor) = try program.accept(on: 0)
        #expect(type == IPC_EVENT_TYPE_CONNECTION)
        #expect(index == 1)
        let accepted = try End(descriptor)
        try client.write(Frame("hello"))
        #expect(try Call.read(accepted.number) == Frame("hello"))
    }

    @Test("What is no listening socket fails once, not for ever")
    func notListening() throws {
        let wire = try Wire()
        try test.add(wire.near, .server)
        try wire.far.write([1])
        #expect(try test.next() == .error(wire.near, IPC_ERROR_NONE))
        #expect(try test.next() == .timer)
    }
}
