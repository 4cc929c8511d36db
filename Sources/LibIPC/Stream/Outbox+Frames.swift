// Outbox+Frames.swift - questions about the frames of an outbox that each of them has to answer.

extension Outbox {
    /// A call waits for one of its frames to be sent.
    var holdsLent: Bool {
        var next = firstPending
        while let frame = next, frame.pointee.ownership != .lent { next = frame.pointee.next }
        return next != nil
    }

    /// Nobody is to be told of a frame that waits: when it is sent it is freed, or a call that has lent it may free it.
    var hasUnlisted: Bool {
        var next = firstPending
        while let frame = next, frame.pointee.listing != nil { next = frame.pointee.next }
        return next != nil
    }

    /// Frames that somebody is to be told of.
    var listed: Int {
        var (count, next) = (0, first)
        while let frame = next {
            if frame.pointee.listing != nil { count += 1 }
            next = frame.pointee.next
        }
        return count
    }
}
