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

/// One step of a context. A structure, every byte of which is set: an enumeration would keep its cases in
/// the unused bits of an event, which checkers of memory take for a mistake.
struct Step: ~Copyable {
    enum Need: UInt8 {
        /// There is an event.
        case event
        /// A switched end is readable, and the program has a callback that reads it: `Context.didRead` takes the answer.
        case read
        /// A frame for a switched end that the program has a callback for: `Context.didWrite` takes the answer.
        case write
    }

    let need: Need
    let descriptor: Int32
    let frame: OutboundFrameReference?
    let event: Event

    static func event(_ event: consuming Event) -> Step { Step(need: .event, descriptor: -1, frame: nil, event: event) }
    static func read(_ descriptor: Int32) -> Step { Step(need: .read, descriptor: descriptor, frame: nil, event: Event(.none)) }
    static func write(_ descriptor: Int32, _ frame: OutboundFrameReference) -> Step {
        Step(need: .write, descriptor: descriptor, frame: frame, event: Event(.none))
    }

    consuming func takeEvent() -> Event { event }
}

/// What a program's callback answers about a switched end.
enum CallbackAnswer: UInt32 {
    case done = 0
    case closing = 1
    case failed = 2
    case unparsable = 3
    case ignore = 4
}
