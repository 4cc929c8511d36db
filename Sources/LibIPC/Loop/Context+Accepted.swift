// Context+Accepted.swift - limits of accepted connections: how many there are, and how many of each user (ipc_ctx_limit).

/// A user id, and how many connections of this user are open.
struct UserCount: BitwiseCopyable { var user: UInt32, count: Int }

extension Context where View: ~Copyable {
    /// Whether the user of this client may have one more connection. Makes room to note the user.
    mutating func isWelcome(_ client: Int32) throws(IPCError) -> Bool {
        if settings.connectionsOfUser == Int.max { return true }
        let user = libipc_peer_user(client)
        guard let user = UInt32(exactly: user) else { return true }
        try users.reserve()
        guard let entry = entry(of: user) else { return settings.connectionsOfUser > 0 }
        return entry.pointee.count < settings.connectionsOfUser
    }

    /// The count of this user. A pointer, because Swift 6.3 makes code of `users[index].count += 1` that does not compile for
    /// ThreadSanitizer.
    @inline(never)
    private mutating func entry(of user: UInt32) -> UnsafeMutablePointer<UserCount>? {
        guard let base = users.base else { return nil }
        for index in 0..<users.count where base[index].user == user { return base + index }
        return nil
    }

    /// Counts a connection that a server has accepted.
    mutating func noteAccepted(_ connection: ConnectionReference) {
        connection.pointee.isAccepted = true
        accepted += 1
        guard settings.connectionsOfUser != Int.max, let user = UInt32(exactly: libipc_peer_user(connection.pointee.number)) else { return }
        connection.pointee.user = user
        if let entry = entry(of: user) {
            entry.pointee.count += 1
        } else {
            users.appendReserved(UserCount(user: user, count: 1))
        }
    }

    /// The connection is closed, or belongs to the program now.
    @inline(never)
    mutating func forgetAccepted(_ connection: ConnectionReference) {
        connection.pointee.isAccepted = false
        // Servers that wait for the end of a connection look again.
        if accepted >= settings.connections { retry(at: .immediate) }
        accepted -= 1
        guard let user = connection.pointee.user.take(), let entry = entry(of: user), let base = users.base else { return }
        entry.pointee.count -= 1
        if entry.pointee.count == 0 { users.swapRemove(at: entry - base) }
    }
}
