// PairIndexTests.swift - the index of a table of pairs finds what a search from the front finds, whoever has changed the table.

import CLibIPC
import Testing

@testable import LibIPC

@Suite("PairIndex") struct PairIndexTests {
    /// A table as a context has it, and the same pairs in an array.
    private final class Pairs {
        var index = PairIndex()
        var table = ipc_switchings()

        deinit { table.clear() }

        /// - Parameter isForeign: the program changes the table by itself.
        func add(_ first: Int32, _ second: Int32, isForeign: Bool = false) throws {
            if isForeign { return ipc_switching_add(&table, first, second) }
            try index.add(first, second, in: &table)
        }

        /// Returns the other end.
        func remove(_ descriptor: Int32, isForeign: Bool = false) -> Int32? {
            if !isForeign { return index.remove(descriptor, in: &table) }
            let other = ipc_switching_del(&table, descriptor)
            return other < 0 ? nil : other
        }

        /// Where the index has the descriptor, and where a search finds it.
        func places(of descriptor: Int32) -> (indexed: Int?, searched: Int?) {
            func place(_ pair: Ref<ipc_switching>?) -> Int? { pair.map { $0 - table.collection } }
            return (place(index.pair(of: descriptor, in: table)), place(table.pair(of: descriptor)))
        }

        /// The descriptors of which the index says something else than a search.
        func differences(_ candidates: some Sequence<Int32>) -> [Int32] {
            candidates.filter {
                let (indexed, searched) = places(of: $0)
                return indexed != searched
            }
        }

        func other(_ descriptor: Int32) -> Int32? {
            index.pair(of: descriptor, in: table).map { $0.pointee.end(opposite: descriptor) }
        }
    }

    @Test("In an empty table nobody is in a pair")
    func empty() {
        let pairs = Pairs()
        #expect(pairs.other(1) == nil)
        #expect(pairs.remove(1) == nil)
        #expect(pairs.table.size == 0)
    }

    @Test("Both ends lead to their pair, and to each other")
    func ends() throws {
        let pairs = Pairs()
        for first in stride(from: 0, to: 20, by: 2) as StrideTo<Int32> { try pairs.add(first, first + 1) }
        for number in 0..<20 as Range<Int32> { #expect(pairs.other(number) == number ^ 1) }
        #expect(pairs.other(20) == nil)
        #expect(pairs.differences(-1...20) == [])
    }

    @Test("A pair that goes leaves its place to the last one, whichever end is named", arguments: 0..<10 as Range<Int32>)
    func remove(number: Int32) throws {
        let pairs = Pairs()
        for first in stride(from: 0, to: 10, by: 2) as StrideTo<Int32> { try pairs.add(first, first + 1) }
        #expect(pairs.remove(number) == number ^ 1)
        #expect(pairs.table.size == 4)
        #expect(pairs.other(number) == nil)
        #expect(pairs.other(number ^ 1) == nil)
        #expect(pairs.differences(0..<10) == [])
    }

    @Test("A table that gets empty takes pairs again")
    func emptied() throws {
        let pairs = Pairs()
        for _ in 1...3 {
            try pairs.add(3, 4)
            #expect(pairs.other(4) == 3)
            #expect(pairs.remove(4) == 3)
            #expect(pairs.other(3) == nil)
            #expect(pairs.table.size == 0)
        }
    }

    @Test("What the program adds and removes by itself is found at once")
    func foreign() throws {
        let pairs = Pairs()
        try pairs.add(1, 2)
        try pairs.add(3, 4, isForeign: true)
        #expect(pairs.other(3) == 4)
        try pairs.add(5, 6)
        #expect(pairs.remove(1, isForeign: true) == 2)
        #expect(pairs.other(1) == nil)
        #expect(pairs.differences(0...7) == [])
        ipc_switching_free(&pairs.table)
        #expect(pairs.other(3) == nil)
        try pairs.add(3, 9)
        #expect(pairs.other(3) == 9)
        #expect(pairs.differences(0...9) == [])
    }

    @Test("A table that the program has emptied is not looked at behind its end, though the index was larger")
    func emptiedByProgram() throws {
        let pairs = Pairs()
        for first in stride(from: 0, to: 10, by: 2) as StrideTo<Int32> { try pairs.add(first, first + 1) }
        #expect(pairs.other(8) == 9)
        // The memory of the former pairs is still there, behind the end of the table.
        libipc_note_pair_change()
        pairs.table.size = 0
        try pairs.add(8, 20)
        #expect(pairs.places(of: 8) == (0, 0))
        #expect(pairs.other(8) == 20)
        #expect(pairs.differences(0...20) == [])
    }

    @Test("A descriptor in several pairs is in the first of them, also when that goes", arguments: [false, true])
    func duplicates(isForeign: Bool) throws {
        let pairs = Pairs()
        for (first, second) in [(1, 2), (3, 1), (1, 4), (5, 6)] as [(Int32, Int32)] { try pairs.add(first, second, isForeign: isForeign) }
        for other in [2, 3, 4] as [Int32] {
            #expect(pairs.differences(0...7) == [])
            #expect(pairs.other(1) == other)
            #expect(pairs.remove(1) == other)
        }
        #expect(pairs.other(1) == nil)
        #expect(pairs.other(5) == 6)
    }

    @Test("A descriptor that is paired with itself is its own other end")
    func itself() throws {
        let pairs = Pairs()
        try pairs.add(7, 7)
        try pairs.add(1, 2)
        #expect(pairs.other(7) == 7)
        #expect(pairs.remove(7) == 7)
        #expect(pairs.other(7) == nil)
        #expect(pairs.differences(0...7) == [])
    }

    @Test("Random changes by the library and by the program leave what a search finds", arguments: seeds)
    func random(seed: UInt64) throws {
        var generator = Seeded(seed)
        // The first range has each descriptor in several pairs, the last hardly any.
        for range in [0..<6, 0..<30, 0..<2000] as [Range<Int32>] {
            let pairs = Pairs()
            for turn in 0..<1500 {
                let (first, second) = (Int32.random(in: range, using: &generator), Int32.random(in: range, using: &generator))
                let isForeign = Int.random(in: 0..<4, using: &generator) == 0
                if Int.random(in: 0..<200, using: &generator) == 0 {
                    ipc_switching_free(&pairs.table)
                } else if Bool.random(using: &generator), pairs.table.size < 60 {
                    try pairs.add(first, second, isForeign: isForeign)
                } else {
                    let expected = pairs.table.pair(of: first)?.pointee.end(opposite: first)
                    #expect(pairs.remove(first, isForeign: isForeign) == expected, "seed \(seed)")
                }
                let looked = [first, second, Int32.random(in: range, using: &generator)]
                #expect(pairs.differences(looked) == [], "seed \(seed)")
                if turn % 100 == 0 { #expect(pairs.differences(range) == [], "seed \(seed)") }
            }
        }
    }
}
