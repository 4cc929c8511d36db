// Environment.swift - what the library reads of the environment. All tests share that, so those that set it are one suite, and
// run one after the other. (Its variables are never removed: the library takes an empty one for none.)

import CLibIPC
import Testing

@Suite("Environment", .serialized) enum EnvironmentTests {
    /// - Parameters:
    ///   - rundir: where services are; nil: where they are by default.
    ///   - network: routes to services elsewhere.
    static func with<Result>(rundir: String? = nil, network: String = "", _ body: () throws -> Result) rethrows -> Result {
        setenv("IPC_RUNDIR", rundir ?? "", 1)
        setenv("IPC_NETWORK", network, 1)
        defer {
            setenv("IPC_RUNDIR", "", 1)
            setenv("IPC_NETWORK", "", 1)
        }
        return try body()
    }
}
