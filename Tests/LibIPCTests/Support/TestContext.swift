// TestContext.swift - a context with a roster of Swift arrays, and what it tells as values that tests can compare.

import CLibIPC
import Testing

@testable import LibIPC

/// What one call for an event gave. Two are equal when they tell the same of the same descriptor; indices are looked at apart.
struct Happening: Equatable, CustomStringConvertible {
    var kind: Event.Kind
    var descriptor: Int32 = 0
    var frame: Frame?
    /// The code of the error that was thrown beside it; nil: there was none.
    var code: UInt32?
    var index = 0
    var reason = ""

    static func message(_ frame: Frame, from end: End) -> Happening { Happening(kind: .message, descriptor: end.number, frame: frame) }
    static func sent(to end: End) -> Happening { Happening(kind: .sent, descriptor: end.number) }
    static func readable(_ end: End) -> Happening { Happening(kind: .readable, descriptor: end.number) }
    static func connection(_ end: End) -> Happening { Happening(kind: .connection, descriptor: end.number) }
    static func disconnection(_ end: End, _ code: ErrorCode? = nil) -> Happening {
        Happening(kind: .disconnection, descriptor: end.number, code: code?.rawValue)
    }
    static func error(_ end: End, _ code: ErrorCode) -> Happening { Happening(kind: .error, descriptor: end.number, code: code.rawValue) }
    static func switched(from end: End) -> Happening { Happening(kind: .switched, descriptor: end.number) }
    static func callReader(_ end: End) -> Happening { Happening(kind: .callback, descriptor: end.number) }
    static func callWriter(_ frame: Frame, to end: End) -> Happening { Happening(kind: .callback, descriptor: end.number, frame: frame) }
    static let timer = Happening(kind: .timer)

    static func == (left: Happening, right: Happening) -> Bool {
        (left.kind, left.descriptor, left.frame, left.code) == (right.kind, right.descriptor, right.frame, right.code)
    }

    var description: String {
        let parts = [frame?.description, code.map { "error \($0)" }, reason].compactMap { $0 }.filter { !$0.isEmpty }
        return "\(kind) \(descriptor) \(parts)"
    }
}

final class TestContext {
    /// Connections lead back to where a context lies, so it must not move.
    let context: UnsafeMutablePointer<Context<ListRoster>>
    /// Closed after the context is gone: a context closes what is its own, and nothing else.
    private var ends: [End] = []

    init() throws {
        context = .allocate(capacity: 1)
        context.initialize(to: Context(roster: ListRoster(), address: context))
    }

    deinit {
        context.deinitialize(count: 1)
        context.deallocate()
    }

    // MARK: Entries

    /// The end is closed with the context, if that has not done so.
    func keep(_ end: End) { ends.append(end) }

    func add(_ end: End, _ kind: ConnectionKind = .ipc) throws {
        keep(end)
        try context.pointee.add(end.number, kind)
    }

    /// A wire whose near end is an entry.
    func connect(_ kind: ConnectionKind = .ipc, _ wireKind: Wire.Kind = .socket) throws -> Wire {
        let wire = try Wire(wireKind)
        try add(wire.near, kind)
        return wire
    }

    /// Two wires whose near ends are a pair.
    func connectPair() throws -> (Wire, Wire) {
        let (first, second) = (try connect(.switched), try connect(.switched))
        try pair(first.near, second.near)
        return (first, second)
    }

    /// As a program does it.
    func pair(_ first: End, _ second: End) throws {
        try context.pointee.roster.pair(first.number, second.number)
        libipc_note_pair_change()
    }

    func connection(of end: End) throws -> ConnectionReference {
        let connection = context.pointee.connection(of: end.number)
        return try #require(connection)
    }

    func has(_ end: End) -> Bool { context.pointee.connection(of: end.number) != nil }
    var descriptors: [Int32] { context.pointee.roster.entries.map(\.descriptor) }

    // MARK: Frames

    func write(_ frame: Frame, to end: End) throws {
        try frame.payload.withUnsafeBytes { try context.pointee.queue(frame.header, $0.baseAddress, for: end.number) }
    }

    var queued: [Frame] { context.pointee.roster.listed.map { Frame($0.frame) } }

    // MARK: Events

    /// What a step of the context tells. An error that belongs to no event is thrown.
    func happening(_ step: (inout Context<ListRoster>, inout Event) throws(IPCError) -> Void) throws -> Happening {
        var event = Event()
        var thrown: IPCError?
        do throws(IPCError) { try step(&context.pointee, &event) } catch { thrown = error }
        if let thrown, event.kind == .none { throw thrown }
        var happening = Happening(kind: event.kind, descriptor: event.descriptor, code: thrown?.code.rawValue)
        (happening.index, happening.reason) = (event.index, thrown?.text.string ?? "")
        if let message = event.message.take() { happening.frame = Frame(message) }
        if let frame = event.frame { happening.frame = Frame(destroying: frame) }
        return happening
    }

    /// - Parameter milliseconds: how long to wait; what is there already needs no wait.
    func next(waiting milliseconds: Int32 = 0) throws -> Happening {
        let deadline = Deadline(milliseconds: milliseconds)
        return try happening { context, event throws(IPCError) in
            repeat {
                try context.catchUp()
                try context.next(&event, deadline)
            } while event.kind == .none
        }
    }

    /// All that is to be told now.
    func all() throws -> [Happening] {
        var happenings: [Happening] = []
        while true {
            let next = try next()
            if next == .timer { return happenings }
            try #require(happenings.count < 10_000, "there is no end to \(next.description)")
            happenings.append(next)
        }
    }
}
