// Switchings.swift - the table of switched pairs, a program's own or a context's, as the public header shows it.

extension ipc_switching {
    public typealias Reader = @convention(c) (Int32, Ref<ipc_message>?, Ref<Int16>?) -> ipccb
    public typealias Writer = @convention(c) (Int32, Ref<ipc_message>?) -> ipccb

    func has(_ descriptor: Int32) -> Bool { orig == descriptor || dest == descriptor }
    func end(opposite descriptor: Int32) -> Int32 { orig == descriptor ? dest : orig }
    func reader(of descriptor: Int32) -> Reader? { orig == descriptor ? orig_in : dest_in }
    func writer(of descriptor: Int32) -> Writer? { orig == descriptor ? orig_out : dest_out }

    mutating func set(_ descriptor: Int32, _ reader: Reader?, _ writer: Writer?) {
        if orig == descriptor { (orig_in, orig_out) = (reader, writer) } else { (dest_in, dest_out) = (reader, writer) }
    }
}

extension ipc_switchings {
    /// The first pair of the descriptor.
    func pair(of descriptor: Int32) -> Ref<ipc_switching>? {
        guard let collection else { return nil }
        return (0..<size).first { collection[$0].has(descriptor) }.map { collection + $0 }
    }

    mutating func add(_ orig: Int32, _ dest: Int32) throws(IPCError) {
        collection = try grow(collection, count: size)
        collection[size] = ipc_switching(orig: orig, dest: dest, orig_in: nil, orig_out: nil, dest_in: nil, dest_out: nil)
        size += 1
    }

    /// Removes a pair; the last one takes its place.
    mutating func remove(at place: Int) {
        size -= 1
        collection[place] = collection[size]
        if size == 0 { clear() }
    }

    mutating func clear() {
        free(collection)
        self = ipc_switchings()
    }
}

/// Makes room for one more element in a public array. A program may have allocated the array itself, with room for its elements only,
/// and there is no field for a capacity. So realloc(3) is called each time: malloc(3) knows the size of the block.
func grow<Element>(_ array: Ref<Element>?, count: Int) throws(IPCError) -> Ref<Element> {
    let (size, overflows) = (count + 1).multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    let needed = overflows ? Int.max : size
    return try allocate(needed, growing: array).bindMemory(to: Element.self, capacity: count + 1)
}

@c @implementation public func ipc_switching_add(_ is: Ref<ipc_switchings>?, _ orig: Int32, _ dest: Int32) {
    libipc_note_pair_change()
    try? `is`?.pointee.add(orig, dest)
}

@c @implementation public func ipc_switching_del(_ is: Ref<ipc_switchings>?, _ fd: Int32) -> Int32 {
    libipc_note_pair_change()
    guard let table = `is`, let removed = table.pointee.pair(of: fd) else { return -1 }
    let other = removed.pointee.end(opposite: fd)
    table.pointee.remove(at: removed - table.pointee.collection)
    return other
}

@c @implementation
public func ipc_switching_get(_ is: Ref<ipc_switchings>?, _ fd: Int32) -> Int32 {
    `is`?.pointee.pair(of: fd)?.pointee.end(opposite: fd) ?? -1
}

@c @implementation public func ipc_switching_free(_ is: Ref<ipc_switchings>?) {
    libipc_note_pair_change()
    `is`?.pointee.clear()
}

@c @implementation public func ipc_ctx_switching_add(_ ctx: Ref<ipc_ctx>?, _ orig: Int32, _ dest: Int32) {
    changePairs(ctx) { index, table in (try? index.add(orig, dest, in: &table)) == nil ? nil : (orig, dest) }
}

@c @implementation public func ipc_ctx_switching_del(_ ctx: Ref<ipc_ctx>?, _ fd: Int32) -> Int32 {
    var other: Int32?
    changePairs(ctx) { index, table in
        other = index.remove(fd, in: &table)
        return other.map { (fd, $0) }
    }
    return other ?? -1
}

@c @implementation
public func ipc_switching_callbacks(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ cb_in: ipc_switching.Reader?, _ cb_out: ipc_switching.Writer?) {
    changePair(ctx, fd) { $0.set(fd, cb_in, cb_out) }
}

@c @implementation public func ipc_switching_callbacks_(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ cb_in: ipc_switching.Reader?) {
    changePair(ctx, fd) { $0.set(fd, cb_in, $0.writer(of: fd)) }
}

private func changePair(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ body: (inout ipc_switching) -> Void) {
    changePairs(ctx) { index, table in
        guard let pair = index.pair(of: fd, in: table) else { return nil }
        body(&pair.pointee)
        return (fd, pair.pointee.end(opposite: fd))
    }
}

/// Changes the table of a context's pairs, which there may be before there is an entry. The context looks again at the two
/// ends that `body` names, and at no others.
@inline(never)
private func changePairs(_ ctx: Ref<ipc_ctx>?, _ body: (inout PairIndex, inout ipc_switchings) -> (Int32, Int32)?) {
    guard let ctx else { return }
    /// Whether there is, or was, a context, or it must not be entered.
    func changeInContext(inside: Bool = false) -> Bool {
        do throws(IPCError) {
            let changed: Void? = try withKnownContext(ctx, inside: inside) { context in
                if let (first, second) = context.view.changePairs(body) { context.resumePair(first, second) }
            }
            return changed != nil
        } catch { return true }
    }
    if changeInContext() { return }
    // Nobody makes a context here meanwhile.
    let creationLock = libipc_creation_lock()
    guard libipc_enter(creationLock, libipc_stack_address()) != 0 else { return }
    defer { libipc_leave(creationLock) }
    if changeInContext(inside: true) { return }
    var index = PairIndex()
    _ = body(&index, &ctx.pointee.switchdb)
}
