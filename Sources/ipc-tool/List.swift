// List.swift - ipc list: the services of the run directory, live or stale, and whose they are.

import CDaemon

private struct Row {
    let name: [UInt8]
    let state: Liveness
    let user: [UInt8]
    let group: [UInt8]
    let status: stat
    let waiting: Int?
    let path: [UInt8]
}

extension Command {
    static let list = Command(
        name: "list", operands: "[NAME]...",
        about: "Shows the services of the run directory (IPC_RUNDIR, else /run/ipc): live or stale, and whose.",
        own: [
            Option(name: "names", help: "show the names of live services alone, one a line"),
            .output("text (default) or json: an object a service"), .json,
        ],
        run: runList)
}

private func runList(_ arguments: Arguments) throws(Ending) -> Int32 {
    let form = try arguments.form([.text, .json], default: .text)
    let directory = try RunDirectory.path()
    let shown = directory.withUnsafeBufferPointer { $0.baseAddress.map { String(c: $0) } ?? "" }
    guard var files = RunDirectory.sockets(in: directory) else {
        let number = cd_errno()
        let hint: StaticString = number == ENOENT ? "; no service has run there, or IPC_RUNDIR is to name another directory" : ""
        throw .failed("\(shown): \(String.systemError(number))\(hint)")
    }
    let wanted = arguments.operands.map { bytes(of: $0) }
    if !wanted.isEmpty { files = files.filter { file in wanted.contains { $0 == file.name } } }
    let listening = Listening()
    let rows = files.map { row($0, directory, listening) }
    var text = Line()
    if arguments.has("names") {
        for row in rows where row.state == .live {
            text.add(escaped: row.name)
            text.add("\n")
        }
    } else if form == .json {
        for row in rows { text.bytes += json(row) + [10] }
    } else {
        table(rows, &text)
    }
    guard Output().write(text.bytes) else { throw .failed("stdout: \(String.systemError(cd_errno()))") }
    return check(wanted, rows)
}

/// Of the services that were named, all have to be there and live.
private func check(_ wanted: [[UInt8]], _ rows: [Row]) -> Int32 {
    var status: Int32 = 0
    for name in wanted {
        let row = rows.first { $0.name == name }
        if row?.state == .live { continue }
        status = 1
        guard let row else {
            complain("\(String(bytes: name)): there is no such service")
            continue
        }
        let why: StaticString = row.state == .stale ? "the service has ended, and left its socket behind" : "whether it lives is not known"
        complain("\(String(bytes: name)): \(why)")
    }
    return status
}

private func row(_ file: RunDirectory.File, _ directory: [CChar], _ listening: Listening) -> Row {
    let path = directory.dropLast() + file.name.map { CChar(bitPattern: $0) } + [0]
    let waiting = listening.waiting(at: file.status)
    return Row(
        name: file.name, state: waiting != nil ? .live : Listening.tryout(Array(path)), user: user(file.status.st_uid),
        group: group(file.status.st_gid), status: file.status, waiting: waiting, path: path.dropLast().map { UInt8(bitPattern: $0) })
}

private func user(_ number: uid_t) -> [UInt8] {
    guard let name = getpwuid(number)?.pointee.pw_name else { return Array("\(number)".utf8) }
    return bytes(of: name)
}

private func group(_ number: gid_t) -> [UInt8] {
    guard let name = getgrgid(number)?.pointee.gr_name else { return Array("\(number)".utf8) }
    return bytes(of: name)
}

private func octal(_ status: stat) -> [UInt8] {
    var status = status
    let mode = cd_permissions(&status)
    return [9, 6, 3, 0].map { UInt8(ascii: "0") + UInt8(mode >> $0 & 7) }
}

// MARK: Showing

private func table(_ rows: [Row], _ text: inout Line) {
    let (users, groups) = (rows.map { $0.user.count }.max() ?? 0, rows.map { $0.group.count }.max() ?? 0)
    let (user, group) = (9 + max(users + 1, 6), 9 + max(users + 1, 6) + max(groups + 1, 6))
    text.add("STATE")
    text.pad(to: 9, since: 0)
    text.add("OWNER")
    text.pad(to: user, since: 0)
    text.add("GROUP")
    text.pad(to: group, since: 0)
    text.add("MODE WAITING NAME\n")
    for row in rows {
        let start = text.bytes.count
        text.add(row.state.name)
        text.pad(to: 9, since: start)
        text.add(escaped: row.user)
        text.pad(to: user, since: start)
        text.add(escaped: row.group)
        text.pad(to: group, since: start)
        text.bytes += octal(row.status)
        text.add(" ")
        if let waiting = row.waiting { text.add(waiting) } else { text.add("-") }
        text.pad(to: group + 13, since: start)
        text.add(escaped: row.name)
        text.add("\n")
    }
}

private func json(_ row: Row) -> [UInt8] {
    var object = JSONObject()
    object.set("name", row.name)
    object.set("state", literal: row.state.name)
    object.set("owner", row.user)
    object.set("uid", Int(row.status.st_uid))
    object.set("group", row.group)
    object.set("gid", Int(row.status.st_gid))
    object.set("mode", octal(row.status))
    if let waiting = row.waiting { object.set("waiting", waiting) }
    object.set("path", row.path)
    return object.bytes
}
