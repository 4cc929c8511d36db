// ContextEntriesTests.swift - entries come and go with descriptors, and sometimes without them: closed unseen.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Context entries") struct ContextEntriesTests {
    let test: TestContext

    init() throws { test = try TestContext() }

    @Test("An entry that goes leaves its place to the last one, and its descriptor open")
    func remove() throws {
        let wires = try (0..<4).map { _ in try test.connect() }
        test.context.pointee.remove(try test.connection(of: wires[1].near), .released)
        #expect(test.descriptors == [0, 3, 2].map { wires[$0].near.number })
        #expect(!test.has(wires[1].near))
        #expect(wires[1].near.isOpen)
        for wire in wires { try wire.far.write(Frame("to \(wire.near.number)")) }
        let events = try test.all()
        #expect(
            Dictionary(uniqueKeysWithValues: events.map { ($0.descriptor, $0.index) }) == [
                wires[0].near.number: 0, wires[3].near.number: 1, wires[2].near.number: 2,
            ])
    }

    @Test("An entry that goes with its descriptor closes that")
    func removeClosing() throws {
        let wire = try test.connect()
        test.context.pointee.remove(try test.connection(of: wire.near), .closed)
        #expect(wire.far.isAlone)
        #expect(test.descriptors == [])
    }

    @Test("A context that ends closes nothing, and what it had read ahead stays for the next reader")
    func ends() throws {
        let wire = try Wire()
        do {
            let other = try TestContext()
            try other.add(wire.near)
            try wire.far.write(Frame("told"), Frame("read ahead"))
            #expect(try other.next() == .message(Frame("told"), from: wire.near))
        }
        #expect(wire.near.isOpen)
        #expect(DescriptorTable.left(wire.near.number) != nil)
        try test.add(wire.near)
        #expect(try test.all() == [.message(Frame("read ahead"), from: wire.near)])
    }

    @Test("A first entry that is known to be a socket is heard, and so is one that comes behind it")
    func knownSocket() throws {
        let wires = try (0..<2).map { _ in try Wire() }
        for (wire, isSocket) in zip(wires, [true, false]) {
            test.keep(wire.near)
            try test.context.pointee.add(wire.near.number, .ipc, isSocket: isSocket)
            try wire.far.write(Frame("to \(wire.near.number)"))
        }
        #expect(try test.all() == wires.map { .message(Frame("to \($0.near.number)"), from: $0.near) })
    }

    @Test("Entries that a program fills by hand count from the next call on")
    func byHand() throws {
        let wire = try Wire()
        try wire.far.write(Frame("hello"))
        test.context.pointee.view.append(wire.near.number, .ipc, nil)
        #expect(!test.has(wire.near))
        #expect(try test.next() == .message(Frame("hello"), from: wire.near))
    }

    @Test("A type that a program changes counts when the next event is looked for")
    func kindChanges() throws {
        let wire = try test.connect()
        test.context.pointee.view.setKind(.external, at: 0)
        try wire.far.write(Frame("raw"))
        #expect(try test.next() == .readable(wire.near))
        test.context.pointee.setKind(.ipc, of: try test.connection(of: wire.near))
        #expect(try test.all() == [.message(Frame("raw"), from: wire.near)])
    }

    // MARK: External descriptors

    @Test("The end of an external stream is readable, as poll(2) says it, for as long as it is watched")
    func externalEnd() throws {
        let wire = try test.connect(.external)
        wire.far.close()
        for _ in 1...3 {
            #expect(try test.next() == .readable(wire.near))
            #expect(wire.near.read() == [])
        }
        #expect(test.has(wire.near))
    }

    @Test("An external pipe that hung up is told of once, when it has been read")
    func externalHangUp() throws {
        let wire = try test.connect(.external, .pipe)
        try wire.far.write([1, 2])
        wire.far.close()
        for _ in 1...2 { #expect(try test.next() == .readable(wire.near)) }
        #expect(wire.near.read() == [1, 2])
        #expect(try test.all() == [.disconnection(wire.near)])
        #expect(test.has(wire.near))
        #expect(wire.near.isOpen)
    }

    @Test("An external pipe that hung up is told of again when it gets a type anew")
    func externalAnew() throws {
        let wire = try test.connect(.external, .pipe)
        wire.far.close()
        for _ in 1...3 {
            #expect(try test.all() == [.disconnection(wire.near)])
            test.context.pointee.setKind(.external, of: try test.connection(of: wire.near))
        }
    }

    @Test("A FIFO that got a new writer is told of again")
    func externalFIFO() throws {
        let place = try Place()
        #expect(mkfifo(place["fifo"], 0o600) == 0)
        // One that reads and writes is there at once, and so is a reader beside it.
        let both = try place.open("fifo", "r+")
        let reader = try place.open("fifo", "r")
        both.close()
        try test.add(reader, .external)
        try place.open("fifo", "w").write([1])
        #expect(try test.next() == .readable(reader))
        #expect(reader.read() == [1])
        #expect(try test.all() == [.disconnection(reader)])
        let writer = try place.open("fifo", "w")
        try writer.write([2])
        #expect(try test.next() == .readable(reader))
        #expect(reader.read() == [2])
        #expect(try test.all() == [])
        writer.close()
        #expect(try test.all() == [.disconnection(reader)])
    }

    @Test("A regular file is always ready, in turn with the others")
    func regularFile() throws {
        let (file, wire) = (try End.temporaryFile("text"), try test.connect())
        try test.add(file, .external)
        for _ in 1...3 { #expect(try test.next() == .readable(file)) }
        try wire.far.write(Frame("hello"))
        let events = try (0..<30).map { _ in try test.next() }
        #expect(events.filter { $0 == .message(Frame("hello"), from: wire.near) }.count == 1)
        #expect(events.filter { $0 == .readable(file) }.count == 29)
    }

    @Test("What is written to an external descriptor arrives there", arguments: [true, false])
    func externalWrite(isSocket: Bool) throws {
        let wire = try Wire(isSocket ? .socket : .pipe)
        try test.add(wire.far, .external)
        try test.write(Frame("out"), to: wire.far)
        #expect(try test.all() == [.sent(to: wire.far)])
        #expect(wire.near.read() == Frame("out").bytes)
    }

    // MARK: Closing

    @Test("Closing leaves the entry, and is an error the second time")
    func closeDescriptor() throws {
        let wire = try test.connect()
        try test.write(Frame("offered"), to: wire.near)
        let connection = try test.connection(of: wire.near)
        try test.context.pointee.closeDescriptor(connection)
        #expect(wire.far.read() == Frame("offered").bytes)
        #expect(wire.far.isAlone)
        #expect(test.queued == [])
        #expect(test.descriptors == [wire.near.number])
        let error = #expect(throws: IPCError.self) { try test.context.pointee.closeDescriptor(connection) }
        #expect(error?.code == IPC_ERROR_USOCK_CLOSE)
        #expect(try test.next() == .timer)
    }

    @Test("An external descriptor is its program's to close")
    func closeExternal() throws {
        let wire = try test.connect(.external)
        try test.write(Frame("dropped"), to: wire.near)
        try test.context.pointee.closeDescriptor(try test.connection(of: wire.near))
        #expect(wire.near.isOpen)
        #expect(test.queued == [])
        try wire.far.write([1])
        #expect(try test.next() == .readable(wire.near))
    }

    // MARK: Descriptors that are not what they were

    @Test("A number that is no open descriptor is an entry without events", arguments: [-1, .min, .max] as [Int32])
    func notOpen(number: Int32) throws {
        let wire = try test.connect()
        try? test.context.pointee.add(number, .ipc)
        try wire.far.write(Frame("hello"))
        #expect(try test.all() == [.message(Frame("hello"), from: wire.near)])
    }

    @Test("A descriptor that was closed unseen gives no events, and cannot be written to for ever")
    func closedUnseen() throws {
        let (wire, other) = (try Wire(), try test.connect())
        let end = try wire.near.moved()
        try test.add(end)
        end.close()
        #expect(try test.all() == [])
        try other.far.write(Frame("hello"))
        #expect(try test.all() == [.message(Frame("hello"), from: other.near)])
        test.context.pointee.remove(try test.connection(of: end), .released)
        #expect(test.descriptors == [other.near.number])
    }

    @Test("A descriptor that was closed here and lives elsewhere is told of once at most")
    func livesElsewhere() throws {
        let (wire, other) = (try Wire(), try test.connect())
        let end = try wire.near.moved()
        let copy = try End(dup(end.number))
        try test.add(end)
        end.close()
        try wire.far.write(Frame("for the copy"))
        try other.far.write(Frame("hello"))
        let events = try test.all()
        #expect(events.contains(.message(Frame("hello"), from: other.near)))
        #expect(events.count <= 2)
        #expect(copy.read() == Frame("for the copy").bytes)
    }
}
