// Detour.swift - puts a socket in front of that of a live service, and takes it back.
//
// The service's own socket gets a second name, `.NAME.real`; then a socket of ours is renamed onto the first one. Both steps are atomic,
// so there is no moment in which a client finds nobody. A guard, a process that only waits for the end of this one, renames the service's
// socket back: after SIGKILL, too.

import CDaemon

final class Detour {
    let listener: Int32
    /// The second name of the service's socket.
    let real: [CChar]
    let shownReal: String
    /// Identifies the service's socket by device and inode.
    let status: stat
    private let place: String
    private let descriptor: Int32
    private let guardian: pid_t
    private var isOver = false

    init(_ name: CText) throws(Ending) {
        let path = try RunDirectory.path(of: name)
        let shown = String(c: name)
        real = Detour.beside(path, ".real")
        let fresh = Detour.beside(path, ".new")
        (place, shownReal) = (Detour.text(path), Detour.text(real))
        var status = stat()
        guard lstat(path, &status) == 0 else { throw .failed("\(shown): \(place): \(String.systemError(cd_errno()))") }
        guard cd_is_socket(&status) != 0 else { throw .failed("\(shown): \(place) is no socket") }
        // With the NUL.
        let room = MemoryLayout.size(ofValue: sockaddr_un().sun_path)
        guard real.count <= room else { throw .failed("\(shown): the name is too long for a second one beside it (--as)") }
        if Listening().waiting(at: status) == nil, Listening.tryout(path) != .live { throw .failed("\(shown): nobody listens at \(place)") }
        self.status = status
        guard link(path, real) == 0 else {
            let number = cd_errno()
            if number == EEXIST {
                throw .failed(
                    "\(shown): another ipc monitor is in front of it; if not, put its socket back: mv \(Detour.text(real)) \(place)")
            }
            throw .failed("\(shown): \(place) cannot get a second name: \(String.systemError(number)) (it takes the rights of the owner)")
        }
        var (listener, ours): (Int32, stat) = (-1, stat())
        if let reason = Detour.listen(fresh, as: status, &listener, &ours) {
            unlink(real)
            throw .failed("\(shown): \(reason)")
        }
        var guardian: pid_t = 0
        descriptor = cd_guard(real, path, &ours, &guardian)
        guard descriptor >= 0, rename(fresh, path) == 0 else {
            let number = cd_errno()
            unlink(fresh)
            if descriptor >= 0 { _ = cd_let_go(descriptor, guardian) } else { unlink(real) }
            close(listener)
            throw .failed("\(shown): no socket can be put in front of it: \(String.systemError(number))")
        }
        (self.listener, self.guardian) = (listener, guardian)
    }

    deinit { _ = end() }

    /// Stops listening, and lets the guard put the service's socket back. Returns whether it is back.
    func end() -> Bool {
        if isOver { return true }
        isOver = true
        let isBack = cd_let_go(descriptor, guardian) != 0
        close(listener)
        return isBack
    }

    var howToMend: String { "mv \(shownReal) \(place)" }

    /// Listens at the path, for the same users as the service's socket. Returns nil, or why that failed.
    private static func listen(_ path: [CChar], as status: stat, _ listener: inout Int32, _ ours: inout stat) -> String? {
        var status = status
        unsetenv("IPC_SOCKET_MODE")
        unsetenv("IPC_SOCKET_GROUP")
        let mask = umask(0o777)
        let code = cd_listen_at_path(&listener, path)
        umask(mask)
        if code != IPC_ERROR_NONE { return String(c: cd_reason()) }
        // chown(2) may clear bits of the mode, so the mode comes after it.
        let isAlike =
            lstat(path, &ours) == 0
            && (ours.st_uid == status.st_uid && ours.st_gid == status.st_gid || lchown(path, status.st_uid, status.st_gid) == 0)
            && chmod(path, mode_t(cd_permissions(&status))) == 0 && lstat(path, &ours) == 0
        if isAlike { return nil }
        let number = cd_errno()
        unlink(path)
        close(listener)
        return "a socket of the same owner and mode cannot be made: \(String.systemError(number))"
    }

    /// Returns `DIRECTORY/.NAMESUFFIX` with a NUL.
    private static func beside(_ path: [CChar], _ suffix: StaticString) -> [CChar] {
        let slash = path.lastIndex(of: CChar(UInt8(ascii: "/"))).map { $0 + 1 } ?? 0
        let end = UnsafeBufferPointer(start: suffix.utf8Start, count: suffix.utf8CodeUnitCount).map { CChar(bitPattern: $0) }
        return path[..<slash] + [CChar(UInt8(ascii: "."))] + path[slash...].dropLast() + end + [0]
    }

    private static func text(_ path: [CChar]) -> String { String(bytes: path.dropLast().map { UInt8(bitPattern: $0) }) }
}
