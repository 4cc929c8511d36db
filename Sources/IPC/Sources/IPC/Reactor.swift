// Reactor.swift - one thread for all contexts that tasks wait on: it sleeps in poll(2) on their descriptors, and reads their events.
//
// Why a thread: a wait must not hold up one of the few threads that all tasks share. Why not one for each context: a client costs a
// descriptor then, and no stack. Why not Dispatch's sources: they end some time after they were cancelled, and the descriptor of a context
// is closed, and its number used again, at once. Why poll(2): the connections are in the library's own epoll set, behind the one
// descriptor of their context. A program has few contexts, and poll(2) is the same on every system.
//
// Contexts are held weakly: the reactor keeps none alive. Without contexts it has neither a thread nor descriptors.

internal import CIPC
import Synchronization

final class Reactor: Sendable {
    static let shared = Reactor()

    private struct Watched: Sendable {
        weak var context: Context?
    }

    private struct State {
        var watched: [Int32: Watched] = [:]
        /// Of a library that was built for poll(2), and has no descriptor for other loops.
        var timed: [ObjectIdentifier: Watched] = [:]
        /// A pipe that ends poll(2) when something has changed.
        var waker: (reading: Int32, writing: Int32)?
        /// Of the thread. One that finds another number ends: its pipe is closed.
        var generation: UInt64 = 0
        /// Of the set of descriptors.
        var version: UInt64 = 0

        mutating func change() {
            version += 1
            guard let waker else { return }
            System.writeByte(to: waker.writing)
            guard watched.isEmpty, timed.isEmpty else { return }
            generation += 1
            System.close(waker.reading)
            System.close(waker.writing)
            self.waker = nil
        }
    }

    private let state = Mutex(State())

    /// Calls `context.readEvents` when there are events. Where `descriptor` is -1 it calls that every few milliseconds.
    /// - Returns: false: the process has no thread or no descriptor free.
    func watch(_ context: Context, _ descriptor: Int32) -> Bool {
        state.withLock { state in
            if state.waker == nil {
                guard let waker = System.makePipe() else { return false }
                state.waker = waker
                state.generation += 1
                let generation = state.generation
                guard System.startThread({ self.run(generation) }) else {
                    state.change()
                    return false
                }
            }
            if descriptor >= 0 {
                state.watched[descriptor] = Watched(context: context)
            } else {
                state.timed[ObjectIdentifier(context)] = Watched(context: context)
            }
            state.change()
            return true
        }
    }

    func unwatch(_ descriptor: Int32) {
        state.withLock { state in
            if state.watched.removeValue(forKey: descriptor) != nil { state.change() }
        }
    }

    func unwatch(_ context: Context) {
        state.withLock { state in
            if state.timed.removeValue(forKey: ObjectIdentifier(context)) != nil { state.change() }
        }
    }

    private func run(_ generation: UInt64) {
        let events = EventBuffer(capacity: batchSize)
        var set = System.PollSet([])
        var version: UInt64 = 0
        /// Milliseconds until contexts without a descriptor are looked at: longer and longer while nothing comes.
        var pause: Int32 = 1
        while true {
            let timeout: Int32? = state.withLock { state in
                guard state.generation == generation, let waker = state.waker else { return nil }
                if version != state.version {
                    version = state.version
                    System.drain(waker.reading)
                    set = System.PollSet([waker.reading] + state.watched.keys)
                }
                return state.timed.isEmpty ? -1 : pause
            }
            guard let timeout else { return }
            set.wait(milliseconds: timeout)
            // The waker is none of those that are watched.
            for descriptor in set.ready {
                let context = state.withLock { $0.generation == generation ? $0.watched[descriptor]?.context : nil }
                _ = context?.readEvents(into: events.base)
            }
            guard timeout >= 0 else { continue }
            var found = false
            for watched in state.withLock({ $0.generation == generation ? Array($0.timed.values) : [] }) {
                if watched.context?.readEvents(into: events.base) == true { found = true }
            }
            pause = found ? 1 : min(pause * 2, 10)
        }
    }
}
