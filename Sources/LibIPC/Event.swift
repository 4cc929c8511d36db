// Event.swift - what a context tells its program, and what it asks of it on the way.

/// A structure that a call fills in; an error that belongs to it is thrown beside it.
struct Event: ~Copyable {
    /// The contract's numbers. Behind them is what the engine asks of the program: to write `frame` to the switched end `descriptor`
    /// with its callback (`Context.didWrite` takes the answer); or, with no frame, to read from it (`Context.didRead`).
    enum Kind: UInt32 {
        case none, error, readable, switched, connection, disconnection, message, lookup, timer, sent
        case callback
    }

    var kind = Kind.none
    var index = 0
    var descriptor: Int32 = 0
    var message: Message?
    var frame: FrameReference?

    init() {}

    mutating func set(_ kind: Kind, _ connection: ConnectionReference) {
        (self.kind, index, descriptor) = (kind, connection.pointee.index, connection.pointee.number)
    }
}

/// What a program's callback answers about a switched end: the contract's numbers.
enum CallbackAnswer: UInt32 { case done, closing, failed, unparsable, ignore }
