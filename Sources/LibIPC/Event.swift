// Event.swift - what a context tells its program, and what it asks of it on the way.

struct Event: ~Copyable {
    /// The contract's numbers.
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
    }

    let kind: Kind
    let index: Int
    let descriptor: Int32
    var message: Message?
    /// The reason, and the code that the call returns with the event.
    var error: IPCError?

    init(_ kind: Kind, index: Int = 0, descriptor: Int32 = 0, message: consuming Message? = nil, error: IPCError? = nil) {
        self.kind = kind
        self.index = index
        self.descriptor = descriptor
        self.message = message
        self.error = error
    }

    var header: FrameHeader? {
        switch message {
        case .some(let message): message.header
        case nil: nil
        }
    }

    consuming func takeMessage() -> Message? { message }
}

/// One step of a context.
enum Step: ~Copyable {
    case event(Event)
    /// A switched end is readable, and the program has a callback that reads it: `Context.didRead` takes the answer.
    case read(Int32)
    /// A frame for a switched end that the program has a callback for: `Context.didWrite` takes the answer.
    case write(Int32, OutboundFrameReference)
}

/// What a program's callback answers about a switched end.
enum CallbackAnswer: UInt32 {
    case done = 0
    case closing = 1
    case failed = 2
    case unparsable = 3
    case ignore = 4
}
