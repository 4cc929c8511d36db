// Stream.swift - the bytes of one descriptor in both directions, and the claims on each direction.
//
// Folder: Stream. Uses: Base, Wire, IO, Sharing.
//
// A stream belongs to the context that has the descriptor. A descriptor in no context has a stream only while a call uses it, or after
// a call has left bytes for the next one (DescriptorTable). When the owner changes, the stream stays where it is in memory: a waiting
// call keeps its reference. The stream is freed when it has no owner and no claim.

typealias StreamReference = UnsafeMutablePointer<Stream>

/// The order of the fields leaves no gaps: there is one stream for each connection.
struct Stream: ~Copyable {
    let descriptor: Descriptor
    /// All calls that wait for a client share it.
    var acceptClaim = SharedClaim()
    /// Pending frames that the call with the write claim has taken along.
    private var framesTaken: UInt32 = 0
    var inbox = Inbox()
    /// It is in the descriptor table. A stream that is not there had a number that is closed or means another file by now: only calls
    /// that have claimed it still use it.
    var isInTable = false
    /// Messages may bring descriptors (Inbox.acceptsDescriptors, also while a call has taken the inbox along).
    var acceptsDescriptors = false
    /// The library closes the descriptor when the last claim ends.
    var isClosedAtEnd = false
    var outbox = Outbox()
    var readClaim = Claim()
    /// The descriptor was checked, and carries a stream of bytes (`Descriptor.requireStream`).
    var isStream = false
    /// `file` is known.
    private var isIdentified = false
    var writeClaim = Claim()
    /// Its lock guards the stream: that of a context, or of the stripe of the number (DescriptorTable).
    private(set) var owner: MonitorReference
    /// The Connection of its context (untyped, because Loop lies above this folder); nil: it is in no context.
    private(set) var connection: UnsafeMutableRawPointer?
    /// The file of the descriptor when the stream first held bytes. A program may close the number and open another file with it.
    private var file = FileIdentity()

    init(_ number: Int32, owner: MonitorReference) { (descriptor, self.owner) = (Descriptor(number), owner) }

    /// Frames that the kernel does not have yet, as far as is known without waiting for a call that sends them.
    var pendingFrames: Int { Int(outbox.pendingFrames) + (writeClaim.isHeld ? Int(framesTaken) : 0) }

    /// A call begins to send without the lock: it takes the pending frames along.
    mutating func beginWriteClaim(_ taken: inout Outbox) {
        writeClaim.begin()
        framesTaken = outbox.pendingFrames
        swap(&taken, &outbox)
    }

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

    /// Remembers, once, the file that the bytes of the stream belong to.
    @inline(__always)
    mutating func identify() { if !isIdentified { identifyNow() } }

    @inline(never)
    private mutating func identifyNow() {
        guard !isEmpty, let found = FileIdentity(descriptor) else { return }
        (file, isIdentified) = (found, true)
    }

    /// Whether the bytes of the stream, if it has any, belong to the file that the number means now.
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
    /// A copy of `owner`, behind the stream in memory: a call that has claimed a direction reads it without the lock.
    var ownerCell: UnsafeMutablePointer<MonitorReference> {
        UnsafeMutableRawPointer(self + 1).assumingMemoryBound(to: MonitorReference.self)
    }

    /// Changes the owner. The caller has the locks of the former and of the new one.
    func changeOwner(to owner: MonitorReference, _ connection: UnsafeMutableRawPointer?) {
        pointee.setOwner(owner, connection)
        libipc_store_owner(ownerCell, owner)
    }
}
