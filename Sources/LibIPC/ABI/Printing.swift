// Printing.swift - exports: the functions whose job it is to print, on stdout.

import CLibIPC

private func printLine(_ line: Text) {
    line.withBytes { libipc_print($0, $1) }
    libipc_print("\n", 1)
}

@c @implementation public func ipc_ctx_print(_ ctx: Ref<ipc_ctx>) {
    guard let ctx = ctx?.pointee else { return }
    printLine("context: entries \(ctx.size), messages to send \(ctx.tx.size), switched pairs \(ctx.switchdb.size)")
    for index in 0..<ctx.size {
        guard let info = ctx.cinfos?[index], let polled = ctx.pollfd?[index] else { break }
        printLine("  \(index): descriptor \(polled.fd) \(name(info.type))\(info.spath == nil ? "" : " ")\(UnsafePointer(info.spath))")
    }
    libipc_flush()
}

private func name(_ type: ipc_connection_type) -> StaticString {
    switch ConnectionKind(rawValue: type.rawValue) {
    case .ipc: "ipc"
    case .external: "external"
    case .server: "server"
    case .switched: "switched"
    case nil: "unknown"
    }
}

@c @implementation public func ipc_switching_print(_ is: Ref<ipc_switchings>) {
    guard let table = `is`?.pointee else { return }
    printLine("switched pairs \(table.size)")
    for index in 0..<table.size {
        guard let pair = table.collection?[index] else { break }
        printLine("  \(pair.orig) <-> \(pair.dest)")
    }
    libipc_flush()
}

@c @implementation public func ipc_message_print(_ m: Const<ipc_message>) {
    guard let m = m?.pointee else { return }
    printLine("message: descriptor \(m.fd), type \(m.type), user type \(m.user_type), bytes \(m.length)")
    dump("  ", m.payload, Int(m.length))
}

@c @implementation public func print_hexa(_ prefix: CText, _ payload: Ref<UInt8>, _ size: Int) { dump(prefix, payload, size) }

private func dump(_ prefix: CText, _ bytes: UnsafeRawPointer?, _ count: Int) {
    for start in stride(from: 0, to: bytes == nil ? 0 : max(count, 0), by: 16) {
        var line: Text = "\(prefix) (\(count))"
        for byte in UnsafeRawBufferPointer(start: bytes, count: count)[start..<min(start + 16, count)] {
            line = "\(line) \(hexadecimal: byte)"
        }
        printLine(line)
    }
    libipc_flush()
}
