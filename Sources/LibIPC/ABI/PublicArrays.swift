// PublicArrays.swift - the mirror that keeps struct ipc_ctx true.
//
// The public arrays are this view's own; each export publishes them when it leaves. Just before the cinfos array lies the way
// back: a mark, and the address of the monitor of the context that belongs to it. That is how the state is found from a struct
// ipc_ctx that has no spare field, starts zeroed, and may be moved by its program. A thread may read it too late: so it
// stays as it is when the array is given up.

typealias PublicContext = Context<PublicArrays>

struct PublicArrays: PublicView, ~Copyable {
    /// For the way back: as large as one element of the array.
    private static let headerSize = 16

    private(set) var count = 0
    private var capacity = 0
    /// Of 1 << order bytes.
    private var block: UnsafeMutableRawPointer?
    private var order: UInt32 = 6
    private var polled: Ref<pollfd>?
    private var messages = MessageList()
    var switchings = ipc_switchings()
    /// For the message of an event to come.
    var spare: Ref<ipc_message>?
    /// For the way back.
    private let monitor: MonitorReference

    init(monitor: MonitorReference) { self.monitor = monitor }

    deinit {
        for index in 0..<count { free(cinfos?[index].spath) }
        if let block { libipc_give_back_block(block, order) }
        free(polled)
        free(spare)
    }

    private var cinfos: Ref<ipc_connection_info>? {
        block.map { ($0 + PublicArrays.headerSize).assumingMemoryBound(to: ipc_connection_info.self) }
    }

    /// The table of pairs is the program's too.
    mutating func enter(_ ctx: Ref<ipc_ctx>) { switchings = libipc_switchings(ctx) }

    mutating func publish(_ ctx: Ref<ipc_ctx>) {
        libipc_publish(ctx, cinfos, polled, count, ipc_messages(messages: messages.array, size: messages.count), switchings)
    }

    /// How many messages wait, for whomever.
    var messageCount: Int { messages.count }
    func path(at index: Int) -> Ref<CChar>? { cinfos?[index].spath }
    func pair(of descriptor: Int32) -> ipc_switching? { switchings.pair(of: descriptor)?.pointee }

    // MARK: Entries

    func descriptor(at index: Int) -> Int32 { polled?[index].fd ?? -1 }
    func kind(at index: Int) -> ConnectionKind { ConnectionKind(rawValue: cinfos?[index].type.rawValue ?? 0) ?? .external }
    mutating func setKind(_ kind: ConnectionKind, at index: Int) { cinfos?[index].type = ipc_connection_type(rawValue: kind.rawValue) }
    mutating func takeSocketPath(at index: Int) -> Ref<CChar>? { cinfos?[index].spath.take() }

    mutating func reserve() throws(IPCError) {
        guard count == capacity else { return }
        let wanted = (1 << (order + 1)) / PublicArrays.headerSize - 1
        polled = try allocate(wanted * MemoryLayout<pollfd>.stride, growing: polled).bindMemory(to: pollfd.self, capacity: wanted)
        guard let grown = libipc_take_block(order + 1) else {
            throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "make room for \(wanted) entries", systemError: ENOMEM)
        }
        libipc_lead_back(grown + PublicArrays.headerSize, monitor)
        if let block {
            memcpy(grown + PublicArrays.headerSize, block + PublicArrays.headerSize, count * MemoryLayout<ipc_connection_info>.stride)
            libipc_give_back_block(block, order)
        }
        (block, order, capacity) = (grown, order + 1, wanted)
        monitor.pointee.array = UnsafeMutableRawPointer(cinfos)
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

    @inline(__always)
    mutating func reserveListing() throws(IPCError) { try messages.reserve() }

    @inline(__always)
    mutating func list(_ frame: FrameReference, for receiver: Int32) { messages.append(frame, for: receiver) }

    @inline(__always)
    mutating func unlist(_ frame: FrameReference) { messages.remove(frame) }

    // MARK: Switching

    func counterpart(of descriptor: Int32) -> Int32? { switchings.counterpart(of: descriptor) }
    func hasReader(_ descriptor: Int32) -> Bool { switchings.pair(of: descriptor)?.pointee.reader(of: descriptor) != nil }
    func hasWriter(_ descriptor: Int32) -> Bool { switchings.pair(of: descriptor)?.pointee.writer(of: descriptor) != nil }
    mutating func pair(_ first: Int32, _ second: Int32) throws(IPCError) { try switchings.add(first, second) }
    mutating func unpair(_ descriptor: Int32) { _ = switchings.remove(descriptor) }
}
