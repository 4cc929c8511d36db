// ScratchTests.swift - memory that a context keeps, and bytes that a connection keeps.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("Scratch") struct ScratchTests {
    @Test("Bytes leave from the front, and the memory with the last")
    func bytes() throws {
        let memory = try #require(malloc(4))
        memcpy(memory, "abcd", 4)
        var bytes = Bytes(UnsafeRawBufferPointer(start: memory, count: 3), adopting: memory)
        #expect(bytes.count == 3)
        bytes.drop(1)
        #expect(bytes.readable.elementsEqual("bc".utf8))
        bytes.drop(0)
        #expect(bytes.count == 2)
        bytes.drop(2)
        #expect(bytes.count == 0)
        #expect(bytes.readable.baseAddress == nil)
    }

    @Test("A receive follows the bytes that came before, and what is left is kept elsewhere")
    func scratch() throws {
        var scratch = Scratch(size: 32)
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        let space = try scratch.space(behind: empty)
        #expect(space.count == 32)
        space.copyBytes(from: "abcde".utf8)
        let kept = scratch.keep(UnsafeRawBufferPointer(rebasing: space[2..<5]))
        space.copyBytes(from: "-----".utf8)
        #expect(kept.readable.elementsEqual("cde".utf8))
        let again = try scratch.space(behind: kept.readable)
        let start = try #require(again.baseAddress)
        #expect(start == space.baseAddress)
        #expect(UnsafeRawBufferPointer(start: start - 3, count: 3).elementsEqual("cde".utf8))
        let nothing = scratch.keep(empty)
        #expect(nothing.count == 0)
    }

    /// A block for a message of that size.
    private func block(_ size: Int, _ scratch: inout Scratch) throws -> UnsafeMutableRawPointer {
        try scratch.block(size, IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY)
    }

    @Test("The block of a large message serves the next one, if it is large enough")
    func recycling() throws {
        var scratch = Scratch()
        let first = try block(100_000, &scratch)
        #expect(malloc_usable_size(first) >= 100_000)
        scratch.recycle(first, 100_000)
        let larger = try block(1_000_000, &scratch)
        #expect(larger != first)
        #expect(malloc_usable_size(larger) >= 1_000_000)
        let small = try block(10, &scratch)
        #expect(small != first)
        let again = try block(90_000, &scratch)
        #expect(again == first)
        for block in [larger, small, again] { free(block) }
    }

    @Test("Two blocks are kept at most, and no small one")
    func limit() throws {
        var scratch = Scratch()
        let large = try (0..<3).map { _ in try block(100_000, &scratch) }
        for block in large { scratch.recycle(block, 100_000) }
        let (first, second) = (try block(100_000, &scratch), try block(100_000, &scratch))
        #expect([first, second] == Array(large[..<2]))
        scratch.recycle(try block(100, &scratch), 100)
        scratch.recycle(nil, 0)
        for block in [first, second] { free(block) }
    }

    @Test("Memory that cannot be had is an error of the code that was asked for")
    func noMemory() {
        var scratch = Scratch()
        let error = #expect(throws: IPCError.self) { try scratch.block(.max, IPC_ERROR_USOCK_SEND) }
        #expect(error?.code == IPC_ERROR_USOCK_SEND)
        #expect(error?.systemError == ENOMEM)
    }
}
