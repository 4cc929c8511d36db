// HeapArrayTests.swift - the library's own array, and memory that cannot be had.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("HeapArray") struct HeapArrayTests {
    /// An array that holds 0, 1, 2 and so on.
    private func counting(to count: Int) throws -> HeapArray<Int> {
        var array = HeapArray<Int>()
        for number in 0..<count { try array.append(number) }
        return array
    }

    private func elements(_ array: borrowing HeapArray<Int>) -> [Int] {
        var elements: [Int] = []
        for index in 0..<array.count { elements.append(array[index]) }
        return elements
    }

    @Test("A new array has neither elements nor memory")
    func empty() {
        let array = HeapArray<Int>()
        #expect(array.count == 0)
        #expect(array.base == nil)
    }

    @Test("An array keeps what is appended while it grows", arguments: [1, 4, 5, 8, 9, 1000])
    func grows(count: Int) throws {
        let array = try counting(to: count)
        #expect(elements(array) == Array(0..<count))
    }

    @Test("An element can be replaced")
    func replace() throws {
        let array = try counting(to: 3)
        array[1] = 10
        #expect(elements(array) == [0, 10, 2])
    }

    @Test("The last element takes the place of one that is dropped", arguments: [(0, [3, 1, 2]), (1, [0, 3, 2]), (3, [0, 1, 2])])
    func swapRemove(index: Int, left: [Int]) throws {
        var array = try counting(to: 4)
        array.swapRemove(at: index)
        #expect(elements(array) == left)
    }

    @Test("An array that was emptied fills again, in the same memory")
    func removeAll() throws {
        var array = try counting(to: 4)
        let base = array.base
        array.removeAll()
        #expect(array.count == 0)
        try array.append(7)
        #expect(elements(array) == [7])
        #expect(array.base == base)
        array.swapRemove(at: 0)
        #expect(array.count == 0)
    }

    @Test("Room that was reserved is there: appending moves nothing")
    func reserve() throws {
        var array = try counting(to: 4)
        try array.reserve()
        let base = array.base
        try array.append(4)
        #expect(array.base == base)
        #expect(elements(array) == [0, 1, 2, 3, 4])
    }

    @Test("Memory that cannot be had is an error, not the end of the process")
    func outOfMemory() throws {
        let error = #expect(throws: IPCError.self) { try allocate(Int.max, IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION) }
        #expect(error?.code == IPC_ERROR_USOCK_RECV__HEAP_ALLOCATION)
        #expect(error?.systemError == ENOMEM)
        #expect(error?.isShortage == true)
    }
}
