// swift-tools-version: 6.2
// The programs of scenarios.md and the tests of the binding, as a package that depends on it: IPC_SWIFT_PACKAGE names the installed folder.

import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let package = Package(
    name: "bindings",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "libipc", path: Context.environment["IPC_SWIFT_PACKAGE"] ?? "../../../../Sources/IPC")],
    targets: [
        .executableTarget(name: "matrix", dependencies: [.product(name: "IPC", package: "libipc")], swiftSettings: strict),
        .testTarget(
            name: "IPCTests",
            dependencies: [.product(name: "IPC", package: "libipc"), .product(name: "IPCJSON", package: "libipc")],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
