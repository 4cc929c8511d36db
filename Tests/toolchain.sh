# toolchain.sh - sourced by tests that need more of Swift's toolchain than swiftc.
#
# $toolchain is the directory with its compilers. $sanitizer_libraries links a C program with one of its sanitizers: their runtimes refer to
# the toolchain's libdispatch, which nobody calls here.
toolchain=$(dirname "$(realpath "$(command -v "${SWIFTC:-swiftc}")")")
swift_libraries=$toolchain/../lib/swift/linux
sanitizer_libraries="-L$swift_libraries -ldispatch -lBlocksRuntime -Wl,-rpath,$swift_libraries"
