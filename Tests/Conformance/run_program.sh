#!/bin/sh
# run_program.sh - a conformance program, or one of its tests, for programs.sh, which runs several of them at the same time.
#
#   run_program.sh PROGRAMS PREFIX LOG PROGRAM[/TEST] COMMAND...
#
# PROGRAMS is the directory of the compiled programs; PREFIX leads each test's name; COMMAND, in front of the program, is valgrind, say. The
# lines of the tests go to stdout and LOG at once, when the program ends, and what it writes on stderr behind them if one has failed.
set -u
programs=$1 prefix=$2 log=$3 program=${4%%/*}
test=${4#"$program"}
shift 4
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
trap 'exit 1' HUP INT TERM
# shellcheck disable=SC2086
INJECTOR=$programs/libinject.so "$@" "$programs/$program" ${test#/} > "$out/out" 2> "$out/err"
status=$?
sed -n -e "s/^ok /ok $prefix/p" -e "s/^not ok /not ok $prefix/p" -e "s/^skipped /skipped $prefix/p" \
	-e "s/^limit /limit $prefix/p" "$out/out" > "$out/lines"
[ $status -eq 0 ] || grep -q '^not ok' "$out/lines" || echo "not ok $prefix${program}_ended_with_$status" >> "$out/lines"
if grep -q '^not ok' "$out/lines"; then cat "$out/lines" "$out/err"; else cat "$out/lines"; fi
cat "$out/lines" >> "$log"
