// Event.swift - what a context tells its program, and what it asks of it on the way.

/// A structure that a call fills in; an error that belongs to it is thrown beside it.
struct Event: ~Copyable {
    /// The contract's numbers; behind them what the engine asks of the program: a callback's work.
    enum Kind: UInt32 {
        case none = 0
        case error = 1
        case readable = 2
        case switched = 3
        case connection = 4
        case disconnection = 5
        case message = 6
        case timer = 8
        case sent = 9
        /// Read the switched end `descriptor` with the program's callback; `Context.didRead` takes the answer.
        case callReader = 100
        /// Write `frame` to it with the other one; `Context.didWrite` takes the answer.
        case callWriter = 101
    }

    var kind = Kind.none
    var index = 0
    var descriptor: Int32 = 0
    var message: Message?
    var frame: FrameReference?

    init() {}

    mutating func set(_ kind: Kind, _ connection: ConnectionReference) {
        self.kind = kind
        index = connection.pointee.index
        descriptor = connection.pointee.number
    }
}

/// What a program's callback answers about a switched end.
enum CallbackAnswer: UInt32 {
    case done = 0
    case closing = 1
    case failed = 2
    case unparsable = 3
    case ignore = 4
}
