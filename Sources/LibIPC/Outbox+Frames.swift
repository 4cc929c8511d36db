// Outbox+Frames.swift - questions about the frames of an outbox that each of them has to answer.

extension Outbox {
    /// A call waits for one of its frames to be sent.
    var holdsLent: Bool { hasPending { $0.pointee.ownership == .lent } }

    /// A frame that waits is freed when it is sent: nobody is to be told of it, and it is not lent.
    var freesWhenSent: Bool { hasPending { $0.pointee.listing == nil && $0.pointee.ownership != .lent } }

    private func hasPending(_ holds: (FrameReference) -> Bool) -> Bool {
        var next = firstPending
        while let frame = next, !holds(frame) { next = frame.pointee.next }
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
