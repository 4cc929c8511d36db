// swift-tools-version: 6.2
// The binding alone, as it is installed. The package of the repository has the same products, for programs that name that.

import PackageDescription

let package = Package(
    name: "libipc",
    // Mutex and Atomic of Synchronization. Elsewhere there is no such limit.
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "IPC", targets: ["IPC"]),
        .library(name: "IPCJSON", targets: ["IPCJSON"]),
    ],
    targets: [
        .systemLibrary(name: "CIPC", pkgConfig: "libipc-swift"),
        .target(name: "IPC", dependencies: ["CIPC"]),
        .target(name: "IPCJSON", dependencies: ["IPC"]),
    ],
    swiftLanguageModes: [.v6]
)
