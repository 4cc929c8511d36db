// Event.swift - the events of a context.

/// What happened.
///
/// Later versions of the library may know more events: contexts leave out what this type does not have.
public enum Event: Sendable {
    /// A client was accepted.
    case connected(Connection)
    /// A peer has left, after its last whole message.
    case disconnected(Connection)
    /// A peer broke the protocol, or its socket failed. The connection has ended.
    case failed(Connection, IPCError)
    /// A message came. ``Message/sender`` is its connection.
    case message(Message)
    /// A message that was queued is with the kernel: one for each, if the context has ``Options/reportSent``.
    case sent(Connection)
    /// A message went from one end of a pair to the other, if the context has ``Options/reportSwitched``. This end is where it came from.
    case switched(Connection)
    /// A pair has ended, because one of its ends left or failed.
    case pairEnded(PairEnd)
    /// A descriptor that the program reads itself is readable, or at its end. Told once: see ``Endpoint/watch(_:)``.
    case readable(Int32)
    /// The time of a wait is up.
    case timer
    /// ``Endpoint/wake()`` was called.
    case woken
}

/// How a pair has ended: see ``Endpoint/connectSwitched(_:to:translation:)``.
public struct PairEnd: Sendable {
    /// The end that left or failed.
    public let end: Connection
    /// The other one.
    public let counterpart: Connection
    /// Those of both that are still open. They close when nobody takes them.
    public let descriptors: [Descriptor]
    /// Why, when an end failed; nil when it left.
    public let error: IPCError?
    /// What a translation of the program has thrown, if that was the reason.
    public let cause: (any Error)?
}

/// What a context does beside the usual.
public struct Options: OptionSet, Sendable {
    /// The bits.
    public let rawValue: UInt32
    /// Of these bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Tell of each message that the kernel has got: ``Event/sent(_:)``.
    public static let reportSent = Options(rawValue: 1)
    /// Tell of each message between the ends of a pair: ``Event/switched(_:)``.
    public static let reportSwitched = Options(rawValue: 2)
    /// Messages may bring descriptors: ``Message/descriptor``. Otherwise the library closes them.
    public static let acceptDescriptors = Options(rawValue: 4)
}
