#!/bin/sh
# types.sh - `swift test` with kqueue(2), that is with the stand-in (kqueue.c).
#
#   types.sh BUILD_DIRECTORY OPTIONS...     --filter Poller: the poller's tests alone
set -eu
build=${1:?build directory}
shift
cd "$(dirname "$0")/../.."
mkdir -p "$build" && build=$(cd "$build" && pwd)
directory=$PWD/Tests/Kqueue
${CC:-cc} -std=gnu11 -O1 -g -fPIC -Wall -Wextra -Werror -isystem "$directory/include" -c "$directory/kqueue.c" -o "$build/kqueue.o"
exec swift test --scratch-path "$build/swift-kqueue" -Xswiftc -DPOLLER_KQUEUE -Xcc -DPOLLER_KQUEUE -Xcc -isystem -Xcc "$directory/include" \
	-Xlinker "$build/kqueue.o" "$@"
