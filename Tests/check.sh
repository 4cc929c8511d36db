#!/bin/sh
# check.sh - the conformance programs with one back end, for work on one thing: `make check ONLY="entries printing"`.
#
#   check.sh BUILD_DIRECTORY POLLER
#
# Builds the library if its sources have changed, compiles the programs in BUILD_DIRECTORY/check-POLLER/programs, and ends with one
# line: N passed, N failed, N skipped. One test of a program is run by hand with its name as an argument.
set -u
build=${1:?build directory}
poller=${2:?epoll or poll}
mkdir -p "$build/check-$poller" && work=$(cd "$build/check-$poller" && pwd) || exit 1
. "$(dirname "$0")/Conformance/programs.sh"
: > "$log"

choose_programs || exit 2
# The objects of the other back end have a directory of their own, the one that run.sh uses.
[ "$poller" = poll ] && build=$build/poll
install_tree tree "$build" "$poller" install-library || exit 1
compile_programs tree
run_programs '' tree
count_lines
