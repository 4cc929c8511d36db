// Lookout.swift - a poller that watches descriptors, and what it says of them.

import CLibIPC
import Testing

@testable import LibIPC

extension Poller.Watch {
    /// How many descriptors are ready, after a wait.
    func named(timeout: Int32) throws(IPCError) -> Int {
        let finding = try wait(timeout: timeout)
        return finding == .unknown ? try collect().count : finding.count
    }
}

/// A poller that watches the near ends of wires.
final class Lookout {
    enum Sign { case readable, writable, hungUp }

    var poller: Poller

    init() throws { poller = try Poller() }

    @discardableResult
    func add(_ end: End, _ interest: Interest = .read, generation: UInt32 = 1) throws -> WatchResult {
        try poller.add(Registration(descriptor: end.number, generation: generation), interest)
    }

    func update(_ end: End, _ interest: Interest) { poller.update(Registration(descriptor: end.number, generation: 1), interest) }
    func remove(_ end: End) { poller.remove(Registration(descriptor: end.number, generation: 1)) }

    /// What one call reports.
    func look(_ timeout: Int32 = 0) throws -> [Readiness] {
        let named = try poller.prepare().named(timeout: timeout)
        return (0..<poller.moveReady(named)).map { poller.readiness(at: $0) }
    }

    /// The same, of one descriptor: nil when it is not named.
    func signs(of end: End) throws -> Set<Sign>? {
        for readiness in try look() where readiness.registration.descriptor == end.number {
            let signs: [(Bool, Sign)] = [(readiness.readable, .readable), (readiness.writable, .writable), (readiness.hungUp, .hungUp)]
            return Set(signs.filter(\.0).map(\.1))
        }
        return nil
    }
}
