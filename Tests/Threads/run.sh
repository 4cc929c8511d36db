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
programs=${ONLY:-$programs}

mkdir -p "$work" || exit 1
: > "$work/log"
failed=0
compile_for_tree "$tree"
for program in $programs; do run_program "$program" || failed=1; done
exit $failed
