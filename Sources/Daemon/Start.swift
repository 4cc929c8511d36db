// Start.swift - how a daemon starts and ends, which all of them do alike.

import CDaemon

/// Runs `body`, and tells why it could not.
func start(_ program: StaticString, _ body: () throws(Ending) -> Bool) -> Int32 {
    Log.program = program
    cd_open_standard()
    // SIGHUP waits for the loop.
    cd_hold_hangup()
    // Services of this machine are meant: a daemon that looked them up would ask itself.
    unsetenv("IPC_NETWORK")
    do throws(Ending) { return try body() ? 0 : 1 } catch {
        if error.status == 0 { return write(error.text + "\n", to: 1) ? 0 : 1 }
        log(.error, error.text)
        return error.status
    }
}

/// The level first: what follows may want to say something.
func setLogLevel(_ options: Options) throws(Ending) {
    Log.level = try LogLevel(options)
    for note in options.notes { log(.warning, note) }
}

extension LogLevel {
    init(_ options: Options) throws(Ending) {
        guard let name = options.text("log") else {
            self = .info
            return
        }
        guard let level = LogLevel(named: name) else { throw .wrong("--log takes error, warning, info or debug") }
        self = level
    }
}

/// Serves until a signal ends it.
/// - Parameters:
///   - listeners: opened when the options are known to be right; some leave a file.
///   - prepare: adds what else the loop is to watch.
func serve<Owner: Service>(
    _ service: Owner, _ options: Options, _ listeners: @autoclosure () throws(Ending) -> [Listener],
    _ prepare: (Loop<Owner>) -> Void = { _ in }
) throws(Ending) -> Bool {
    let settings = try Settings(options)
    try SocketAccess.set(options)
    let listeners = try listeners()
    let metrics: Metrics?
    do throws(Ending) { metrics = try Metrics(options) } catch {
        for listener in listeners { listener.remove() }
        throw error
    }
    let loop = Loop(service, options, settings, listeners, metrics)
    prepare(loop)
    var line = ""
    if settings.readyDescriptor == nil {
        line = "ready"
        for listener in listeners { line += " \(listener.name)" }
    }
    if !write(line + "\n", to: settings.readyDescriptor ?? 1) { log(.warning, "nobody could be told that this is ready") }
    if let descriptor = settings.readyDescriptor, descriptor > 2 { close(descriptor) }
    Notice.send("READY=1")
    log(.info, "started")
    for listener in metrics?.listeners ?? [] { log(.info, "metrics at \(listener.name)") }
    let result = loop.run()
    Notice.send("STOPPING=1")
    service.stopping(loop)
    log(.info, "stopped")
    return result
}

private func write(_ text: String, to descriptor: Int32) -> Bool {
    var text = text
    return text.withUTF8 { CDaemon.write(descriptor, $0.baseAddress, $0.count) == $0.count }
}
