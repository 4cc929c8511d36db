#!/bin/sh
# check.sh - the conformance programs with one back end, for work on one thing: `make check ONLY="entries printing"`.
#
#   check.sh BUILD_DIRECTORY POLLER
#
# Builds the library if its sources have changed, compiles the programs into BUILD_DIRECTORY/check-POLLER, and ends with one line:
# N passed, N failed, N skipped. To run one test of a program, start that by hand with the test's name.
set -u
build=${1:?build directory}
poller=${2:?epoll, kqueue or poll}
programs=$build/check-$poller
. "$(dirname "$0")/begin.sh"
trees=$work
. "$here/Conformance/programs.sh"

choose_programs || exit 2
# The objects of another back end have a directory of their own, the one that run.sh uses.
[ "$poller" = epoll ] || build=$build/$poller
install_tree tree "$build" "$poller" install-library || exit 1
compile_programs tree
run_programs '' tree 4
count_lines
