#!/bin/sh
# macros.sh - every macro, in every form, over compilers, standards and levels of optimisation; each program runs for its effect.
#
#   macros.sh INSTALLED_TREE
#
# macros*.c are conformance programs that compile as C and as C++. Compilers: CC and CXX (cc, c++), and the clang that lies beside
# swiftc, or CLANG and CLANGXX. -D_GNU_SOURCE is for the harness: the headers do without (headers.sh).
set -u
. "$(dirname "$0")/../begin.sh"
use_tree "${1:?installed tree}"
CC=${CC:-cc}
CXX=${CXX:-c++}
toolchain=$(dirname "$(readlink -f "$(command -v "${SWIFTC:-swiftc}" || echo /)")")
CLANG=${CLANG:-$toolchain/clang}
CLANGXX=${CLANGXX:-$toolchain/clang++}
export IPC_RUNDIR="$work/run" IPC_NETWORK=
cflags="$(pkg-config --cflags libipc) -Wall -Wextra -Werror -D_GNU_SOURCE"
libs=$(pkg-config --libs libipc)
# dpkg-buildflags(1), Debian 12, CFLAGS and CPPFLAGS
hardening='-g -O2 -fstack-protector-strong -Wformat -Werror=format-security -D_FORTIFY_SOURCE=2 -Wdate-time'

# try NAME COMPILER OPTIONS...: all programs compile and run
try() {
	name=$1
	shift
	for source in "$here"/macros.c "$here"/macros_errors.c "$here"/macros_ret.c "$here"/macros/old_style.c; do
		# shellcheck disable=SC2086
		if ! "$@" $cflags "$source" -o "$work/program" $libs || ! "$work/program" > "$work/out" 2> "$work/err"; then
			echo "$name: $(basename "$source"), compiled with $*" >&2
			cat "$work/out" "$work/err" >&2
			report "macros_$name" 1
			return
		fi
	done
	report "macros_$name" 0
}

# languages PREFIX C_COMPILER CXX_COMPILER: two of these run at the same time, and the programs have services of the same name
languages() {
	export IPC_RUNDIR="$work/run-$1"
	for level in 0 1 2 3; do
		try "${1}_as_gnu11_O$level" "$2" -std=gnu11 -O$level
		try "${1}_as_gnupp17_O$level" "$3" -x c++ -std=gnu++17 -O$level
	done
	# shellcheck disable=SC2086
	try "${1}_as_gnu17_hardened" "$2" -std=gnu17 $hardening
	# shellcheck disable=SC2086
	try "${1}_as_gnupp17_hardened" "$3" -x c++ -std=gnu++17 $hardening
	for standard in gnu99 c11 c17; do try "${1}_as_$standard" "$2" -std=$standard -O1; done
	for standard in c++17 gnu++20; do try "${1}_as_$(echo $standard | tr + p)" "$3" -x c++ -std=$standard -O1; done
}
: > "$work/out"
: > "$work/err"
languages cc "$CC" "$CXX" &
first=$!
if [ -x "$CLANG" ] && [ -x "$CLANGXX" ]; then
	(
		# -x c++ holds for what follows, the library too, if that is a file: -l is none.
		work=$work/clang
		mkdir "$work"
		languages clang "$CLANG" "$CLANGXX"
		exit $failed
	)
	[ $? -eq 0 ] || failed=1
else
	echo "skipped macros_clang: there is no clang beside swiftc"
fi
wait $first || failed=1

if ! "$CC" --version | grep -q 'Free Software Foundation'; then
	echo "skipped macros_stack: $CC is not gcc"
	exit $failed
fi

# "The stack of a function does not grow with the number of uses": one report takes 8 KiB, registers that are saved some bytes.
for language in c c++; do
	for level in 0 1 2 3; do
		for uses in ONE TEN; do
			# shellcheck disable=SC2086
			"$CC" -x $language $cflags -O$level -D$uses -fstack-usage -c "$here/macros/stack.c" -o "$work/$uses.o" &&
				sed -n 's/.*\(use_[a-z_]*\).*\t\([0-9]*\)\t.*/\1 \2/p' "$work/$uses.su" > "$work/$uses"
		done
		paste "$work/ONE" "$work/TEN" | awk '$4 > $2 + 256 { print "stack of 1 and of 10 uses: " $0; bad = 1 } END { exit bad || NR != 20 }' >&2
		report "macros_take_no_more_stack_when_used_more_often_in_$(echo $language | tr + p)_O$level" $?
	done
done

if [ "$(uname -m)" = x86_64 ]; then
	for language in c c++; do
		# shellcheck disable=SC2086
		"$CC" -x $language $cflags -O2 -mmemcpy-strategy=libcall:-1:noalign -fno-builtin-memcpy "$here/macros/copies.c" -o "$work/copies" $libs &&
			"$work/copies" >&2
		report "macros_copy_no_result_on_success_in_$(echo $language | tr + p)" $?
	done
fi
exit $failed
