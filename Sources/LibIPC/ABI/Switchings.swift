// Switchings.swift - exports: tables of switched pairs, of a program or of a context.

extension ipc_switching {
    public typealias Reader = @convention(c) (Int32, Ref<ipc_message>?, Ref<Int16>?) -> ipccb
    public typealias Writer = @convention(c) (Int32, Ref<ipc_message>?) -> ipccb

    func has(_ descriptor: Int32) -> Bool { orig == descriptor || dest == descriptor }
    func end(opposite descriptor: Int32) -> Int32 { orig == descriptor ? dest : orig }
    func reader(of descriptor: Int32) -> Reader? { orig == descriptor ? orig_in : dest_in }
    func writer(of descriptor: Int32) -> Writer? { orig == descriptor ? orig_out : dest_out }

    mutating func set(_ descriptor: Int32, reader: Reader?) { if orig == descriptor { orig_in = reader } else { dest_in = reader } }
    mutating func set(_ descriptor: Int32, writer: Writer?) { if orig == descriptor { orig_out = writer } else { dest_out = writer } }
}

extension ipc_switchings {
    /// The pair of `descriptor`. The hint says where the pair was last; if it is not there any more, all pairs are searched.
    func pair(of descriptor: Int32) -> Ref<ipc_switching>? {
        guard let collection else { return nil }
        let hint = Int(libipc_pair_hint(descriptor))
        if hint < size, collection[hint].has(descriptor) { return collection + hint }
        guard let index = (0..<size).first(where: { collection[$0].has(descriptor) }) else { return nil }
        libipc_set_pair_hint(descriptor, index)
        return collection + index
    }

    func counterpart(of descriptor: Int32) -> Int32? { pair(of: descriptor)?.pointee.end(opposite: descriptor) }

    mutating func add(_ orig: Int32, _ dest: Int32) throws(IPCError) {
        collection = try grow(collection, count: size)
        place(ipc_switching(orig: orig, dest: dest, orig_in: nil, orig_out: nil, dest_in: nil, dest_out: nil), at: size)
        size += 1
    }

    /// Removes the pair of `descriptor`; the last pair moves into its place. Returns the other end.
    mutating func remove(_ descriptor: Int32) -> Int32? {
        guard let removed = pair(of: descriptor) else { return nil }
        let counterpart = removed.pointee.end(opposite: descriptor)
        size -= 1
        place(collection[size], at: removed - collection)
        if size == 0 { clear() }
        return counterpart
    }

    private func place(_ pair: ipc_switching, at index: Int) {
        collection[index] = pair
        libipc_set_pair_hint(pair.orig, index)
        libipc_set_pair_hint(pair.dest, index)
    }

    mutating func clear() {
        free(collection)
        self = ipc_switchings()
    }
}

/// Makes room for one more element in a public array. The structure has no field for a capacity, and a program may have allocated the
/// array itself. So this function always calls realloc(3), which knows the size of the block.
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
    return `is`?.pointee.remove(fd) ?? -1
}

@c @implementation
public func ipc_switching_get(_ is: Ref<ipc_switchings>?, _ fd: Int32) -> Int32 { `is`?.pointee.counterpart(of: fd) ?? -1 }

@c @implementation public func ipc_switching_free(_ is: Ref<ipc_switchings>?) {
    libipc_note_pair_change()
    `is`?.pointee.clear()
}

@c @implementation public func ipc_ctx_switching_add(_ ctx: Ref<ipc_ctx>?, _ orig: Int32, _ dest: Int32) {
    change(ctx) { table in (try? table.add(orig, dest)) == nil ? nil : (orig, dest) }
}

@c @implementation public func ipc_ctx_switching_del(_ ctx: Ref<ipc_ctx>?, _ fd: Int32) -> Int32 {
    var counterpart: Int32?
    change(ctx) { table in
        counterpart = table.remove(fd)
        return counterpart.map { (fd, $0) }
    }
    return counterpart ?? -1
}

@c @implementation
public func ipc_switching_callbacks(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ cb_in: ipc_switching.Reader?, _ cb_out: ipc_switching.Writer?) {
    changePair(ctx, fd) {
        $0.set(fd, reader: cb_in)
        $0.set(fd, writer: cb_out)
    }
}

@c @implementation public func ipc_switching_callbacks_(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ cb_in: ipc_switching.Reader?) {
    changePair(ctx, fd) { $0.set(fd, reader: cb_in) }
}

private func changePair(_ ctx: Ref<ipc_ctx>?, _ fd: Int32, _ body: (inout ipc_switching) -> Void) {
    change(ctx) { table in
        guard let pair = table.pair(of: fd) else { return nil }
        body(&pair.pointee)
        return (fd, pair.pointee.end(opposite: fd))
    }
}

/// Changes the table of a context's pairs, which there may be before there is an entry. The context looks again at the two
/// ends that `body` names, and at nobody else.
@inline(never)
private func change(_ ctx: Ref<ipc_ctx>?, _ body: (inout ipc_switchings) -> (Int32, Int32)?) {
    guard let ctx else { return }
    /// Whether there is, or was, a context, or it must not be entered.
    func changeInContext(inside: Bool = false) -> Bool {
        do throws(IPCError) {
            let changed: Void? = try withKnownContext(ctx, inside: inside) { context in
                if let (first, second) = body(&context.view.switchings) { context.lookAgain(at: first, second) }
            }
            return changed != nil
        } catch { return true }
    }
    if changeInContext() { return }
    // With this lock no other thread makes a context for the structure.
    let births = libipc_births()
    guard libipc_enter(births, libipc_frame()) != 0 else { return }
    defer { libipc_leave(births) }
    if !changeInContext(inside: true) { _ = body(&ctx.pointee.switchdb) }
}
