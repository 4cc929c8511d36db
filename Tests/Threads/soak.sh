#!/bin/sh
# soak.sh - the programs about several threads again and again, each time with a fresh seed, which is printed.
#
#   soak.sh TREE SECONDS WORK
#
# Ends with `ok soak_of_SECONDS_seconds`, or at the first failure. A round that has begun when the time is over stops after
# the program that runs.
set -u
tree=${1:?installed tree}
seconds=${2:?seconds}
work=${3:?directory for programs}
directory=$(dirname "$0")
prefix=soak.
. "$directory/programs.sh"

compile_for_tree "$tree"
# Each program takes a second or two, so that a short soak sees them all.
THREADS_MESSAGES=${THREADS_MESSAGES:-60000}
THREADS_SECONDS=${THREADS_SECONDS:-1}
export THREADS_MESSAGES THREADS_SECONDS THREADS_SEED

end=$(($(date +%s) + seconds))
rounds=0
while [ "$(date +%s)" -lt "$end" ]; do
	THREADS_SEED=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
	rounds=$((rounds + 1))
	echo "round $rounds: THREADS_SEED=$THREADS_SEED"
	for program in ${ONLY:-$programs}; do
		[ "$(date +%s)" -lt "$end" ] || break
		if ! run_program "$program" > "$work/lines"; then
			grep '^not ok' "$work/lines"
			echo "not ok soak_of_${seconds}_seconds"
			exit 1
		fi
	done
done
echo "ok soak_of_${seconds}_seconds"
