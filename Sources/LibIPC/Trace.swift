// Trace.swift - with LIBIPC_DEBUG=1 in the environment, a line on stderr for each event.

import CLibIPC

enum Trace {
    static var isOn: Bool { libipc_debug() != 0 }

    static func note(_ event: borrowing Event, _ header: FrameHeader?) {
        line { text in
            text.write(name(event.kind))
            if event.kind != .timer {
                text.write(": entry ")
                text.write(event.index)
                text.write(", descriptor ")
                text.write(Int(event.descriptor))
            }
            if let header {
                text.write(", type ")
                text.write(Int(header.type))
                text.write(", user type ")
                text.write(Int(header.userType))
                text.write(", bytes ")
                text.write(Int(header.length))
            }
        }
    }

    static func note(_ error: IPCError) {
        line { text in
            text.write("error ")
            text.write(Int(error.code.rawValue))
            text.write(": ")
            text.write(error)
        }
    }

    private static func line(_ body: (inout TextWriter) -> Void) {
        guard isOn else { return }
        withUnsafeTemporaryAllocation(byteCount: 512, alignment: 1) { buffer in
            var text = TextWriter(buffer)
            text.write("libipc: ")
            body(&text)
            text.write("\n")
            // In one piece, and without stdio's lock: several processes share the terminal.
            _ = write(2, buffer.baseAddress, text.count)
        }
    }

    private static func name(_ kind: Event.Kind) -> StaticString {
        switch kind {
        case .none: "nothing"
        case .error: "error"
        case .readable: "extra socket"
        case .switched: "switch"
        case .connection: "connection"
        case .disconnection: "disconnection"
        case .message: "message"
        case .timer: "timer"
        case .sent: "tx"
        case .callReader, .callWriter: "callback"
        }
    }
}
