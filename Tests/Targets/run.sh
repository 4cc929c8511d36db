#!/bin/sh
# run.sh - other targets, as far as this machine can build and run them: Linux on other processors under an emulator, musl and an old glibc
# as they are, the static daemons; other systems are compiled and linked.
#
#   run.sh BUILD_DIRECTORY WORK [JOB...]     a finished build of this machine's own; its subdirectories are for the targets
#
# FULL=1 runs all the programs for each target (`make soak`). Two jobs run at a time, the long ones first; their lines
# come in that order.
set -u
directory=$(cd "$(dirname "$0")" && pwd) || exit 1
have() { command -v "$1" > /dev/null 2>&1; }

# What waits for real time, or repeats itself for long, runs for the machine's own target.
long='fuzz_frames injected_batches injected_pairs interrupted limits switching_pressure'
all=$(for source in "$directory"/../Conformance/*.c; do basename "$source" .c; done)
short=$(echo "$all" | grep -vxF "$(echo injector $long | tr ' ' '\n')" | tr '\n' ' ')
# One program of each family, where another target has the same C library, or the same emulator, and runs all of them.
few='batches clock_readings context direct_calls entries events forks injected_calls large_messages layout lookup messages passing servers
	switching threads timers wakes'
[ -z "${FULL:-}" ] || few=$short
few=$(echo "$few" | tr -s '\n\t' ' ')

# run_target TARGET COMMAND PACKAGE PROGRAMS: the command is the target's compiler. The library is tested as it is shipped; of the daemons
# and programs only whether they can be built.
run_target() {
	if ! have "$2"; then
		echo "skipped $1: $3 is not installed"
		return
	fi
	case $1 in
	aarch64-* | riscv64-* | arm-*) have "qemu-${1%%-*}" || { echo "skipped $1: qemu-user is not installed"; return; } ;;
	esac
	set -- "$1" "$4" TARGET="$1" BUILD="$build/$1" ZLIB=no
	only=$2
	target=$1
	shift 2
	export THREADS_MESSAGES=20000 THREADS_SECONDS=1
	make -s "$@" library && make -s "$@" OPTIMIZED=no daemons programs && ONLY=$only make -s "$@" OPTIMIZED=no test
	[ $? -eq 0 ] || echo "not ok $target.ended_with_an_error"
}
# with_ziglang COMMAND...: what needs it
with_ziglang() {
	if [ -n "${ZIG:-}" ]; then "$@"; else echo "skipped $1: $(tail -1 "$work/ziglang")"; fi
}
old_glibc() {
	run_target x86_64-linux-gnu.2.17 cc gcc "$few"
	sh "$directory/old_glibc.sh" "$build/x86_64-linux-gnu.2.17"
}
systems() { sh "$directory/systems.sh" "$build"; }

job_arm64() { run_target aarch64-linux-gnu aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu "$short"; }
job_riscv64() { run_target riscv64-linux-gnu riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu "$few"; }
# As they are, where this machine's kernel runs 32-bit programs; forks under the emulator are arm64's to show.
job_i386() {
	if ! have i686-linux-gnu-gcc || /usr/i686-linux-gnu/lib/ld-linux.so.2 --version > /dev/null 2>&1; then
		run_target i686-linux-gnu i686-linux-gnu-gcc gcc-i686-linux-gnu "$short"
	else
		run_target i686-linux-gnu i686-linux-gnu-gcc gcc-i686-linux-gnu "$(echo "$few" | sed 's/ forks / /; s/ threads / /')"
		echo "limit i686-linux-gnu.forks: the kernel of this machine runs no 32-bit programs"
	fi
}
job_armhf() { run_target arm-linux-gnueabihf arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf "$few"; }
job_musl() {
	run_target x86_64-linux-musl musl-gcc musl-tools "$short"
	sh "$directory/static.sh" "$build"
}
job_old_glibc() { with_ziglang old_glibc; }
job_systems() { with_ziglang systems; }

if [ "${1:-}" = --one ]; then
	build=$2 work=$3
	cd "$directory/../.." || exit 1
	"job_$4" > "$work/$4" 2>&1
	exit 0
fi
build=$(cd "${1:?build directory}" && pwd) || exit 1
work=$(mkdir -p "${2:?work directory}" && cd "$2" && pwd) || exit 1
shift 2
[ -n "${ZIG:-}" ] || ZIG=$(sh "$directory/ziglang.sh" "$build/ziglang" 2> "$work/ziglang")
export ZIG
jobs=${*:-arm64 musl systems i386 riscv64 armhf old_glibc}
printf '%s\n' $jobs | xargs -P 2 -I JOB sh "$0" --one "$build" "$work" JOB
cd "$work" && cat $jobs
