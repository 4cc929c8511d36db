// PollerTests.swift - readiness, with whichever poller is built: what each must offer, by Poller.swift. The few things that one
// system can do and another cannot stand at the end.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Poller") struct PollerTests {
    // MARK: Readiness

    @Test("A descriptor is readable as long as there is something to read", arguments: Wire.Kind.allCases)
    func readable(kind: Wire.Kind) throws {
        let (lookout, wire) = (try Lookout(), try Wire(kind))
        #expect(try lookout.add(wire.near) == .watched)
        #expect(try lookout.signs(of: wire.near) == nil)
        try wire.far.write([1, 2, 3])
        for _ in 1...3 { #expect(try lookout.signs(of: wire.near) == [.readable]) }
        #expect(End.read(2, from: wire.near.number) == [1, 2])
        #expect(try lookout.signs(of: wire.near) == [.readable])
        #expect(wire.near.read() == [3])
        #expect(try lookout.signs(of: wire.near) == nil)
    }

    @Test("A descriptor is writable when that was asked for and there is room")
    func writable() throws {
        let (lookout, wire) = (try Lookout(), try Wire(blocks: false))
        wire.near.shrinkSendBuffer()
        try lookout.add(wire.near)
        #expect(try lookout.signs(of: wire.near) == nil)
        lookout.update(wire.near, [.read, .write])
        for _ in 1...2 { #expect(try lookout.signs(of: wire.near) == [.writable]) }
        while write(wire.near.number, pattern(1024), 1024) > 0 {}
        #expect(try lookout.signs(of: wire.near) == nil)
        try wire.far.write([1])
        #expect(try lookout.signs(of: wire.near) == [.readable])
        _ = wire.far.read()
        #expect(try lookout.signs(of: wire.near) == [.readable, .writable])
        lookout.update(wire.near, .read)
        #expect(try lookout.signs(of: wire.near) == [.readable])
    }

    @Test("A hang-up shows, with what can be read before it", arguments: Wire.Kind.allCases)
    func hungUp(kind: Wire.Kind) throws {
        let (lookout, wire) = (try Lookout(), try Wire(kind))
        try lookout.add(wire.near)
        try wire.far.write([1])
        wire.far.close()
        #expect(try lookout.signs(of: wire.near) == [.readable, .hungUp])
        #expect(wire.near.read() == [1])
        // A socket stays readable: what it gives is its end.
        for _ in 1...2 { #expect(try lookout.signs(of: wire.near)?.contains(.hungUp) == true) }
    }

    @Test("An end that was only shut down is readable, not hung up")
    func shutDown() throws {
        let (lookout, wire) = (try Lookout(), try Wire())
        try lookout.add(wire.near)
        shutdown(wire.far.number, Int32(SHUT_WR))
        #expect(try lookout.signs(of: wire.near) == [.readable])
    }

    @Test("More may be ready than one call reports: all are named, none twice in a call")
    func many() throws {
        let lookout = try Lookout()
        let wires = try (0..<150).map { _ in try Wire() }
        for wire in wires {
            try lookout.add(wire.near)
            try wire.far.write([1])
        }
        var waiting = Set(wires.map(\.near.number))
        for _ in 1...150 where !waiting.isEmpty {
            let named = try lookout.look().map(\.registration.descriptor)
            #expect(!named.isEmpty)
            #expect(Set(named).count == named.count)
            // They stay ready: a poller that begins with the same ones each time would never come to the others.
            waiting.subtract(named)
        }
        #expect(waiting == [])
    }

    @Test("Looking at nothing finds nothing")
    func nothing() throws {
        let lookout = try Lookout()
        #expect(try lookout.look().isEmpty)
        #expect(try lookout.look(1).isEmpty)
        #expect(lookout.poller.needsRebuild == false)
    }

    @Test("A poller that begins idle, if this system has such, needs to be rebuilt, and admits what it is told is open")
    func idle() throws {
        let (lookout, wire) = (try Lookout(), try Wire())
        #expect(lookout.poller.isIdle == false)
        lookout.poller = Poller(idle: true)
        #expect(lookout.poller.needsRebuild == lookout.poller.isIdle)
        #expect(try lookout.add(wire.near) == .watched)
        lookout.update(wire.near, [.read, .write])
        lookout.remove(wire.near)
        #expect(lookout.poller.needsRebuild == lookout.poller.isIdle)
    }

    // MARK: Registrations

    @Test("What is reported carries the registration that it was watched as")
    func generation() throws {
        let (lookout, wire) = (try Lookout(), try Wire())
        try lookout.add(wire.near, generation: .max)
        try wire.far.write([1])
        #expect(try lookout.look().map(\.registration) == [Registration(descriptor: wire.near.number, generation: .max)])
    }

    @Test("A descriptor that was removed can be watched anew, as another registration")
    func anew() throws {
        let (lookout, wire) = (try Lookout(), try Wire())
        #expect(try lookout.add(wire.near) == .watched)
        try wire.far.write([1])
        #expect(try lookout.look().map(\.registration.generation) == [1])
        lookout.remove(wire.near)
        #expect(try lookout.signs(of: wire.near) == nil)
        #expect(try lookout.add(wire.near, generation: 2) == .watched)
        #expect(try lookout.look().map(\.registration.generation) == [2])
    }

    @Test("Removing one leaves the others", arguments: 0..<3)
    func remove(number: Int) throws {
        let lookout = try Lookout()
        let wires = try (0..<3).map { _ in try Wire() }
        for wire in wires {
            try lookout.add(wire.near)
            try wire.far.write([1])
        }
        lookout.remove(wires[number].near)
        lookout.remove(wires[number].near)
        var left = Set(wires.map(\.near.number))
        left.remove(wires[number].near.number)
        #expect(try Set(lookout.look().map(\.registration.descriptor)) == left)
    }

    @Test("A number that is no open descriptor is not watched")
    func notOpen() throws {
        let (lookout, end) = (try Lookout(), try Wire().near.moved())
        end.close()
        #expect(try lookout.add(end) == .notOpen)
        #expect(try lookout.look().isEmpty)
    }

    @Test("A descriptor that was closed unseen says nothing more, and its number can be watched again")
    func closedUnseen() throws {
        let (lookout, wire) = (try Lookout(), try Wire())
        let end = try wire.near.moved()
        try lookout.add(end)
        end.close()
        for _ in 1...2 { #expect(try lookout.look().isEmpty) }
        lookout.remove(end)
        let other = try Wire()
        let again = try other.near.replacing(end)
        #expect(try lookout.add(again, generation: 2) == .watched)
        try other.far.write([1])
        #expect(try lookout.look().map(\.registration) == [Registration(descriptor: again.number, generation: 2)])
    }

    @Test("A number that means another file by now can be watched for it, though nobody removed the first")
    func reused() throws {
        let (lookout, wire, other) = (try Lookout(), try Wire(), try Wire())
        let end = try wire.near.moved()
        try lookout.add(end)
        let again = try other.near.replacing(end)
        #expect(try lookout.add(again, generation: 2) == .watched)
        try other.far.write([1])
        // Should the first be named too, it shows by its registration.
        let generations = try lookout.look().map(\.registration.generation)
        #expect(generations == [2] || Set(generations) == [1, 2] && generations.count == 2)
    }

    // MARK: Interest

    @Test("What nobody wants is not reported, until somebody does")
    func unwanted() throws {
        let (lookout, wire) = (try Lookout(), try Wire())
        try lookout.add(wire.near)
        try wire.far.write([1])
        lookout.update(wire.near, [])
        for _ in 1...2 { #expect(try lookout.signs(of: wire.near) == nil) }
        lookout.update(wire.near, .write)
        #expect(try lookout.signs(of: wire.near) == [.writable])
        lookout.update(wire.near, .read)
        #expect(try lookout.signs(of: wire.near) == [.readable])
    }

    @Test("A hang-up that nobody wants is reported once at most")
    func unwantedHangUp() throws {
        let (lookout, wire) = (try Lookout(), try Wire())
        try lookout.add(wire.near)
        wire.far.close()
        lookout.update(wire.near, [])
        _ = try lookout.look()
        for _ in 1...3 { #expect(try lookout.signs(of: wire.near) == nil) }
        lookout.update(wire.near, .read)
        #expect(try lookout.signs(of: wire.near)?.contains(.hungUp) == true)
    }

    // MARK: What differs from one system to the other

    #if !POLLER_POLL
    @Test("A regular file is always ready, and not watched")
    func regularFile() throws {
        let (lookout, file) = (try Lookout(), try End.temporaryFile())
        #expect(try lookout.add(file) == .alwaysReady)
        #expect(try lookout.look().isEmpty)
    }

    #if !POLLER_KQUEUE
    @Test("epoll goes on reporting a descriptor that lives under another number: it shows by its registration")
    func stale() throws {
        let (lookout, wire, other) = (try Lookout(), try Wire(), try Wire())
        let end = try wire.near.moved()
        try lookout.add(end)
        let copy = try End(dup(end.number))
        let again = try other.near.replacing(end)
        #expect(try lookout.add(again, generation: 2) == .watched)
        try wire.far.write([1])
        #expect(try lookout.look().map(\.registration) == [Registration(descriptor: again.number, generation: 1)])
        copy.close()
        #expect(try lookout.look().isEmpty)
    }

    #else
    @Test("kqueue forgets a number that was closed, although the descriptor lives under another number")
    func stale() throws {
        let (lookout, wire, other) = (try Lookout(), try Wire(), try Wire())
        let end = try wire.near.moved()
        try lookout.add(end)
        let copy = try End(dup(end.number))
        let again = try other.near.replacing(end)
        try wire.far.write([1])
        #expect(try lookout.look().isEmpty)
        try other.far.write([1])
        #expect(try lookout.look().isEmpty)
        #expect(lookout.poller.confirm(Registration(descriptor: end.number, generation: 1), .read) == .otherFile)
        #expect(try lookout.add(again, generation: 2) == .watched)
        #expect(try lookout.look().map(\.registration) == [Registration(descriptor: again.number, generation: 2)])
        copy.close()
    }

    @Test("kqueue reports the end of a pipe that nobody reads to one who waits for room")
    func pipeWithoutReader() throws {
        let lookout = try Lookout()
        var ends: (Int32, Int32) = (-1, -1)
        _ = withUnsafeMutableBytes(of: &ends) { pipe($0.baseAddress?.assumingMemoryBound(to: Int32.self)) }
        let (reader, writer) = (try End(ends.0), try End(ends.1))
        try lookout.add(writer)
        reader.close()
        lookout.update(writer, .write)
        #expect(lookout.poller.needsRebuild == false)
        #expect(try lookout.signs(of: writer)?.contains(.hungUp) == true)
        #expect(try lookout.signs(of: writer) == nil)
    }
    #endif

    @Test("A descriptor that was closed cannot be changed, and the poller says so")
    func needsRebuild() throws {
        let (lookout, end) = (try Lookout(), try Wire().near.moved())
        try lookout.add(end)
        end.close()
        #expect(lookout.poller.needsRebuild == false)
        lookout.update(end, [.read, .write])
        #expect(lookout.poller.needsRebuild == true)
    }

    /// Asks for one descriptor alone. Returns what is reported of it.
    private func askOnly(_ poller: inout Poller, _ end: End, _ interest: Interest, for milliseconds: Int32 = 0) throws -> [Readiness] {
        let registration = Registration(descriptor: end.number, generation: 7)
        let watch = try poller.prepareList { list throws(IPCError) in try list.append(registration, interest) }
        let count = try poller.moveReady(watch.named(timeout: milliseconds))
        let reported = (0..<count).map { poller.readiness(at: $0) }
        #expect(reported.allSatisfy { $0.registration == registration })
        return reported
    }

    @Test("Without a set the poller asks for one descriptor, and stays as it was")
    func only() throws {
        let wire = try Wire(blocks: false)
        var poller = Poller(idle: true)
        #expect(try askOnly(&poller, wire.near, .read).isEmpty)
        try wire.far.write([1])
        for _ in 1...2 { #expect(try askOnly(&poller, wire.near, .read).map(\.events) == [POLLIN]) }
        #expect(try askOnly(&poller, wire.near, [.read, .write]).map(\.events) == [POLLIN | POLLOUT])
        #expect(wire.near.read() == [1])
        #expect(try askOnly(&poller, wire.near, .read).isEmpty)
        wire.far.close()
        let hungUp = try askOnly(&poller, wire.near, .read)
        #expect(hungUp.count == 1 && hungUp.allSatisfy { $0.readable && $0.hungUp })
        #expect(poller.isIdle && poller.needsRebuild)
    }

    @Test("Of one descriptor that was closed nothing is reported, and the time is waited for")
    func onlyClosed() throws {
        let end = try Wire().near.moved()
        var poller = Poller(idle: true)
        end.close()
        #expect(try askOnly(&poller, end, .read, for: 10).isEmpty)
    }
    #else
    @Test("poll watches a regular file, which is always ready")
    func regularFile() throws {
        let (lookout, file) = (try Lookout(), try End.temporaryFile())
        #expect(try lookout.add(file) == .watched)
        for _ in 1...2 { #expect(try lookout.signs(of: file) == [.readable]) }
    }
    #endif
}
