// PublicRoster.swift - the mirror that keeps struct ipc_ctx true.
//
// The public arrays are this roster's own; each export publishes them when it leaves. Just before the cinfos array lies the way
// back: a mark, and the address of the context that belongs to it. That is how the state is found from a struct ipc_ctx that
// has no spare field, starts zeroed, and may be moved by its program.

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
    private var frames = HeapArray<FrameReference>()
    private var switchings = ipc_switchings()
    /// Where in the table of pairs a descriptor was last found.
    private var pairs = DescriptorTable<Int>(absent: -1)
    /// Address of the context, for the way back.
    private let context: UnsafeMutableRawPointer
    /// For the next message event, so that no message is lost for want of memory.
    private var spare: Ref<ipc_message> = nil

    init(context: UnsafeMutableRawPointer) { self.context = context }

    deinit {
        for index in 0..<count { free(cinfos?[index].spath) }
        free(block)
        free(polled)
        free(spare)
    }

    private var cinfos: Ref<ipc_connection_info> {
        block.map { ($0 + PublicRoster.headerSize).assumingMemoryBound(to: ipc_connection_info.self) }
    }

    /// The context behind a struct ipc_ctx, or nil when it is as if zeroed.
    static func context(behind ctx: UnsafePointer<ipc_ctx>) -> Ref<PublicContext> {
        guard let cinfos = ctx.pointee.cinfos else { return nil }
        let header = UnsafeRawPointer(cinfos) - headerSize
        guard header.load(as: UInt.self) == mark else { return nil }
        return header.load(fromByteOffset: 8, as: UnsafeMutableRawPointer.self).assumingMemoryBound(to: PublicContext.self)
    }

    /// The table of pairs is the program's too.
    mutating func enter(_ ctx: UnsafePointer<ipc_ctx>) { switchings = ctx.pointee.switchdb }

    mutating func publish(_ ctx: UnsafeMutablePointer<ipc_ctx>) {
        ctx.pointee = ipc_ctx(
            cinfos: cinfos, pollfd: polled, size: count, tx: ipc_messages(messages: messages.base, size: messages.count),
            switchdb: switchings)
    }

    // MARK: Entries

    func descriptor(at index: Int) -> Int32 { polled?[index].fd ?? -1 }
    func kind(at index: Int) -> ConnectionKind { ConnectionKind(rawValue: cinfos?[index].type.rawValue ?? 0) ?? .external }
    mutating func setKind(_ kind: ConnectionKind, at index: Int) { cinfos?[index].type = ipc_connection_type(rawValue: kind.rawValue) }
    func holdsMore(at index: Int) -> Bool { cinfos?[index].more_to_read != 0 }
    mutating func setHoldsMore(_ holdsMore: Bool, at index: Int) { cinfos?[index].more_to_read = holdsMore ? 1 : 0 }
    func socketPath(at index: Int) -> CText { UnsafePointer(cinfos?[index].spath) }

    mutating func dropSocketPath(at index: Int) {
        free(cinfos?[index].spath)
        cinfos?[index].spath = nil
    }

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

    /// An entry that the program fills by hand.
    mutating func appendZeroed() {
        cinfos?[count] = ipc_connection_info()
        polled?[count] = pollfd()
        count += 1
    }

    mutating func append(_ descriptor: Int32, _ kind: ConnectionKind, _ socketPath: Ref<CChar>) {
        let type = ipc_connection_type(rawValue: kind.rawValue)
        cinfos?[count] = ipc_connection_info(type: type, more_to_read: 0, spath: socketPath)
        polled?[count] = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
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

    /// - Parameter used: the memory of a message that is not needed any more.
    mutating func keepSpare(_ used: Ref<ipc_message>) { if spare == nil { spare = used } else { free(used) } }

    /// After this, `takeSpare` cannot fail.
    mutating func prepareSpare() throws(IPCError) {
        if spare != nil { return }
        let memory = try allocate(MemoryLayout<ipc_message>.size, IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY)
        spare = memory.bindMemory(to: ipc_message.self, capacity: 1)
    }

    mutating func takeSpare() -> Ref<ipc_message> { spare.take() }

    // MARK: Switching

    /// The pair of `descriptor`: looked for where it was found last, and only if it is not there any more everywhere.
    private func pair(of descriptor: Int32) -> Ref<ipc_switching> {
        guard let collection = switchings.collection else { return nil }
        let known = pairs[descriptor]
        if known >= 0, known < switchings.size, collection[known].has(descriptor) { return collection + known }
        return switchings.index(of: descriptor).map { collection + $0 }
    }

    func counterpart(of descriptor: Int32) -> Int32? { pair(of: descriptor)?.pointee.end(opposite: descriptor) }
    func reader(of descriptor: Int32) -> ipc_switching.Reader? { pair(of: descriptor)?.pointee.reader(of: descriptor) }
    func writer(of descriptor: Int32) -> ipc_switching.Writer? { pair(of: descriptor)?.pointee.writer(of: descriptor) }
    func hasReader(_ descriptor: Int32) -> Bool { reader(of: descriptor) != nil }
    func hasWriter(_ descriptor: Int32) -> Bool { writer(of: descriptor) != nil }

    /// - Parameter body: changes the pair of `descriptor`, if it has one.
    func withPair(of descriptor: Int32, _ body: (inout ipc_switching) -> Void) {
        if let pair = pair(of: descriptor) { body(&pair.pointee) }
    }

    mutating func pair(_ first: Int32, _ second: Int32) throws(IPCError) {
        try switchings.add(first, second)
        remember(switchings.size - 1)
    }

    mutating func unpair(_ descriptor: Int32) {
        guard let pair = pair(of: descriptor), let collection = switchings.collection else { return }
        let index = pair - collection
        switchings.remove(at: index)
        if index < switchings.size { remember(index) }
    }

    /// Without memory for it, or for a number that no descriptor has, the table is searched.
    private mutating func remember(_ index: Int) {
        guard let pair = switchings.collection?[index] else { return }
        note(pair.orig, index)
        note(pair.dest, index)
    }

    private mutating func note(_ descriptor: Int32, _ index: Int) {
        guard descriptor >= 0, descriptor < 1 << 20, (try? pairs.reserve(descriptor)) != nil else { return }
        pairs[descriptor] = index
    }
}
