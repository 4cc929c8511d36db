#!/bin/sh
# run.sh - the programs about several threads, with an installed library.
#
#   run.sh TREE WORK
#
# THREADS_MESSAGES, THREADS_SECONDS and THREADS_SEED count, if they are set; ONLY names some of the programs.
set -u
tree=${1:?installed tree}
work=${2:?directory for programs}
directory=$(dirname "$0")
prefix=threads.
. "$directory/programs.sh"

compile_for_tree "$tree"
run_all
exit $failed
