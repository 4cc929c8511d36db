// Trace.swift - with LIBIPC_DEBUG=1 in the environment, a line on stderr for each event and each error.

import CLibIPC

enum Trace {
    private static let names: InlineArray<10, StaticString> = [
        "nothing", "error", "extra socket", "switch", "connection", "disconnection", "message", "lookup", "timer", "tx",
    ]

    static func note(_ event: borrowing Event, _ header: FrameHeader? = nil) {
        guard libipc_debug() != 0 else { return }
        var line: Text = "\(names[min(Int(event.kind.rawValue), 9)]): entry \(event.index), descriptor \(event.descriptor)"
        if let header { line = "\(line), type \(header.type), user type \(header.userType), \(header.length) bytes" }
        write(line)
    }

    static func note(_ error: IPCError) { if libipc_debug() != 0 { write("error \(error.code.rawValue): \(error.text)") } }

    /// In one piece, and without stdio's lock: several processes share the terminal.
    private static func write(_ line: Text) {
        ("libipc: \(line)\n" as Text).withBytes { bytes, count in _ = CLibIPC.write(2, bytes, count) }
    }
}
