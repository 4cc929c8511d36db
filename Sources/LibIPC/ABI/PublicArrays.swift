// PublicArrays.swift - the mirror that keeps struct ipc_ctx true.
//
// This view owns the public arrays, and each export publishes them when it ends. A struct ipc_ctx has no spare field, starts zeroed, and
// may be moved by its program. So a header in front of the cinfos array leads to the context's monitor (libipc_set_monitor). A thread
// may read it late: it stays unchanged when the array is recycled.

typealias PublicContext = Context<PublicArrays>

struct PublicArrays: PublicView, ~Copyable {
    /// Bytes of the header in front of the array: as many as one element has.
    private static let headerSize = 16

    private(set) var count = 0
    private var capacity = 0
    /// The header and the cinfos array, 1 << order bytes.
    private var block: UnsafeMutableRawPointer?
    private var order: UInt32 = 6
    private var polled: Ref<pollfd>?
    private var messages = MessageList()
    /// The table of pairs as it was when the last call began. The program may change it between two calls.
    private var switchings = ipc_switchings()
    private var pairs = PairIndex()
    /// A call with the structure is at work.
    private var isEntered = false
    /// libipc_current_changes when the last such call ended.
    private var lastChanges: UInt64 = 0
    /// The structure that was published last.
    private var ctx: Ref<ipc_ctx>?
    /// What the next `leave` publishes: arrays and pairs; the list of messages.
    private var isChanged = true, isListChanged = true
    /// Memory for the message of an event to come.
    var spare: Ref<ipc_message>?
    /// For the header of the array.
    private let monitor: MonitorReference

    init(monitor: MonitorReference) { self.monitor = monitor }

    deinit {
        for index in 0..<count { free(cinfos?[index].spath) }
        if let block { libipc_recycle_block(block, order) }
        free(polled)
        free(spare)
    }

    private var cinfos: Ref<ipc_connection_info>? {
        block.map { ($0 + PublicArrays.headerSize).assumingMemoryBound(to: ipc_connection_info.self) }
    }

    /// A call with this structure begins. The program may have moved it.
    /// - Returns: whether the program has written to the table of pairs itself.
    @inline(__always)
    mutating func enter(_ ctx: Ref<ipc_ctx>) -> Bool {
        if UInt(bitPattern: self.ctx) != UInt(bitPattern: ctx) { (self.ctx, isChanged) = (ctx, true) }
        let former = switchings
        switchings = libipc_switchings(ctx)
        isEntered = true
        return former.size != switchings.size || UInt(bitPattern: former.collection) != UInt(bitPattern: switchings.collection)
    }

    /// The call ends, or releases the lock for a time: writes what has changed into the structure.
    @inline(__always)
    mutating func leave(_ ctx: Ref<ipc_ctx>) {
        if isChanged { publish(ctx) }
        if isListChanged {
            isListChanged = false
            libipc_publish_messages(ctx, ipc_messages(messages: messages.array, size: messages.count))
        }
        (isEntered, lastChanges) = (false, libipc_current_changes())
    }

    @inline(never)
    private mutating func publish(_ ctx: Ref<ipc_ctx>) {
        (isChanged, isListChanged) = (false, true)
        libipc_publish(ctx, cinfos, polled, count, switchings)
    }

    /// How many messages are in the program's list, for whomever.
    var messageCount: Int { messages.count }
    func path(at index: Int) -> Ref<CChar>? { cinfos?[index].spath }

    /// The pair of the descriptor. A call without the structure finds none after the program has changed pairs; the next call with the
    /// structure examines all connections that wait for a partner.
    mutating func pair(of descriptor: Int32) -> ipc_switching? {
        if switchings.size == 0 || !isEntered && libipc_has_changed(lastChanges) != 0 { return nil }
        return pairs.pair(of: descriptor, in: switchings)?.pointee
    }

    // MARK: Entries

    func descriptor(at index: Int) -> Int32 { polled?[index].fd ?? -1 }
    @inline(__always)
    func kind(at index: Int) -> ConnectionKind { ConnectionKind(rawValue: cinfos?[index].type.rawValue ?? 0) ?? .external }
    mutating func setKind(_ kind: ConnectionKind, at index: Int) { cinfos?[index].type = ipc_connection_type(rawValue: kind.rawValue) }
    mutating func takeSocketPath(at index: Int) -> Ref<CChar>? { cinfos?[index].spath.take() }

    mutating func reserve() throws(IPCError) {
        guard count == capacity else { return }
        let wanted = (1 << (order + 1)) / PublicArrays.headerSize - 1
        isChanged = true
        polled = try allocate(wanted * MemoryLayout<pollfd>.stride, growing: polled).bindMemory(to: pollfd.self, capacity: wanted)
        guard let grown = libipc_allocate_block(order + 1) else {
            throw IPCError(IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "make room for \(wanted) entries", systemError: ENOMEM)
        }
        libipc_set_monitor(grown + PublicArrays.headerSize, monitor)
        if let block {
            memcpy(grown + PublicArrays.headerSize, block + PublicArrays.headerSize, count * MemoryLayout<ipc_connection_info>.stride)
            libipc_recycle_block(block, order)
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
        (count, isChanged) = (count + 1, true)
    }

    mutating func swapRemove(at index: Int) {
        guard let cinfos, let polled else { return }
        free(cinfos[index].spath)
        (count, isChanged) = (count - 1, true)
        cinfos[index] = cinfos[count]
        polled[index] = polled[count]
    }

    // MARK: Messages

    /// Provides memory for the message of an event to come. Takes the former event's message, whose payload is freed, if there is one.
    @inline(__always)
    mutating func reserveSpare(_ former: Ref<ipc_message>?, _ pool: inout BufferPool) throws(IPCError) {
        if let former {
            pool.returnPayload(former.pointee.payload, Int(clamping: former.pointee.length))
            returnSpare(former)
        } else if spare == nil {
            try makeSpare()
        }
    }

    @inline(__always)
    mutating func returnSpare(_ memory: Ref<ipc_message>?) { if spare == nil { spare = memory } else { free(memory) } }

    @inline(never)
    private mutating func makeSpare() throws(IPCError) {
        let size = MemoryLayout<ipc_message>.size
        spare = try allocate(size, IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY).bindMemory(to: ipc_message.self, capacity: 1)
    }

    @inline(__always)
    mutating func reserveListing() throws(IPCError) {
        // The array may move.
        isListChanged = true
        try messages.reserve()
    }

    @inline(__always)
    mutating func list(_ frame: FrameReference, for receiver: Int32) {
        messages.append(frame, for: receiver)
    }

    @inline(__always)
    mutating func unlist(_ frame: FrameReference) {
        messages.remove(frame)
        isListChanged = true
    }

    mutating func unlistAll(for receiver: Int32) {
        messages.removeAll(for: receiver)
        isListChanged = true
    }

    // MARK: Switching

    mutating func counterpart(of descriptor: Int32) -> Int32? { pair(of: descriptor)?.end(opposite: descriptor) }
    mutating func hasReader(_ descriptor: Int32) -> Bool { pair(of: descriptor)?.reader(of: descriptor) != nil }
    mutating func hasWriter(_ descriptor: Int32) -> Bool { pair(of: descriptor)?.writer(of: descriptor) != nil }
    mutating func pair(_ first: Int32, _ second: Int32) throws(IPCError) {
        try pairs.add(first, second, in: &switchings)
        isChanged = true
    }
    mutating func unpair(_ descriptor: Int32) {
        _ = pairs.remove(descriptor, in: &switchings)
        isChanged = true
    }

    /// Changes the table of pairs. Returns the two ends whose pair has changed.
    mutating func changePairs(_ body: (inout PairIndex, inout ipc_switchings) -> (Int32, Int32)?) -> (Int32, Int32)? {
        isChanged = true
        return body(&pairs, &switchings)
    }

    static func carryOutPending() { if libipc_anything_pending() != 0 { Interrupting.carryOutAll(nil) } }
}
