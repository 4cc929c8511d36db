// Printing.swift - exports: the functions whose job it is to print, on stdout.

import CLibIPC

/// Prints one line of at most 256 bytes.
@inline(never)
private func printLine(_ body: (inout TextWriter) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
        var text = TextWriter(buffer)
        body(&text)
        libipc_print(buffer.baseAddress, text.count)
        libipc_print("\n", 1)
    }
}

@c @implementation
public func ipc_ctx_print(_ ctx: UnsafeMutablePointer<ipc_ctx>?) {
    guard let ctx else { return }
    let context = ctx.pointee
    printLine { text in
        text.write("context: entries ")
        text.write(Int(context.size))
        text.write(", messages to send ")
        text.write(Int(context.tx.size))
        text.write(", switched pairs ")
        text.write(Int(context.switchdb.size))
    }
    for index in 0..<context.size {
        guard let info = context.cinfos?[index], let polled = context.pollfd?[index] else { break }
        printLine { text in
            text.write("  ")
            text.write(Int(index))
            text.write(": descriptor ")
            text.write(Int(polled.fd))
            text.write(" ")
            text.write(name(info.type))
            if let path = info.spath {
                text.write(" ")
                text.write(path)
            }
        }
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

@c @implementation
public func ipc_switching_print(_ is: UnsafeMutablePointer<ipc_switchings>?) {
    guard let table = `is` else { return }
    printLine { text in
        text.write("switched pairs ")
        text.write(Int(table.pointee.size))
    }
    for index in 0..<table.pointee.size {
        guard let pair = table.pointee.collection?[index] else { break }
        printLine { text in
            text.write("  ")
            text.write(Int(pair.orig))
            text.write(" <-> ")
            text.write(Int(pair.dest))
        }
    }
    libipc_flush()
}

@c @implementation
public func ipc_message_print(_ m: UnsafePointer<ipc_message>?) {
    guard let m else { return }
    printLine { text in
        text.write("message: descriptor ")
        text.write(Int(m.pointee.fd))
        text.write(", type ")
        text.write(Int(m.pointee.type))
        text.write(", user type ")
        text.write(Int(m.pointee.user_type))
        text.write(", bytes ")
        text.write(Int(m.pointee.length))
    }
    guard m.pointee.length > 0, let payload = m.pointee.payload else { return libipc_flush() }
    dump("  ", payload, Int(m.pointee.length))
}

@c @implementation
public func print_hexa(_ prefix: UnsafePointer<CChar>?, _ payload: UnsafeMutablePointer<UInt8>?, _ size: Int) {
    guard let payload else { return }
    dump(prefix, payload, size)
}

private func dump(_ prefix: UnsafePointer<CChar>?, _ bytes: UnsafeRawPointer, _ count: Int) {
    let digits: StaticString = "0123456789abcdef"
    for start in stride(from: 0, to: max(count, 0), by: 16) {
        printLine { text in
            text.write(prefix)
            text.write(" (")
            text.write(count)
            text.write(")")
            for offset in start..<min(start + 16, count) {
                let byte = bytes.load(fromByteOffset: offset, as: UInt8.self)
                text.write(byte: UInt8(ascii: " "))
                text.write(byte: digits.utf8Start[Int(byte >> 4)])
                text.write(byte: digits.utf8Start[Int(byte & 15)])
            }
        }
    }
    libipc_flush()
}
