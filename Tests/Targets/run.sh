#!/bin/sh
# run.sh - other targets, as far as this machine can build and run them: arm64 under an emulator, musl as it is, the static daemons.
#
#   run.sh BUILD_DIRECTORY WORK     a finished build of this machine's own; its subdirectories are for the targets
#
# Each target builds and tests in the background, two at a time; their lines come in order.
set -u
build=$(cd "${1:?build directory}" && pwd) || exit 1
work=$(mkdir -p "${2:?work directory}" && cd "$2" && pwd) || exit 1
directory=$(cd "$(dirname "$0")" && pwd) || exit 1
cd "$directory/../.." || exit 1
have() { command -v "$1" > /dev/null 2>&1; }

# What waits for real time, or repeats itself for long, runs for the machine's own target.
long='fuzz_frames injected_batches injected_pairs interrupted limits switching_pressure'
short=$(for source in Tests/Conformance/*.c; do basename "$source" .c; done | grep -vxF "$(echo injector $long | tr ' ' '\n')" | tr '\n' ' ')

# run_target TARGET COMMAND PACKAGE: the command is the target's compiler
run_target() {
	if ! have "$2"; then
		echo "skipped $1: $3 is not installed"
		return
	fi
	ONLY=$short THREADS_MESSAGES=20000 THREADS_SECONDS=1 make -s TARGET="$1" BUILD="$build/$1" ZLIB=no test 2>&1
}
run_target aarch64-linux-gnu aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu > "$work/arm64" &
arm64=$!
{
	run_target x86_64-linux-musl musl-gcc musl-tools
	sh "$directory/static.sh" "$build"
} > "$work/musl" 2>&1
wait $arm64
cat "$work/arm64" "$work/musl"
