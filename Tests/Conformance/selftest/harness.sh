#!/bin/sh
# harness.sh - does the harness say `not ok` when a test must fail? A harness that never does would prove nothing.
#
#   harness.sh INSTALLED_TREE
#
# must_fail.c is compiled as every program is and run; its lines and its exit status are compared with what must come.
set -u
. "$(dirname "$0")/../../begin.sh"
use_tree "${1:?installed tree}"

compile "$work/must_fail" "$here/must_fail.c" || { report the_harness_compiles 1; exit 1; }

sed -n -e 's/^TEST(\([a-z_0-9]*\)).*/\1/p' "$here/must_fail.c" | while read -r name; do
	case $name in
	passes) echo "ok $name" ;;
	is_skipped) echo "skipped $name: this one says so" ;;
	*) echo "not ok $name" ;;
	esac
done > "$work/wanted"

"$work/must_fail" > "$work/lines" 2> "$work/reasons"
status=$?
diff -U0 "$work/wanted" "$work/lines" | grep '^[-+][^-+]' >&2
[ "$(wc -l < "$work/wanted")" -ge 18 ] && cmp -s "$work/wanted" "$work/lines"
report the_harness_says_not_ok_for_each_test_that_must_fail $?
[ $status -eq 1 ]
report a_program_with_a_failed_test_exits_with_1 $?

"$work/must_fail" passes > "$work/lines" 2> "$work/silence"
[ $? -eq 0 ] && [ "$(cat "$work/lines")" = 'ok passes' ] && ! [ -s "$work/silence" ]
report a_program_without_a_failed_test_exits_with_0 $?

TEST_LIMITS=' passes fails ~crashes is_skipped ' "$work/must_fail" > "$work/lines" 2> "$work/silence"
for line in 'not ok passes passes: take its line out' 'limit crashes' 'limit is_skipped'; do grep -qx "$line" "$work/lines" || echo "$line"; done > "$work/missing"
! [ -s "$work/missing" ]
report a_limit_that_passes_is_told $?

# Each failed check says where, and a leak or a signal says what.
told=0
for reason in 'must_fail.c:[0-9]*: does not hold: 1 + 1 == 3' 'must_fail.c:[0-9]*: 1 + 1 is 2, not 3' 'must_fail.c:[0-9]*: on purpose' \
	'leaks_a_descriptor leaks descriptors' 'crashes: died of signal 11' 'hangs: died of signal 14' 'code 43 (text), not 0' \
	'the text is empty or not followed by zeros alone' 'status 5, not 0' 'success with the text: text' 'stderr .text., not .other.'; do
	if grep -q "$reason" "$work/reasons"; then told=$((told + 1)); else echo "not said: $reason" >&2; fi
done
[ $told -eq 11 ]
report a_failed_test_says_where_and_why $?
exit $failed
