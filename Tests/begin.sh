# begin.sh - the beginning of test scripts, which source it: $here, where the script is; $work, a directory that is removed at the end;
# $failed, 1 after a failure; and the lines that Tests/run.sh counts.
here=$(cd "$(dirname "$0")" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# report NAME STATUS
report() {
	if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; failed=1; fi
}

# same_list NAME WANTED IS: two files, the second not empty; what is missing (-) or too much (+) is shown
same_list() {
	diff -U0 "$2" "$3" | grep '^[-+][^-+]' >&2
	[ -s "$3" ] && cmp -s "$2" "$3"
	report "$1" $?
}

# use_tree DIRECTORY: an installed tree, for compile and for what that makes
use_tree() {
	tree=$(cd "$1" && pwd) || exit 1
	export PKG_CONFIG_PATH="$tree/lib/pkgconfig" LD_LIBRARY_PATH="$tree/lib"
}

# compile OUTPUT SOURCE FLAGS...: as a user would, with pkg-config's flags
compile() {
	output=$1
	shift
	# shellcheck disable=SC2046
	${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O1 -g $(pkg-config --cflags libipc) "$@" -o "$output" $(pkg-config --libs libipc)
}
