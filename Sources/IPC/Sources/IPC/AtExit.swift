// AtExit.swift - the sockets of services go when the program ends, also those of contexts that are never released: what a program refers
// to in a global variable, as everything in `main.swift` is, lives until then.

import Synchronization

final class AtExit: Sendable {
    static let shared = AtExit()

    private struct Entry: Sendable {
        weak var context: Context?
    }

    private struct State {
        var isSet = false
        var entries: [ObjectIdentifier: Entry] = [:]
    }

    private let state = Mutex(State())

    func add(_ context: Context) {
        state.withLock { state in
            state.entries[ObjectIdentifier(context)] = Entry(context: context)
            guard !state.isSet else { return }
            state.isSet = true
            System.atExit { AtExit.shared.closeAll() }
        }
    }

    /// By identifier: the object is going.
    func remove(_ context: ObjectIdentifier) {
        state.withLock { state in state.entries[context] = nil }
    }

    private func closeAll() {
        for entry in state.withLock({ Array($0.entries.values) }) { entry.context?.closeNow() }
    }
}
