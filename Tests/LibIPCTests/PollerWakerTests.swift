// PollerWakerTests.swift - a thread that waits, and others that change what it waits for: it is woken, or hears of it by itself.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Poller, waker") struct PollerWakerTests {
    let lookout: Lookout

    init() throws { lookout = try Lookout() }

    /// What the poller says of the waker in one look, and of how many others.
    private func look() throws -> (isWoken: Bool, others: Int) {
        let named = try lookout.look().map(\.registration)
        if named.contains(.waker) { lookout.poller.drainWaker() }
        return (named.contains(.waker), named.count { $0 != .waker })
    }

    /// Runs `body` while a thread waits for ever. Returns how many descriptors that one found.
    private func whileWaiting(_ body: () throws -> Void) throws -> Int {
        let waiting = Waiting(watch: try lookout.poller.prepare())
        var isDone = false
        let named = try withPeer(doing: { try waiting.watch.named(timeout: -1) }, stop: { if !isDone { lookout.poller.wake() } }) {
            try body()
            isDone = true
        }
        return lookout.poller.moveReady(named)
    }

    private struct Waiting: @unchecked Sendable { let watch: Poller.Watch }

    // MARK: Waking

    @Test("The waker wakes a thread that waits for ever, though it watches nothing else")
    func wakes() throws {
        for _ in 1...3 {
            #expect(try whileWaiting { lookout.poller.wake() } == 1)
            #expect(lookout.poller.readiness(at: 0).registration == .waker)
            lookout.poller.drainWaker()
        }
        #expect(try look() == (false, 0))
    }

    @Test("It wakes one that watches others, which stay as they are")
    func wakesBeside() throws {
        let wires = try (0..<3).map { _ in try Wire() }
        for wire in wires { try lookout.add(wire.near) }
        #expect(try whileWaiting { lookout.poller.wake() } == 1)
        #expect(lookout.poller.readiness(at: 0).registration == .waker)
        lookout.poller.drainWaker()
        for wire in wires { try wire.far.write([1]) }
        #expect(try look() == (false, 3))
    }

    @Test("An alarm that wakes before somebody waits is not lost; silenced, it is told once, however often it rang", arguments: 1...3)
    func early(wakes: Int) throws {
        _ = try lookout.poller.prepare()
        for _ in 0..<wakes { lookout.poller.wake() }
        #expect(try whileWaiting {} == 1)
        lookout.poller.drainWaker()
        #expect(try look() == (false, 0))
        lookout.poller.wake()
        #expect(try look() == (true, 0))
        #expect(try look() == (false, 0))
    }

    @Test("A waker reports beside what is ready, and hides nothing")
    func besideReady() throws {
        let wires = try (0..<3).map { _ in try Wire() }
        for wire in wires {
            try lookout.add(wire.near)
            try wire.far.write([1])
        }
        #expect(try look() == (false, 3))
        lookout.poller.wake()
        #expect(try look() == (true, 3))
        #expect(try look() == (false, 3))
    }

    @Test("A poller that nobody has waited for has nobody to wake")
    func nobody() throws {
        lookout.poller.wake()
        lookout.poller.drainWaker()
        #expect(try look() == (false, 0))
        lookout.poller = Poller(idle: true)
        lookout.poller.wake()
        lookout.poller.drainWaker()
    }

    @Test("The waker goes with its poller, and the next one has its own")
    func anew() throws {
        _ = try lookout.poller.prepare()
        lookout.poller.wake()
        lookout.poller = try Poller()
        #expect(try look() == (false, 0))
        #expect(try whileWaiting { lookout.poller.wake() } == 1)
    }

    // MARK: Changes while somebody waits

    /// Runs `change` while a thread waits, which is woken if that is what the poller says.
    private func whileChanging(by change: () throws -> Void) throws -> Int {
        try whileWaiting {
            #expect(lookout.poller.isStale == false)
            try change()
            if lookout.poller.isStale { lookout.poller.wake() }
        }
    }

    @Test("What is added, or wanted, while somebody waits is heard of", arguments: [false, true])
    func added(isWatched: Bool) throws {
        let wire = try Wire()
        try wire.far.write([1])
        if isWatched {
            try lookout.add(wire.near)
            lookout.update(wire.near, [])
        }
        let count = try whileChanging(by: { if isWatched { lookout.update(wire.near, .read) } else { try lookout.add(wire.near) } })
        #expect(count == 1)
        lookout.poller.drainWaker()
        #expect(try lookout.look().map(\.registration.descriptor) == [wire.near.number])
        #expect(lookout.poller.isStale == false)
    }

    @Test("What is removed while somebody waits is not told by the next look")
    func removed() throws {
        let (gone, stays) = (try Wire(), try Wire())
        for wire in [gone, stays] { try lookout.add(wire.near) }
        _ = try whileWaiting {
            lookout.remove(gone.near)
            for wire in [gone, stays] { try wire.far.write([1]) }
        }
        #expect(try lookout.look().map(\.registration.descriptor) == [stays.near.number])
    }

    @Test("What is asked stays where it is while others are added, and what that finds is told right")
    func moved() throws {
        let wires = try (0..<100).map { _ in try Wire() }
        try lookout.add(wires[0].near, generation: 7)
        let count = try whileWaiting {
            for wire in wires[1...] { try lookout.add(wire.near) }
            try wires[0].far.write([1])
        }
        #expect(count == 1)
        #expect(lookout.poller.readiness(at: 0).registration == Registration(descriptor: wires[0].near.number, generation: 7))
        #expect(lookout.poller.readiness(at: 0).readable)
    }

    @Test("A descriptor that is replaced while somebody waits is told by its registration")
    func replaced() throws {
        let (former, latter) = (try Wire(), try Wire())
        let end = try former.near.moved()
        try lookout.add(end, generation: 1)
        let wakes = try Wire()
        try lookout.add(wakes.near, generation: 5)
        var again: End?
        _ = try whileWaiting {
            lookout.remove(end)
            let latest = try latter.near.replacing(end)
            again = latest
            try lookout.add(latest, generation: 2)
            try latter.far.write([1])
            try wakes.far.write([1])
        }
        let named = try lookout.look().map(\.registration)
        #expect(named.contains(Registration(descriptor: end.number, generation: 2)))
        #expect(!named.contains(Registration(descriptor: end.number, generation: 1)))
        withExtendedLifetime(again) {}
    }

    #if POLLER_POLL
    @Test("poll asks for what it was told before: each change makes that old, and the next look new")
    func stale() throws {
        let wire = try Wire()
        let changes: [() throws -> Void] = [
            { try lookout.add(wire.near) }, { lookout.update(wire.near, []) }, { lookout.remove(wire.near) },
        ]
        for change in changes {
            try change()
            #expect(lookout.poller.isStale == true)
            _ = try lookout.look()
            #expect(lookout.poller.isStale == false)
        }
    }
    #endif
}
