// Registry.swift - one truth for each descriptor: which state of the library belongs to it.
//
// ipc_read_fd and its kin know no context, yet must not overtake bytes that a context holds for the descriptor, in either
// direction. This table, the only one of the process, leads from the number to the context; or, for a descriptor in no
// context, to what a call had to leave behind (Detached). It has two levels, so that it grows without moving and is
// read without a lock.

import CLibIPC

/// What is held for a descriptor that no context has: received, and not yet asked for.
struct Detached: ~Copyable {
    let identity: FileIdentity
    var inbox: Inbox
}

struct Registry {
    static let shared = Registry()

    private static let pageSize = 1024
    private static let pageCount = 1024 * 8
    /// In an entry: this bit says that it leads to a Detached.
    private static let detachedBit = 1

    /// Makes the entry's place; afterwards `register` cannot fail.
    func reserve(_ descriptor: Int32) throws(OutOfMemory) {
        _ = try slot(descriptor, making: true)
    }

    /// The entry's place, or nil where nothing was ever registered nearby.
    private func slot(_ descriptor: Int32, making: Bool) throws(OutOfMemory) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        let page = Int(descriptor) / Registry.pageSize
        guard descriptor >= 0, page < Registry.pageCount else {
            if making { throw OutOfMemory() }
            return nil
        }
        guard let root = libipc_registry(), let pages = try level(root, Registry.pageCount, making: making),
            let entries = try level(pages + page, Registry.pageSize, making: making)
        else { return nil }
        return entries + Int(descriptor) % Registry.pageSize
    }

    /// The table that `place` leads to. Two threads may make it at once: one of them wins.
    private func level(
        _ place: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ count: Int, making: Bool
    ) throws(OutOfMemory) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        if let table = libipc_load(place) { return table.assumingMemoryBound(to: UnsafeMutableRawPointer?.self) }
        guard making else { return nil }
        guard let made = calloc(count, MemoryLayout<UnsafeMutableRawPointer?>.stride) else { throw OutOfMemory() }
        if libipc_replace(place, nil, made) == 0 { free(made) }
        return libipc_load(place)?.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    }

    private func entry(_ descriptor: Int32) -> UnsafeMutableRawPointer? {
        guard let slot = try? slot(descriptor, making: false) else { return nil }
        return libipc_load(slot)
    }

    private func set(_ descriptor: Int32, _ value: UnsafeMutableRawPointer?) {
        guard let slot = try? slot(descriptor, making: false) else { return }
        libipc_store(slot, value)
    }

    private func isDetached(_ entry: UnsafeMutableRawPointer) -> Bool { Int(bitPattern: entry) & Registry.detachedBit != 0 }

    // MARK: Contexts

    /// - Parameter context: the address of a context, which withdraws before it goes.
    func register(_ descriptor: Int32, context: UnsafeMutableRawPointer?) { set(descriptor, context) }

    /// Another context may have registered the same number since.
    func withdraw(_ descriptor: Int32, context: UnsafeMutableRawPointer?) {
        if let entry = entry(descriptor), entry == context { set(descriptor, nil) }
    }

    /// The context that has this descriptor.
    func context(of descriptor: Int32) -> UnsafeMutableRawPointer? {
        guard let entry = entry(descriptor), !isDetached(entry) else { return nil }
        return entry
    }

    // MARK: Detached

    /// What was left for this descriptor, if it is still the same socket. The caller has it now.
    func takeDetached(_ descriptor: Int32) -> Inbox? {
        guard let entry = entry(descriptor), isDetached(entry) else { return nil }
        set(descriptor, nil)
        let memory = UnsafeMutableRawPointer(bitPattern: Int(bitPattern: entry) & ~Registry.detachedBit)
        guard let detached = memory?.assumingMemoryBound(to: Detached.self) else { return nil }
        let held = detached.move()
        free(detached)
        guard FileIdentity(descriptor: descriptor) == held.identity else { return nil }
        return held.inbox
    }

    /// Keeps what a call could not hand on, for the next one.
    func leave(_ inbox: consuming Inbox, for descriptor: Int32) {
        guard !inbox.isEmpty, let identity = FileIdentity(descriptor: descriptor), (try? reserve(descriptor)) != nil,
            let memory = malloc(MemoryLayout<Detached>.stride)
        else { return }
        memory.bindMemory(to: Detached.self, capacity: 1).initialize(to: Detached(identity: identity, inbox: inbox))
        set(descriptor, UnsafeMutableRawPointer(bitPattern: Int(bitPattern: memory) | Registry.detachedBit))
    }
}
