# programs.sh - sourced by the scripts here: compiles the programs about threads, and runs them.
#
# $directory is where they are, $work where they go, $prefix leads each test's name. On stdout come lines `ok NAME`,
# `not ok NAME` and `skipped NAME: why` alone; reasons and seeds go to stderr, and all of it to $work/log. $failed is for the script.
programs='snapshots waking freeing keeping echo_pool pairs writers contexts churn forks handlers'
mkdir -p "$work" || exit 1
: > "$work/log"
failed=0

# build_library SOURCE_TREE VARIABLES_OF_MAKE...: into $libraries
build_library() {
	from=$1
	shift
	libraries=$work/build/lib
	${MAKE:-make} -s -C "$from" BUILD="$(cd "$work" && pwd)/build" "$@" library > "$work/make" 2>&1 && return
	cat "$work/make" >&2
	echo "not ok ${prefix}building_the_library"
	exit 1
}

# compile_programs COMPILER HEADER_FLAGS LIBRARY_FLAGS
compile_programs() {
	mkdir -p "$work/programs" || return 1
	for name in ${ONLY:-$programs}; do
		# shellcheck disable=SC2086
		$1 -std=gnu11 -Wall -Wextra -Werror -O1 -g $2 "$directory/$name.c" -o "$work/programs/$name" $3 -lpthread 1>&2 ||
			echo "not ok ${prefix}compiling_$name"
	done
}

# compile_for_tree TREE: as a user would, with pkg-config's flags alone
compile_for_tree() {
	PKG_CONFIG_PATH=$1/lib/pkgconfig
	export PKG_CONFIG_PATH
	libraries=$1/lib
	compile_programs "${CC:-cc}" "$(pkg-config --cflags libipc)" "$(pkg-config --libs libipc)"
}

# run_program NAME [TEST]: with $runner before it, and the library in $libraries; what matches $report on stderr is a
# failure, too
run_program() {
	name=$1
	shift
	[ -x "$work/programs/$name" ] || return 1
	# shellcheck disable=SC2086
	LD_LIBRARY_PATH=$libraries ${runner:-} "$work/programs/$name" "$@" > "$work/out" 2> "$work/err"
	status=$?
	sed -n -e "s/^ok /ok $prefix/p" -e "s/^not ok /not ok $prefix/p" -e "s/^skipped /skipped $prefix/p" -e "s/^limit /limit $prefix/p" \
		"$work/out"
	cat "$work/err" >> "$work/log"
	if grep -q '^not ok' "$work/out"; then
		:
	elif [ $status -ne 0 ] || ! [ -s "$work/out" ]; then
		echo "not ok ${prefix}${name}_ended_with_$status"
	elif [ -n "${report:-}" ] && grep -q "$report" "$work/err"; then
		echo "not ok ${prefix}${name}_has_a_report"
	else
		return 0
	fi
	cat "$work/err" >&2
	return 1
}

# run_all: $programs, or those that ONLY names; sets $failed
run_all() {
	for program in ${ONLY:-$programs}; do run_program "$program" || failed=1; done
}
