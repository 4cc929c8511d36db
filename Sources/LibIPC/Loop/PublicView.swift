// PublicView.swift - what a context asks of whoever shows its connections to the outside world.
//
// The C ABI shows them as public arrays, and keeps the table of switched pairs, which programs may change between two calls: that
// side of a context is behind this protocol, so that the engine knows nothing of C structures.

protocol PublicView: ~Copyable {
    var count: Int { get }
    func descriptor(at index: Int) -> Int32
    /// As it stands now: a program may have changed it.
    func kind(at index: Int) -> ConnectionKind
    mutating func setKind(_ kind: ConnectionKind, at index: Int)
    /// A server's socket path, if it has one: the caller's from now on.
    mutating func takeSocketPath(at index: Int) -> UnsafeMutablePointer<CChar>?

    /// Makes room for one more entry; the next `append` cannot fail.
    mutating func reserve() throws(IPCError)
    /// - Parameter socketPath: malloc'ed; the view's from now on.
    mutating func append(_ descriptor: Int32, _ kind: ConnectionKind, _ socketPath: UnsafeMutablePointer<CChar>?)
    /// Drops the entry; the last one moves into its place.
    mutating func swapRemove(at index: Int)

    /// Makes room for one more frame; the next `list` cannot fail.
    mutating func reserveListing() throws(IPCError)
    mutating func list(_ frame: FrameReference, for receiver: Int32)
    /// Drops the frame, if it is listed.
    mutating func unlist(_ frame: FrameReference)
    /// Drops all frames for this receiver.
    mutating func unlistAll(for receiver: Int32)

    /// The other end of the pair that `descriptor` is in.
    mutating func counterpart(of descriptor: Int32) -> Int32?
    /// Whether a callback of the program reads from this switched end.
    mutating func hasReader(_ descriptor: Int32) -> Bool
    /// Whether a callback of the program writes to this switched end.
    mutating func hasWriter(_ descriptor: Int32) -> Bool
    mutating func pair(_ first: Int32, _ second: Int32) throws(IPCError)
    mutating func unpair(_ descriptor: Int32)

    /// A call ends: does what a signal handler has left to it (Interrupting).
    static func carryOutPending()
}
