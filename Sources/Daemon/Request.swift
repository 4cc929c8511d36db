// Request.swift - one frame that a local client says first, read to the byte: what follows it is not the daemon's. The library would read
// ahead, and would end a client that has only stopped writing and still waits for its answer.

import CDaemon

enum Request {
    case partial, whole, tooLong
    /// The client has left, or writes no more.
    case ended

    /// Adds what has come to the frame that `known` begins.
    /// - Parameter longest: its payload.
    static func hear(_ known: inout [UInt8], from client: Int32, longest: Int) -> Request {
        while true {
            let header = FrameHeader(Array(known.prefix(FrameHeader.size)))
            if let header, header.length > longest { return .tooLong }
            let missing = FrameHeader.size + (header?.length ?? 0) - known.count
            if header != nil, missing == 0 { return .whole }
            guard let bytes = receive(missing, from: client) else { return .partial }
            guard !bytes.isEmpty else { return .ended }
            known += bytes
        }
    }

    /// What a client does while it waits for its answer.
    enum Waiting {
        /// Nothing; it says something that nobody asked for; it is gone.
        case silent, hasSpoken, gone
        /// It writes no more, and may still read.
        case halfClosed
    }

    static func look(at client: Int32) -> Waiting {
        guard let seen = receive(1, from: client, peeking: true) else { return .silent }
        if !seen.isEmpty { return .hasSpoken }
        return cd_is_hung_up(client) != 0 ? .gone : .halfClosed
    }
}
