// BufferPoolTests.swift - memory that a context keeps, and bytes that a connection keeps.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("BufferPool") struct BufferPoolTests {
    @Test("Bytes leave from the front, and the memory with the last")
    func bytes() throws {
        let memory = try #require(malloc(4))
        memcpy(memory, "abcd", 4)
        var bytes = Bytes(UnsafeRawBufferPointer(start: memory, count: 3), adopting: memory)
        #expect(bytes.count == 3)
        bytes.removeFirst(1)
        #expect(bytes.readable.elementsEqual("bc".utf8))
        bytes.removeFirst(0)
        #expect(bytes.count == 2)
        bytes.removeFirst(2)
        #expect(bytes.count == 0)
        #expect(bytes.readable.baseAddress == nil)
    }

    @Test("A receive follows the bytes that came before, and what is left is kept elsewhere")
    func pool() throws {
        var pool = BufferPool(size: 32)
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        let space = try pool.receiveBuffer(after: empty)
        #expect(space.count == 32)
        space.copyBytes(from: "abcde".utf8)
        let kept = pool.detach(UnsafeRawBufferPointer(rebasing: space[2..<5]))
        space.copyBytes(from: "-----".utf8)
        #expect(kept.readable.elementsEqual("cde".utf8))
        let again = try pool.receiveBuffer(after: kept.readable)
        let start = try #require(again.baseAddress)
        #expect(start == space.baseAddress)
        #expect(UnsafeRawBufferPointer(start: start - 3, count: 3).elementsEqual("cde".utf8))
        let nothing = pool.detach(empty)
        #expect(nothing.count == 0)
    }

    /// A block for a message of that size.
    private func block(_ size: Int, _ pool: inout BufferPool) throws -> UnsafeMutableRawPointer {
        try pool.takeBlock(size, IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY)
    }

    @Test("The block of a large message serves the next one, if it is large enough")
    func recycling() throws {
        var pool = BufferPool()
        let first = try block(100_000, &pool)
        #expect(malloc_usable_size(first) >= 100_000)
        pool.returnPayload(first, 100_000)
        let larger = try block(1_000_000, &pool)
        #expect(larger != first)
        #expect(malloc_usable_size(larger) >= 1_000_000)
        let small = try block(10, &pool)
        #expect(small != first)
        let again = try block(90_000, &pool)
        #expect(again == first)
        for block in [larger, small, again] { free(block) }
    }

    @Test("Two large blocks are kept at most, and none that is neither large nor small")
    func limit() throws {
        var pool = BufferPool()
        let large = try (0..<3).map { _ in try block(100_000, &pool) }
        for block in large { pool.returnPayload(block, 100_000) }
        let (first, second) = (try block(100_000, &pool), try block(100_000, &pool))
        #expect([first, second] == Array(large[..<2]))
        let between = try block(5000, &pool)
        pool.returnPayload(between, 5000)
        pool.returnPayload(nil, 0)
        for block in [first, second] { free(block) }
    }

    @Test("Small blocks serve any small message, the last one first", arguments: [0, 1, 120])
    func small(size: Int) throws {
        var pool = BufferPool()
        let blocks = try (0..<3).map { _ in try block(size, &pool) }
        for block in blocks {
            #expect(malloc_usable_size(block) >= 120)
            memset(block, 255, 120)
            pool.returnBlock(block, size)
        }
        let again = try [120, 0, 1].map { try block($0, &pool) }
        #expect(again == blocks.reversed())
        let larger = try block(121, &pool)
        #expect(!blocks.contains(larger))
        for block in again + [larger] { free(block) }
    }

    @Test("Medium blocks serve messages of about the same size", arguments: [121, 1025, 4096])
    func medium(size: Int) throws {
        var pool = BufferPool()
        let blocks = try (0..<3).map { _ in try block(size, &pool) }
        for block in blocks {
            #expect(malloc_usable_size(block) >= size)
            pool.returnBlock(block, size)
        }
        let first = try block(size, &pool)
        #expect(first == blocks[2])
        let second = try block(size - 1 > 120 ? size - 1 : size, &pool)
        #expect(second == blocks[1])
        // One that is too large, or too small, goes.
        let other = try block(size > 1000 ? 130 : 3000, &pool)
        #expect(malloc_usable_size(other) < 2 * 3000)
        #expect(malloc_usable_size(other) >= (size > 1000 ? 130 : 3000))
        for block in [first, second, other] { free(block) }
    }

    @Test("Sixty-four small blocks are kept at most, and as many medium ones", arguments: [100, 1000])
    func smallLimit(size: Int) throws {
        var pool = BufferPool()
        let blocks = try (0..<70).map { _ in try block(size, &pool) }
        for block in blocks { pool.returnBlock(block, size) }
        let again = try (0..<70).map { _ in try block(size, &pool) }
        #expect(Array(again[..<64]) == blocks[..<64].reversed())
        for block in again { free(block) }
    }

    @Test("What a program brings back is as large as it says, and no larger", arguments: [24, 5000, 100_000])
    func foreign(size: Int) throws {
        var pool = BufferPool()
        pool.returnPayload(malloc(size), size)
        // For its NUL a message of the same length needs one byte more.
        let next = try pool.takePayload(size + 1, IPC_ERROR_HANDLE_MESSAGE__NOT_ENOUGH_MEMORY)
        #expect(next.size == size + 1)
        memset(next.memory, 255, next.size)
        free(next.memory)
    }

    @Test("Small blocks that are kept go with their context")
    func smallBlocksGo() throws {
        var pool = BufferPool()
        for block in try (0..<5).map({ _ in try block(10, &pool) }) { pool.returnBlock(block, 10) }
        pool = BufferPool()
        let next = try block(10, &pool)
        pool.returnBlock(next, 10)
        #expect(try block(10, &pool) == next)
        free(next)
    }

    @Test("Memory that cannot be had is an error of the code that was asked for")
    func noMemory() {
        var pool = BufferPool()
        let error = #expect(throws: IPCError.self) { try pool.takeBlock(.max, IPC_ERROR_USOCK_SEND) }
        #expect(error?.code == IPC_ERROR_USOCK_SEND)
        #expect(error?.systemError == ENOMEM)
    }
}
