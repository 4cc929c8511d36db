// Switchings.swift - the table of switched pairs, a program's own or a context's, as the public header shows it.

import CLibIPC

extension ipc_switching {
    public typealias Reader = @convention(c) (Int32, UnsafeMutablePointer<ipc_message>?, UnsafeMutablePointer<Int16>?) -> ipccb
    public typealias Writer = @convention(c) (Int32, UnsafeMutablePointer<ipc_message>?) -> ipccb

    func has(_ descriptor: Int32) -> Bool { orig == descriptor || dest == descriptor }
    func end(opposite descriptor: Int32) -> Int32 { orig == descriptor ? dest : orig }
}

enum Switchings {
    static func find(_ table: ipc_switchings, _ descriptor: Int32) -> Int? {
        guard let collection = table.collection else { return nil }
        for index in 0..<table.size where collection[index].has(descriptor) { return index }
        return nil
    }

    static func add(_ table: inout ipc_switchings, _ orig: Int32, _ dest: Int32) throws(OutOfMemory) {
        let collection = try grow(table.collection, count: table.size)
        table.collection = collection
        collection[table.size] = ipc_switching(
            orig: orig, dest: dest, orig_in: nil, orig_out: nil, dest_in: nil, dest_out: nil)
        table.size += 1
    }

    /// The pair that was removed; the last one takes its place.
    static func remove(_ table: inout ipc_switchings, at index: Int) -> ipc_switching? {
        guard let collection = table.collection else { return nil }
        let removed = collection[index]
        table.size -= 1
        collection[index] = collection[table.size]
        if table.size == 0 { clear(&table) }
        return removed
    }

    static func clear(_ table: inout ipc_switchings) {
        free(table.collection)
        table = ipc_switchings()
    }
}

/// Room for one element more in a public array, whose capacity only malloc knows.
func grow<Element>(
    _ array: UnsafeMutablePointer<Element>?, count: Int
) throws(OutOfMemory) -> UnsafeMutablePointer<Element> {
    let stride = MemoryLayout<Element>.stride
    if let array, malloc_usable_size(array) >= (count + 1) * stride { return array }
    guard let grown = realloc(array, max(count * 2, 4) * stride) else { throw OutOfMemory() }
    return grown.bindMemory(to: Element.self, capacity: count + 1)
}

private func tied(
    _ table: UnsafeMutablePointer<ipc_switchings>?, _ descriptor: Int32
) -> (table: UnsafeMutablePointer<ipc_switchings>, index: Int)? {
    guard let table, let index = Switchings.find(table.pointee, descriptor) else { return nil }
    return (table, index)
}

@c @implementation
public func ipc_switching_add(_ is: UnsafeMutablePointer<ipc_switchings>?, _ orig: Int32, _ dest: Int32) {
    guard let table = `is` else { return }
    try? Switchings.add(&table.pointee, orig, dest)
}

@c @implementation
public func ipc_switching_del(_ is: UnsafeMutablePointer<ipc_switchings>?, _ fd: Int32) -> Int32 {
    guard let found = tied(`is`, fd) else { return -1 }
    return Switchings.remove(&found.table.pointee, at: found.index)?.end(opposite: fd) ?? -1
}

@c @implementation
public func ipc_switching_get(_ is: UnsafeMutablePointer<ipc_switchings>?, _ fd: Int32) -> Int32 {
    guard let found = tied(`is`, fd) else { return -1 }
    return found.table.pointee.collection?[found.index].end(opposite: fd) ?? -1
}

@c @implementation
public func ipc_switching_free(_ is: UnsafeMutablePointer<ipc_switchings>?) {
    if let table = `is` { Switchings.clear(&table.pointee) }
}

// A context's table.

@c @implementation
public func ipc_ctx_switching_add(_ ctx: UnsafeMutablePointer<ipc_ctx>?, _ orig: Int32, _ dest: Int32) {
    guard let ctx else { return }
    guard PublicRoster.context(behind: ctx) != nil else { return ipc_switching_add(&ctx.pointee.switchdb, orig, dest) }
    try? withContext(ctx) { context throws(IPCError) in try context.tie(orig, dest) }
}

@c @implementation
public func ipc_ctx_switching_del(_ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32) -> Int32 {
    guard let ctx else { return -1 }
    return ipc_switching_del(&ctx.pointee.switchdb, fd)
}

@c @implementation
public func ipc_switching_callbacks(
    _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32, _ cb_in: ipc_switching.Reader?, _ cb_out: ipc_switching.Writer?
) {
    setCallbacks(ctx, fd, cb_in, .some(cb_out))
}

@c @implementation
public func ipc_switching_callbacks_(
    _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32, _ cb_in: ipc_switching.Reader?
) {
    setCallbacks(ctx, fd, cb_in, nil)
}

private func setCallbacks(
    _ ctx: UnsafeMutablePointer<ipc_ctx>?, _ fd: Int32, _ reader: ipc_switching.Reader?, _ writer: ipc_switching.Writer??
) {
    guard let ctx else { return }
    try? withContext(ctx) { context throws(IPCError) in
        context.roster.setCallbacks(fd, reader, writer)
        try context.refresh(fd)
    }
}
