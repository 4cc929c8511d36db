// PairIndex.swift - where in a context's table of pairs a descriptor is, in constant time.
//
// The table is public (ctx->switchdb), and a program changes it by ipc_switching_add and its kin without telling a context. Each such
// call is counted (libipc_note_pair_change). After one the next look-up makes the index anew.

struct PairIndex: ~Copyable {
    private var places = NumberMap<Int32>()
    /// The table that the index was made of, and the count of changes then.
    private var (collection, size) = (nil as Ref<ipc_switching>?, 0)
    private var changes: UInt64 = 0
    /// There was no memory for the index: a look-up searches the table.
    private var isMissing = false
    /// Some descriptor is in several pairs.
    private var isAmbiguous = false

    init() {}

    /// The pair of the descriptor.
    mutating func pair(of descriptor: Int32, in table: ipc_switchings) -> Ref<ipc_switching>? {
        guard let pairs = table.collection, table.size > 0 else {
            // The next table is another one.
            collection = nil
            return nil
        }
        if collection != pairs || size != table.size || libipc_has_changed(changes) != 0 { makeAnew(pairs, table.size) }
        if isMissing { return table.pair(of: descriptor) }
        guard let place = places[descriptor] else { return nil }
        return pairs[Int(place)].has(descriptor) ? pairs + Int(place) : table.pair(of: descriptor)
    }

    @inline(never)
    private mutating func makeAnew(_ pairs: Ref<ipc_switching>, _ count: Int) {
        (collection, size, changes) = (pairs, count, libipc_current_changes())
        (isMissing, isAmbiguous) = (false, false)
        places.removeAll()
        // The first pair of a descriptor counts.
        for place in 0..<count { insert(pairs[place], at: place) }
    }

    private mutating func insert(_ pair: ipc_switching, at place: Int) {
        insert(pair.orig, at: place)
        if pair.dest != pair.orig { insert(pair.dest, at: place) }
    }

    private mutating func insert(_ descriptor: Int32, at place: Int) {
        if places[descriptor] != nil { return isAmbiguous = true }
        do throws(IPCError) {
            try places.reserve()
            places[descriptor] = Int32(truncatingIfNeeded: place)
        } catch { isMissing = true }
    }

    mutating func add(_ orig: Int32, _ dest: Int32, in table: inout ipc_switchings) throws(IPCError) {
        _ = pair(of: orig, in: table)
        try table.add(orig, dest)
        follow(table, place: table.size - 1)
    }

    /// Removes the pair of the descriptor, and returns the other end. The last pair takes its place.
    mutating func remove(_ descriptor: Int32, in table: inout ipc_switchings) -> Int32? {
        guard let removed = pair(of: descriptor, in: table) else { return nil }
        let (orig, dest, place) = (removed.pointee.orig, removed.pointee.dest, removed - table.collection)
        table.remove(at: place)
        (places[orig], places[dest]) = (nil, nil)
        if place < table.size {
            let moved = table.collection[place]
            (places[moved.orig], places[moved.dest]) = (nil, nil)
        }
        // The descriptor may be in another pair, too: the next look-up makes the index anew.
        if isAmbiguous { collection = nil }
        follow(table, place: place)
        return orig == descriptor ? dest : orig
    }

    /// The library itself has changed the table: updates the index for the pair at this place, if there is one.
    private mutating func follow(_ table: ipc_switchings, place: Int) {
        // The next look-up makes the index anew.
        if collection == nil { return }
        (collection, size, changes) = (table.collection, table.size, libipc_current_changes())
        if let collection, place < size { insert(collection[place], at: place) }
    }
}
