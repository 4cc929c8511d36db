// Stream.swift - the bytes of one descriptor in both directions, and which call has a direction for itself.
//
// Folder: Stream. Uses: Base, Wire, IO, Sharing.
//
// A stream belongs to the context that has the descriptor. Of a descriptor in no context a stream exists only while a call is at
// work, or has left bytes for the next one (DescriptorTable). A stream changes its owner without being copied, so a waiting call
// keeps its reference. It is
// freed when nobody owns it and no call has claimed a direction.

typealias StreamReference = UnsafeMutablePointer<Stream>

/// The order of the fields leaves no gaps: there is one stream for each connection.
struct Stream: ~Copyable {
    let descriptor: Descriptor
    /// All calls that wait for a client share it.
    var acceptClaim = SharedClaim()
    var inbox = Inbox()
    /// The number leads to it. Otherwise the number is closed or means another file, and calls that have claimed it are the last to
    /// use it.
    var isRegistered = false
    /// The library closes the descriptor when the last claim ends.
    var isClosedAtEnd = false
    var outbox = Outbox()
    var readClaim = Claim()
    /// Whether it is known to carry a stream of bytes.
    var isStream = false
    private var isIdentified = false
    var writeClaim = Claim()
    /// Whose lock guards it: a context's; or the stripe of its number (DescriptorTable).
    private(set) var owner: MonitorReference
    /// What its context has for it; nil: it is in no context.
    private(set) var connection: UnsafeMutableRawPointer?
    /// The file of the descriptor, from when bytes were first held: a program may close the number and get it for another file.
    private var file = FileIdentity()

    init(_ number: Int32, owner: MonitorReference) { (descriptor, self.owner) = (Descriptor(number), owner) }

    var isEmpty: Bool { inbox.isEmpty && !outbox.hasPending }
    @inline(never)
    var isClaimed: Bool { readClaim.isHeld || writeClaim.isHeld || acceptClaim.isHeld }

    fileprivate mutating func setOwner(_ owner: MonitorReference, _ connection: UnsafeMutableRawPointer?) {
        (self.owner, self.connection) = (owner, connection)
    }

    /// Checks once that the descriptor carries a stream.
    @inline(never)
    mutating func requireStream(_ code: ErrorCode) throws(IPCError) {
        try descriptor.requireStream(code)
        isStream = true
    }

    /// Notes which file the bytes that are held belong to.
    @inline(__always)
    mutating func identify() { if !isIdentified { identifyNow() } }

    @inline(never)
    private mutating func identifyNow() {
        guard !isEmpty, let found = FileIdentity(descriptor) else { return }
        (file, isIdentified) = (found, true)
    }

    /// Whether what is held belongs to the file that the number means now.
    var isCurrent: Bool { mutating get { isEmpty || !isIdentified || file == FileIdentity(descriptor) } }

    /// Wakes the calls that wait for the end of a claim.
    mutating func announceEnds() {
        if readClaim.isAwaited || writeClaim.isAwaited { owner.wakeClaimers() }
        (readClaim.isAwaited, writeClaim.isAwaited) = (false, false)
    }

    @inline(never)
    static func make(_ number: Int32, owner: MonitorReference) throws(IPCError) -> StreamReference {
        let size = MemoryLayout<Stream>.stride + MemoryLayout<MonitorReference>.stride
        let stream = try allocate(size).bindMemory(to: Stream.self, capacity: 1)
        stream.initialize(to: Stream(number, owner: owner))
        stream.ownerCell.initialize(to: owner)
        return stream
    }

    static func destroy(_ stream: StreamReference) {
        stream.deinitialize(count: 1)
        free(stream)
    }
}

extension StreamReference {
    /// The stream's owner, for a call that has claimed a direction and reads it without the lock. It lies behind the stream.
    var ownerCell: UnsafeMutablePointer<MonitorReference> {
        UnsafeMutableRawPointer(self + 1).assumingMemoryBound(to: MonitorReference.self)
    }

    /// The caller has the locks of the former and of the new owner.
    func belong(to owner: MonitorReference, _ connection: UnsafeMutableRawPointer?) {
        pointee.setOwner(owner, connection)
        libipc_store_owner(ownerCell, owner)
    }
}
