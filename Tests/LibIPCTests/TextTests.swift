// TextTests.swift - what errors and traces say, written without allocation and cut where it would not fit.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Text") struct TextTests {
    @Test("A literal is its own text")
    func literal() {
        #expect(("" as Text).string == "")
        #expect(("a text, ümlauts and all" as Text).string == "a text, ümlauts and all")
    }

    @Test("A text takes literals and C strings in")
    func strings() {
        let fixed: StaticString = "fixed"
        #expect(("<\(fixed)>" as Text).string == "<fixed>")
        "from C".withCString { text in #expect(("<\(text)>" as Text).string == "<from C>") }
        let missing: UnsafePointer<CChar>? = nil
        #expect(("<\(missing)>" as Text).string == "<>")
    }

    @Test("A text takes bytes in, whatever they are, and none")
    func bytes() {
        [UInt8](arrayLiteral: 65, 0, 255, 66).withUnsafeBytes { bytes in
            let text = Text.bytes(("\(bytes)" as Text).sequence)
            #expect(text?.elementsEqual([65, 0, 255, 66]) == true)
        }
        #expect(("<\(UnsafeRawBufferPointer(start: nil, count: 0))>" as Text).string == "<>")
    }

    @Test("A text takes a number in, as it is written")
    func numbers() {
        for number in [0, 9, 10, 99, 100, 12_345, .max, -1, -9, -10, .min] as [Int] { #expect(("\(number)" as Text).string == "\(number)") }
        for number in [0, 1, .max, .min] as [Int32] { #expect(("\(number)" as Text).string == "\(number)") }
        for number in [0, .max] as [UInt64] { #expect(("\(number)" as Text).string == "\(number)") }
        for number in [.min, .max] as [Int8] { #expect(("\(number)" as Text).string == "\(number)") }
    }

    @Test("The system says what its error numbers mean")
    func reason() {
        #expect(("\(reason: ENOENT)" as Text).string == ": No such file or directory")
        #expect(("\(reason: -1)" as Text).string != "")
    }

    @Test("A text ends after 256 bytes, wherever that falls", arguments: [0, 1, 255, 256, 257, 300, 100_000])
    func cut(count: Int) {
        let long = String(repeating: "x", count: count)
        long.withCString { long in
            #expect(("\(long)" as Text).string == String(repeating: "x", count: min(count, 256)))
            #expect(("\(long)|\(12345)" as Text).string == String((String(cString: long) + "|12345").prefix(256)))
        }
    }
}

@Suite("IPCError") struct IPCErrorTests {
    @Test("An error says what failed, on what, and the system's reason")
    func system() throws {
        let failed = "nowhere".withCString { name in
            unlink("/no/such/directory/no/such/file")
            return IPCError.system(IPC_ERROR_USOCK_CONNECT__CONNECT, "connect to \(name)")
        }
        #expect(failed.code == IPC_ERROR_USOCK_CONNECT__CONNECT)
        #expect(failed.systemError == ENOENT)
        #expect(failed.text.string == "connect to nowhere: No such file or directory")
    }

    @Test("An error without a reason of the system's says nothing of one")
    func plain() {
        let error = IPCError(IPC_ERROR_WRITE__FD_NOT_FOUND, "descriptor \(3) is not in this context")
        #expect(error.systemError == 0)
        #expect(error.text.string == "descriptor 3 is not in this context")
    }

    @Test("The same reason can go under another code")
    func recoded() {
        let error = IPCError(IPC_ERROR_USOCK_SEND, "send", systemError: EPIPE).with(code: IPC_ERROR_NONE)
        #expect(error.code == IPC_ERROR_NONE)
        #expect(error.systemError == EPIPE)
        #expect(error.text.string == "send: Broken pipe")
    }

    @Test("An error's text waits for it; should another come between, the code's own text stands for it")
    func waitingText() {
        let first = IPCError(IPC_ERROR_USOCK_SEND, "the first")
        #expect(first.text.string == "the first")
        #expect(first.with(code: IPC_ERROR_NONE).text.string == "the first")
        let second = IPCError(IPC_ERROR_USOCK_RECV, "the second")
        #expect(second.text.string == "the second")
        #expect(first.text.string == ipc_errors_get(IPC_ERROR_USOCK_SEND).map { String(cString: $0) })
        #expect(second.text.string == "the second")
    }

    @Test("What the system is short of may be there next time; what a peer did will not change")
    func shortage() {
        for number in [ENOMEM, ENOBUFS, EMFILE, ENFILE] { #expect(IPCError(IPC_ERROR_USOCK_RECV, "", systemError: number).isShortage) }
        for number in [0, EPIPE, ECONNRESET, EBADF, EAGAIN] { #expect(!IPCError(IPC_ERROR_USOCK_RECV, "", systemError: number).isShortage) }
    }

    @Test("A check throws when it does not hold, and only then makes its text")
    func checks() throws {
        func never() -> Text {
            Issue.record("nobody asked for this text")
            return ""
        }
        try check(true, IPC_ERROR_USOCK_SEND, never())
        #expect(try check(call: Int32(0), IPC_ERROR_USOCK_SEND, never()) == 0)
        #expect(try check(call: 5, IPC_ERROR_USOCK_SEND, never()) == 5)
        let error = #expect(throws: IPCError.self) { try check(false, IPC_ERROR_USOCK_SEND, "does not hold") }
        #expect(error?.text.string == "does not hold")
        let failed = #expect(throws: IPCError.self) { try check(call: close(-1), IPC_ERROR_USOCK_CLOSE, "close") }
        #expect(failed?.systemError == EBADF)
    }

    @Test("An error takes the code of the call that fails, and keeps its text and its reason")
    func codes() {
        let error = #expect(throws: IPCError.self) {
            try failing(with: IPC_ERROR_POLLER, try check(call: close(-1), IPC_ERROR_USOCK_CLOSE, "close"))
        }
        #expect(error?.code == IPC_ERROR_POLLER)
        #expect(error?.systemError == EBADF)
        #expect(error?.text.string.hasPrefix("close: ") == true)
    }

    @Test("A new text replaces the one before; a copy of that one stays")
    func copies() throws {
        let first: Text = "the first"
        let bytes = try #require(Text.bytes(first.sequence))
        let copy = SavedText(bytes)
        let second: Text = "after \(copy)"
        #expect(second.string == "after the first")
        let third: Text = "\(copy, room: 3), \(copy)"
        #expect(third.string == "the, the first")
        #expect(Text.bytes(first.sequence) == nil)
    }
}
