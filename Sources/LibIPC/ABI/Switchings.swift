// Switchings.swift - the table of switched pairs, a program's own or a context's, as the public header shows it.

import CLibIPC

extension ipc_switching {
    public typealias Reader = @convention(c) (Int32, Ref<ipc_message>, Ref<Int16>) -> ipccb
    public typealias Writer = @convention(c) (Int32, Ref<ipc_message>) -> ipccb

    func has(_ descriptor: Int32) -> Bool { orig == descriptor || dest == descriptor }
    func end(opposite descriptor: Int32) -> Int32 { orig == descriptor ? dest : orig }
    func reader(of descriptor: Int32) -> Reader? { orig == descriptor ? orig_in : dest_in }
    func writer(of descriptor: Int32) -> Writer? { orig == descriptor ? orig_out : dest_out }

    mutating func set(_ descriptor: Int32, reader: Reader?) { if orig == descriptor { orig_in = reader } else { dest_in = reader } }
    mutating func set(_ descriptor: Int32, writer: Writer?) { if orig == descriptor { orig_out = writer } else { dest_out = writer } }
}

extension ipc_switchings {
    func index(of descriptor: Int32) -> Int? { collection.flatMap { pairs in (0..<size).first { pairs[$0].has(descriptor) } } }
    func counterpart(of descriptor: Int32) -> Int32 { index(of: descriptor).map { collection[$0].end(opposite: descriptor) } ?? -1 }

    mutating func add(_ orig: Int32, _ dest: Int32) throws(IPCError) {
        collection = try grow(collection, count: size)
        collection[size] = ipc_switching(orig: orig, dest: dest, orig_in: nil, orig_out: nil, dest_in: nil, dest_out: nil)
        size += 1
    }

    /// Removes the pair; the last one takes its place.
    mutating func remove(at index: Int) {
        size -= 1
        collection[index] = collection[size]
        if size == 0 { clear() }
    }

    mutating func clear() {
        free(collection)
        self = ipc_switchings()
    }
}

/// Room for one element more in a public array, whose capacity only malloc knows.
func grow<Element>(_ array: Ref<Element>, count: Int) throws(IPCError) -> UnsafeMutablePointer<Element> {
    let stride = MemoryLayout<Element>.stride
    if let array, malloc_usable_size(array) >= (count + 1) * stride { return array }
    return try allocate(max(count * 2, 4) * stride, growing: array).bindMemory(to: Element.self, capacity: count + 1)
}

@c @implementation public func ipc_switching_add(_ is: Ref<ipc_switchings>, _ orig: Int32, _ dest: Int32) {
    libipc_note_pair_change()
    try? `is`?.pointee.add(orig, dest)
}

@c @implementation public func ipc_switching_del(_ is: Ref<ipc_switchings>, _ fd: Int32) -> Int32 {
    libipc_note_pair_change()
    guard let table = `is`, let index = table.pointee.index(of: fd) else { return -1 }
    defer { table.pointee.remove(at: index) }
    return table.pointee.counterpart(of: fd)
}

@c @implementation
public func ipc_switching_get(_ is: Ref<ipc_switchings>, _ fd: Int32) -> Int32 { `is`?.pointee.counterpart(of: fd) ?? -1 }

@c @implementation public func ipc_switching_free(_ is: Ref<ipc_switchings>) {
    libipc_note_pair_change()
    `is`?.pointee.clear()
}

@c @implementation public func ipc_ctx_switching_add(_ ctx: Ref<ipc_ctx>, _ orig: Int32, _ dest: Int32) {
    guard let ctx else { return }
    guard PublicRoster.context(behind: ctx) != nil else { return ipc_switching_add(&ctx.pointee.switchdb, orig, dest) }
    try? withContext(ctx) { context throws(IPCError) in try context.tie(orig, dest) }
}

@c @implementation public func ipc_ctx_switching_del(_ ctx: Ref<ipc_ctx>, _ fd: Int32) -> Int32 {
    guard let ctx else { return -1 }
    return ipc_switching_del(&ctx.pointee.switchdb, fd)
}

@c @implementation
public func ipc_switching_callbacks(_ ctx: Ref<ipc_ctx>, _ fd: Int32, _ cb_in: ipc_switching.Reader?, _ cb_out: ipc_switching.Writer?) {
    change(ctx, fd) {
        $0.set(fd, reader: cb_in)
        $0.set(fd, writer: cb_out)
    }
}

@c @implementation public func ipc_switching_callbacks_(_ ctx: Ref<ipc_ctx>, _ fd: Int32, _ cb_in: ipc_switching.Reader?) {
    change(ctx, fd) { $0.set(fd, reader: cb_in) }
}

/// Changes the pair of `fd`, and has its ends looked at again.
private func change(_ ctx: Ref<ipc_ctx>, _ fd: Int32, _ body: (inout ipc_switching) -> Void) {
    guard let ctx, PublicRoster.context(behind: ctx) != nil else { return }
    try? withContext(ctx) { context throws(IPCError) in
        context.roster.withPair(of: fd, body)
        if let connection = context.live(fd) { context.resume(connection) }
    }
}
