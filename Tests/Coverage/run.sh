#!/bin/sh
# run.sh - which lines of the library do the tests run? llvm-cov on the library as it ships, Embedded Swift and C, built with counters.
#
#   run.sh BUILD_DIRECTORY           conformance and thread programs with each poller, other loops, daemons, the Python binding
#   run.sh BUILD_DIRECTORY short     the conformance programs with epoll alone, without the slow ones, for CI
#
# Less than the floor is a failure. In BUILD_DIRECTORY/coverage come `report`, a line for each file, and `missed`, the lines that did not
# run, with what is in them. What a process has counted it writes when it ends by exit(3): one that is killed, or ends by _exit(2), counts
# for nothing. ONLY names some of the conformance programs; then there is no floor.
set -u
build=${1:?build directory}
extent=${2:-all}
. "$(dirname "$0")/../begin.sh"
mkdir -p "$build/coverage" && into=$(cd "$build/coverage" && pwd) || exit 1
cd "$here/../.." || exit 1
trees=$into/trees
programs=$into/programs
. "$here/../Conformance/programs.sh"
# Percents of lines. ../README.md has why it is not more.
case $extent in all) floor=96 ;; short) floor=95 ;; *) echo "run.sh: all or short, not $extent" >&2; exit 2 ;; esac
[ -z "${ONLY:-}" ] || floor=0

. "$here/../toolchain.sh"
machine=$(uname -m)
runtime=$(find "$toolchain/../lib/clang" -name "libclang_rt.profile-$machine.a" 2> /dev/null | head -1)
if [ -z "$runtime" ] || [ ! -x "$toolchain/llvm-cov" ]; then
	echo "skipped coverage: the toolchain has no llvm-cov, or no runtime that writes profiles"
	exit 0
fi
choose_programs || exit 2
if [ "$extent" = short ]; then
	for name in $slow; do chosen=$(echo " $chosen " | sed "s/ $name / /"); done
fi

# What make reads of the environment. Nothing in the library refers to the runtime, so it must be asked for. Where it writes is compiled in,
# for processes that have another environment or directory: %m is a file for the library, into which each process adds, and of these there
# are four, so that processes wait less for each other.
export EXTRA_SWIFTFLAGS='-profile-generate -profile-coverage-mapping' EXTRA_LDFLAGS="-Wl,-u,__llvm_profile_runtime $runtime"
# profiled_tree POLLER TARGET_OF_MAKE
profiled_tree() {
	EXTRA_CFLAGS="-fprofile-instr-generate=$into/raw/$1/%4m.profraw -fcoverage-mapping" install_tree "$1" "$into/$1" "$1" "$2" || exit 1
}
if [ "$extent" = all ] && [ -z "${ONLY:-}" ]; then
	pollers='epoll poll kqueue'
	profiled_tree epoll install
	profiled_tree poll install-library
	profiled_tree kqueue install-library
else
	pollers=epoll
	profiled_tree epoll install-library
fi
unset EXTRA_SWIFTFLAGS EXTRA_LDFLAGS
compile_programs epoll

rm -rf "$into/raw"
# Whether a test passes is for `make test` to say.
{
	for library in $pollers; do run_programs "$library." "$library" 4; done
	if [ "$extent" = all ] && [ -z "${ONLY:-}" ]; then
		export THREADS_MESSAGES=100000 THREADS_SECONDS=2
		for library in $pollers; do sh Tests/Threads/run.sh "$trees/$library" "$into/threads"; done
		sh Tests/Conformance/raised/raised.sh "$trees/epoll"
		sh Tests/Loops/run.sh "$trees/epoll" "$into/loops"
		sh Tests/Daemons/run.sh "$trees/epoll" "$into/daemons"
		sh Tests/Bindings/python.sh "$trees/epoll" "$into/python"
	fi
} > "$into/tests" 2>&1

# Functions in headers have no counters where Swift inlines them: most of those in Sources/CLibIPC/include.
for library in $pollers; do
	"$toolchain/llvm-profdata" merge -sparse "$into/raw/$library"/*.profraw -o "$into/raw/$library.profile" &&
		"$toolchain/llvm-cov" export -format=lcov -instr-profile="$into/raw/$library.profile" -ignore-filename-regex='(^|/)include/|(^|/)Tests/' \
			"$trees/$library/lib/libipc.so" || report coverage.profiles_can_be_read 1
done > "$into/lines"
# A line counts as run if it ran with one of the libraries. lcov has SF:FILE, and DA:LINE,COUNT for each line with code.
sed -n "s|^SF:$(pwd)/|SF:|; /^SF:/p; /^DA:/p" "$into/lines" | awk -F '[:,]' '
	$1 == "SF" { file = $2; next }
	{ line = file ":" $2; if (!(line in count)) { count[line] = 0; total[file]++ } count[line] += $3 }
	END {
		for (line in count) if (count[line] == 0) { split(line, place, ":"); missed[place[1]]++; print place[1], place[2] > "/dev/stderr" }
		for (file in total) { lines += total[file]; all += missed[file]; print missed[file] + 0, total[file], file }
		print all, lines, "TOTAL"
	}' 2> "$into/numbers" | sort -k3 > "$into/counts"
sort -k1,1 -k2n "$into/numbers" | while read -r file number; do echo "$file:$number: $(sed -n "${number}p" "$file")"; done > "$into/missed"
awk '{ printf "%6.1f %% of %4d lines  %s\n", 100 - 100 * $1 / $2, $2, $3 }' "$into/counts" > "$into/report"
percent=$(awk '$3 == "TOTAL" { printf "%.1f", 100 - 100 * $1 / $2 }' "$into/counts")
echo "coverage: $(sed -n 's/^ *\(.*\)  TOTAL/\1/p' "$into/report"); those that did not run are in $build/coverage/missed" >&2
awk -v is="$percent" -v floor="$floor" 'BEGIN { exit !(is >= floor) }' || { echo "coverage: $percent % are less than $floor %" >&2; false; }
report "coverage.${extent}_reaches_its_floor" $?
exit $failed
