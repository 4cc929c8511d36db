// ListView.swift - a view in Swift arrays: what a context needs of the outside world, without any C structure.

import CLibIPC

@testable import LibIPC

struct ListView: PublicView, ~Copyable {
    struct Entry {
        var descriptor: Int32
        var kind: ConnectionKind
        var socketPath: UnsafeMutablePointer<CChar>?
    }

    var entries: [Entry] = []
    /// What is queued, and for whom, in no order.
    private(set) var listed: [(frame: FrameReference, receiver: Int32)] = []
    private var pairs: [(first: Int32, second: Int32)] = []
    /// The switched ends that the program reads or writes itself.
    var readers: Set<Int32> = []
    var writers: Set<Int32> = []
    /// There is no memory for another pair.
    var refusesPairs = false

    init() {}

    deinit { for entry in entries { free(entry.socketPath) } }

    var count: Int { entries.count }
    func descriptor(at index: Int) -> Int32 { entries[index].descriptor }
    func kind(at index: Int) -> ConnectionKind { entries[index].kind }
    mutating func setKind(_ kind: ConnectionKind, at index: Int) { entries[index].kind = kind }
    mutating func takeSocketPath(at index: Int) -> UnsafeMutablePointer<CChar>? { entries[index].socketPath.take() }

    mutating func reserve() {}

    mutating func append(_ descriptor: Int32, _ kind: ConnectionKind, _ socketPath: UnsafeMutablePointer<CChar>?) {
        entries.append(Entry(descriptor: descriptor, kind: kind, socketPath: socketPath))
    }

    mutating func swapRemove(at index: Int) {
        free(takeSocketPath(at: index))
        entries.swapAt(index, entries.count - 1)
        entries.removeLast()
    }

    // MARK: Frames

    mutating func reserveListing() {}

    mutating func list(_ frame: FrameReference, for receiver: Int32) {
        frame.pointee.listing = listed.count
        listed.append((frame, receiver))
    }

    mutating func unlist(_ frame: FrameReference) {
        let place = frame.pointee.listing
        guard place >= 0, place < listed.count, listed[place].frame == frame else { return }
        listed[listed.count - 1].frame.pointee.listing = place
        listed.swapAt(place, listed.count - 1)
        listed.removeLast()
    }

    /// Frames for this receiver may be in use by a call without the lock: they are not touched.
    mutating func unlistAll(for receiver: Int32) {
        listed.removeAll { $0.receiver == receiver }
        for place in listed.indices { listed[place].frame.pointee.listing = place }
    }

    // MARK: Pairs

    func counterpart(of descriptor: Int32) -> Int32? {
        pairs.first { $0.first == descriptor }?.second ?? pairs.first { $0.second == descriptor }?.first
    }

    func hasReader(_ descriptor: Int32) -> Bool { readers.contains(descriptor) }
    func hasWriter(_ descriptor: Int32) -> Bool { writers.contains(descriptor) }
    mutating func pair(_ first: Int32, _ second: Int32) throws(IPCError) {
        try check(!refusesPairs, IPC_ERROR_ADD__NOT_ENOUGH_MEMORY, "no room for a pair")
        pairs.append((first, second))
    }
    mutating func unpair(_ descriptor: Int32) { pairs.removeAll { $0.first == descriptor || $0.second == descriptor } }

    static func carryOutPending() {}
}
