// Outboxes.swift - what tests ask of an outbox.

@testable import LibIPC

extension Outbox {
    /// Some pending frame is in no list of the program's.
    var hasUnlisted: Bool { listedFrames < pendingFrames }
}
