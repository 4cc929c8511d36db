// Outflow.swift - what a client's socket did not take: sent first, and before that nothing else.
//
// While there is any, nothing is taken from the service for this client, nor read from it (Gateway+Parking): so it is at most what the
// library had queued for the client, two messages and 256 KiB, and an answer.

import CDaemon

struct Outflow {
    private var bytes: [UInt8] = []
    private var start = 0

    var isEmpty: Bool { bytes.isEmpty }

    /// Sends without waiting, behind what there is. False: it cannot be sent, ever.
    mutating func send(_ header: [UInt8], _ payload: UnsafeRawBufferPointer, to socket: Int32) -> Bool {
        if !isEmpty {
            keep(header, payload, from: 0)
            return true
        }
        let sent = header.withUnsafeBytes { header in
            header.baseAddress.map { cd_send_two(socket, $0, header.count, payload.baseAddress, payload.count) } ?? 0
        }
        guard sent >= 0 || Reach.isShortage(cd_errno()) else { return false }
        if sent < header.count + payload.count { keep(header, payload, from: max(sent, 0)) }
        return true
    }

    /// Keeps both but for the first `sent` bytes.
    mutating func keep(_ header: [UInt8], _ payload: UnsafeRawBufferPointer, from sent: Int = 0) {
        let rest = max(sent - header.count, 0)
        bytes.reserveCapacity(bytes.count + header.count + payload.count - sent)
        bytes.append(contentsOf: header.dropFirst(sent))
        bytes.append(contentsOf: payload.dropFirst(rest))
    }

    /// Sends what the socket takes now. False: it cannot be sent, ever.
    mutating func flush(to socket: Int32) -> Bool {
        while start < bytes.count {
            let sent = bytes.withUnsafeBytes { all in
                all.baseAddress.map { cd_send(socket, $0 + start, all.count - start, -1) } ?? -1
            }
            guard sent >= 0 else { return Reach.isShortage(cd_errno()) }
            start += sent
        }
        (bytes, start) = ([], 0)
        return true
    }
}
