#!/bin/sh
# run.sh - what `make install` and its like do, how files are built, and that they are built the same twice.
#
#   run.sh BUILD      everything has been built there, for epoll and this machine
set -u
build=$(cd "${1:?build directory}" && pwd) || exit 1
cd "$(dirname "$0")/../.." || exit 1
failed=0
for script in folders places cleaning hardening again; do
	sh "Tests/Install/$script.sh" "$build" || failed=1
done
exit $failed
