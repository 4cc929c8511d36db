// PublicRoster.swift - the mirror that keeps struct ipc_ctx true.
//
// The public arrays are this roster's own; each export publishes them when it leaves. Just before the cinfos array lies the
// way back: a mark, and the address of the context that belongs to it. That is how the state is found from a
// struct ipc_ctx that has no spare field, starts zeroed, and may be moved by its program.

import CLibIPC

typealias PublicContext = Context<PublicRoster>

struct PublicRoster: Roster, ~Copyable {
    private static let headerSize = 16
    private static let mark: UInt = 0x6970_6373_7769_6674

    private(set) var count = 0
    private var capacity = 0
    private var block: UnsafeMutableRawPointer?
    private var polled: UnsafeMutablePointer<pollfd>?
    private var messages = HeapArray<ipc_message>()
    /// The frames behind `messages`, at the same indices.
    private var frames = HeapArray<OutboundFrameReference>()
    private var switchings = ipc_switchings()
    /// Where in the table of pairs a descriptor was last found.
    private var pairs = DescriptorMap()
    /// Address of the context, for the way back.
    private let context: UnsafeMutableRawPointer
    /// The socket path of the entry that is appended next.
    var nextSocketPath: UnsafeMutablePointer<CChar>?
    /// For the next message event, so that no message is lost for want of memory.
    private var spare: UnsafeMutablePointer<ipc_message>?

    init(context: UnsafeMutableRawPointer) { self.context = context }

    deinit {
        for index in 0..<count { free(cinfos?[index].spath) }
        free(block)
        free(polled)
        free(spare)
    }

    private var cinfos: UnsafeMutablePointer<ipc_connection_info>? {
        block.map { ($0 + PublicRoster.headerSize).assumingMemoryBound(to: ipc_connection_info.self) }
    }

    /// The context behind a struct ipc_ctx, or nil when it is as if zeroed.
    static func context(behind ctx: UnsafePointer<ipc_ctx>) -> UnsafeMutablePointer<PublicContext>? {
        guard let cinfos = ctx.pointee.cinfos else { return nil }
        let header = UnsafeRawPointer(cinfos) - headerSize
        guard header.load(as: UInt.self) == mark else { return nil }
        return header.load(fromByteOffset: 8, as: UnsafeMutableRawPointer.self)
            .assumingMemoryBound(to: PublicContext.self)
    }

    mutating func enter(_ ctx: UnsafePointer<ipc_ctx>) { switchings = ctx.pointee.switchdb }

    mutating func publish(_ ctx: UnsafeMutablePointer<ipc_ctx>) {
        ctx.pointee.cinfos = cinfos
        ctx.pointee.pollfd = polled
        ctx.pointee.size = count
        ctx.pointee.tx = ipc_messages(messages: messages.base, size: messages.count)
        ctx.pointee.switchdb = switchings
    }

    // MARK: Entries

    func descriptor(at index: Int) -> Int32 { polled?[index].fd ?? -1 }
    func kind(at index: Int) -> ConnectionKind {
        ConnectionKind(rawValue: cinfos?[index].type.rawValue ?? 0) ?? .external
    }

    mutating func reserve() throws(OutOfMemory) {
        guard count == capacity || block == nil else { return }
        let wanted = max(capacity * 2, 4)
        let size = MemoryLayout<ipc_connection_info>.stride
        guard let grown = realloc(block, PublicRoster.headerSize + wanted * size) else { throw OutOfMemory() }
        block = grown
        grown.storeBytes(of: PublicRoster.mark, as: UInt.self)
        grown.storeBytes(of: context, toByteOffset: 8, as: UnsafeMutableRawPointer.self)
        guard let grownPolled = realloc(polled, wanted * MemoryLayout<pollfd>.stride) else { throw OutOfMemory() }
        polled = grownPolled.assumingMemoryBound(to: pollfd.self)
        capacity = wanted
    }

    /// An entry that the program fills by hand.
    mutating func appendZeroed() {
        cinfos?[count] = ipc_connection_info()
        polled?[count] = pollfd()
        count += 1
    }

    mutating func append(_ descriptor: Int32, _ kind: ConnectionKind) {
        let type = ipc_connection_type(rawValue: kind.rawValue)
        cinfos?[count] = ipc_connection_info(type: type, more_to_read: 0, spath: nextSocketPath)
        polled?[count] = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        nextSocketPath = nil
        count += 1
    }

    mutating func abandonLast() { count -= 1 }

    mutating func swapRemove(at index: Int) {
        guard let cinfos, let polled else { return }
        free(cinfos[index].spath)
        count -= 1
        cinfos[index] = cinfos[count]
        polled[index] = polled[count]
    }

    mutating func setKind(_ kind: ConnectionKind, at index: Int) {
        cinfos?[index].type = ipc_connection_type(rawValue: kind.rawValue)
    }
    mutating func setHoldsMore(_ holdsMore: Bool, at index: Int) { cinfos?[index].more_to_read = holdsMore ? 1 : 0 }
    func socketPath(at index: Int) -> UnsafePointer<CChar>? { cinfos?[index].spath.map { UnsafePointer($0) } }
    mutating func dropSocketPath(at index: Int) {
        free(cinfos?[index].spath)
        cinfos?[index].spath = nil
    }

    // MARK: Messages

    mutating func list(_ frame: OutboundFrameReference) throws(OutOfMemory) {
        let message = ipc_message(frame.pointee.header, from: frame.pointee.receiver, payload: frame.pointee.payload)
        try messages.reserve(messages.count + 1)
        frame.pointee.listing = messages.count
        try frames.append(frame)
        try messages.append(message)
    }

    mutating func unlist(_ frame: OutboundFrameReference) {
        let index = frame.pointee.listing
        _ = messages.swapRemove(at: index)
        _ = frames.swapRemove(at: index)
        if index < frames.count { frames[index].pointee.listing = index }
    }

    /// After this, `takeSpare` cannot fail.
    /// - Parameter used: the memory of a message that is not needed any more.
    mutating func prepareSpare(_ used: UnsafeMutablePointer<ipc_message>?) throws(IPCError) {
        if spare == nil { spare = used } else { free(used) }
        if spare == nil { spare = malloc(MemoryLayout<ipc_message>.size)?.bindMemory(to: ipc_message.self, capacity: 1) }
        guard spare != nil else {
            throw IPCError(IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY, "no memory for the next message")
        }
    }

    mutating func takeSpare() -> UnsafeMutablePointer<ipc_message>? {
        defer { spare = nil }
        return spare
    }

    // MARK: Switching

    /// The pair of `descriptor`: looked for where it was found last, and only if it is not there any more everywhere.
    private func pairIndex(_ descriptor: Int32) -> Int? {
        guard let collection = switchings.collection else { return nil }
        if let known = pairs[descriptor], known < switchings.size, collection[known].has(descriptor) { return known }
        return Switchings.find(switchings, descriptor)
    }

    func counterpart(of descriptor: Int32) -> Int32? {
        pairIndex(descriptor).flatMap { switchings.collection?[$0].end(opposite: descriptor) }
    }

    func reader(of descriptor: Int32) -> ipc_switching.Reader? {
        guard let index = pairIndex(descriptor), let pair = switchings.collection?[index] else { return nil }
        return pair.orig == descriptor ? pair.orig_in : pair.dest_in
    }

    func writer(of descriptor: Int32) -> ipc_switching.Writer? {
        guard let index = pairIndex(descriptor), let pair = switchings.collection?[index] else { return nil }
        return pair.orig == descriptor ? pair.orig_out : pair.dest_out
    }

    func hasReader(_ descriptor: Int32) -> Bool { reader(of: descriptor) != nil }
    func hasWriter(_ descriptor: Int32) -> Bool { writer(of: descriptor) != nil }

    mutating func setCallbacks(_ descriptor: Int32, _ reader: ipc_switching.Reader?, _ writer: ipc_switching.Writer??) {
        guard let index = pairIndex(descriptor), let pair = switchings.collection else { return }
        if pair[index].orig == descriptor {
            pair[index].orig_in = reader
            if let writer { pair[index].orig_out = writer }
        } else {
            pair[index].dest_in = reader
            if let writer { pair[index].dest_out = writer }
        }
    }

    mutating func pair(_ first: Int32, _ second: Int32) throws(OutOfMemory) {
        try Switchings.add(&switchings, first, second)
        remember(switchings.size - 1)
    }

    mutating func unpair(_ descriptor: Int32) {
        guard let index = pairIndex(descriptor) else { return }
        _ = Switchings.remove(&switchings, at: index)
        if index < switchings.size { remember(index) }
    }

    private mutating func remember(_ index: Int) {
        guard let pair = switchings.collection?[index] else { return }
        note(pair.orig, index)
        note(pair.dest, index)
    }

    /// Without memory for the note, or for a number that no descriptor has, the table is searched.
    private mutating func note(_ descriptor: Int32, _ index: Int) {
        guard (0..<(1 << 20)).contains(descriptor), (try? pairs.reserve(descriptor)) != nil else { return }
        pairs[descriptor] = index
    }
}
