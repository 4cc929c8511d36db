// PublicRoster.swift - the mirror that keeps struct ipc_ctx true.
//
// The public arrays are this roster's own; each export publishes them when it leaves. Just before the cinfos array lies the way
// back: a mark, and the address of the context that belongs to it. That is how the state is found from a struct ipc_ctx that
// has no spare field, starts zeroed, and may be moved by its program.

typealias PublicContext = Context<PublicRoster>

struct PublicRoster: Roster, ~Copyable {
    private static let headerSize = 16
    private static let mark: UInt = 0x6970_6373_7769_6674

    private(set) var count = 0
    private var capacity = 0
    private var block: UnsafeMutableRawPointer?
    private var polled: Ref<pollfd>?
    private var messages = HeapArray<ipc_message>()
    /// The frames behind `messages`, at the same indices.
    private var frames = HeapArray<FrameReference>()
    private var switchings = ipc_switchings()
    /// For the message of an event to come.
    var spare: Ref<ipc_message>?
    /// Address of the context, for the way back.
    private let context: UnsafeMutableRawPointer

    init(context: UnsafeMutableRawPointer) { self.context = context }

    deinit {
        for index in 0..<count { free(cinfos?[index].spath) }
        free(block)
        free(polled)
        free(spare)
    }

    private var cinfos: Ref<ipc_connection_info>? {
        block.map { ($0 + PublicRoster.headerSize).assumingMemoryBound(to: ipc_connection_info.self) }
    }

    /// The context behind a struct ipc_ctx, or nil when it is as if zeroed.
    static func context(behind ctx: Const<ipc_ctx>) -> Ref<PublicContext>? {
        guard let cinfos = ctx.pointee.cinfos else { return nil }
        let header = UnsafeRawPointer(cinfos) - headerSize
        guard header.load(as: UInt.self) == mark else { return nil }
        return header.load(fromByteOffset: 8, as: UnsafeMutableRawPointer.self).assumingMemoryBound(to: PublicContext.self)
    }

    /// The table of pairs is the program's too.
    mutating func enter(_ ctx: Const<ipc_ctx>) { switchings = ctx.pointee.switchdb }

    mutating func publish(_ ctx: Ref<ipc_ctx>) {
        ctx.pointee = ipc_ctx(
            cinfos: cinfos, pollfd: polled, size: count, tx: ipc_messages(messages: messages.base, size: messages.count),
            switchdb: switchings)
    }

    // MARK: Entries

    func descriptor(at index: Int) -> Int32 { polled?[index].fd ?? -1 }
    func kind(at index: Int) -> ConnectionKind { ConnectionKind(rawValue: cinfos?[index].type.rawValue ?? 0) ?? .external }
    mutating func setKind(_ kind: ConnectionKind, at index: Int) { cinfos?[index].type = ipc_connection_type(rawValue: kind.rawValue) }
    mutating func takeSocketPath(at index: Int) -> Ref<CChar>? { cinfos?[index].spath.take() }

    mutating func reserve() throws(IPCError) {
        guard count == capacity else { return }
        let wanted = max(capacity * 2, 4)
        let grown = try allocate(PublicRoster.headerSize + wanted * MemoryLayout<ipc_connection_info>.stride, growing: block)
        block = grown
        grown.storeBytes(of: PublicRoster.mark, as: UInt.self)
        grown.storeBytes(of: context, toByteOffset: 8, as: UnsafeMutableRawPointer.self)
        polled = try allocate(wanted * MemoryLayout<pollfd>.stride, growing: polled).bindMemory(to: pollfd.self, capacity: wanted)
        capacity = wanted
    }

    mutating func append(_ descriptor: Int32, _ kind: ConnectionKind, _ socketPath: Ref<CChar>?) {
        let type = ipc_connection_type(rawValue: kind.rawValue)
        append(
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0), ipc_connection_info(type: type, more_to_read: 0, spath: socketPath))
    }

    mutating func append(_ entry: pollfd, _ info: ipc_connection_info) {
        cinfos?[count] = info
        polled?[count] = entry
        count += 1
    }

    mutating func swapRemove(at index: Int) {
        guard let cinfos, let polled else { return }
        free(cinfos[index].spath)
        count -= 1
        cinfos[index] = cinfos[count]
        polled[index] = polled[count]
    }

    // MARK: Messages

    mutating func reserveListing() throws(IPCError) {
        try messages.reserve()
        try frames.reserve()
    }

    mutating func list(_ frame: FrameReference, for receiver: Int32) {
        frame.pointee.listing = messages.count
        // The room was made by `reserveListing`.
        try? messages.append(ipc_message(frame.pointee.header, receiver, frame.pointee.payload))
        try? frames.append(frame)
    }

    mutating func unlist(_ frame: FrameReference) {
        guard let index = frame.pointee.listing else { return }
        messages.swapRemove(at: index)
        frames.swapRemove(at: index)
        if index < frames.count { frames[index].pointee.listing = index }
    }

    // MARK: Switching

    func counterpart(of descriptor: Int32) -> Int32? { switchings.counterpart(of: descriptor) }
    func hasReader(_ descriptor: Int32) -> Bool { switchings.pair(of: descriptor)?.pointee.reader(of: descriptor) != nil }
    func hasWriter(_ descriptor: Int32) -> Bool { switchings.pair(of: descriptor)?.pointee.writer(of: descriptor) != nil }
    mutating func pair(_ first: Int32, _ second: Int32) throws(IPCError) { try switchings.add(first, second) }
    mutating func unpair(_ descriptor: Int32) { _ = switchings.remove(descriptor) }
}
