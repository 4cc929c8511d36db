# begin.sh - the beginning of run.sh and websocket.sh, which set $group, sourced with their arguments: gives $prefix, $work, $here, and compile.
set -u
prefix=${1:?prefix of the installation}
work=${2:?directory to work in}
here=$(dirname "$0")
CC=${CC:-cc}

if ! command -v python3 > /dev/null 2>&1; then
	echo "skipped $group: python3 is not installed"
	exit 0
fi
mkdir -p "$work" || exit 1
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
LD_LIBRARY_PATH=$prefix/lib
# The binding for Python, as it is installed: the tests' own clients and services use it.
PYTHONPATH=$(cd "$prefix" && pwd)/share/libipc/python/src
unset IPC_NETWORK
export PKG_CONFIG_PATH LD_LIBRARY_PATH PYTHONPATH

# compile NAME SOURCE: as a user would, with pkg-config's flags alone
compile() {
	# shellcheck disable=SC2046
	$CC -std=gnu11 -Wall -Wextra -Werror -O1 -g $(pkg-config --cflags libipc) "$2" -o "$work/$1" $(pkg-config --libs libipc) && return
	echo "not ok $group.compiling_$1"
	exit 0
}
