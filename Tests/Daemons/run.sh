#!/bin/sh
# run.sh - the daemons ipcd and ipc-tcpd as they are installed, from outside: their sockets, signals and command lines.
#
#   run.sh PREFIX WORK [NAME...]    PREFIX has the installation; WORK is a directory for what is made. Names: only these tests.
#
# The clients and the service of the big tests are C programs, linked as a user's; the rest is Python 3, without any package.
set -u
prefix=${1:?prefix of the installation}
work=${2:?directory to work in}
shift 2
here=$(dirname "$0")
CC=${CC:-cc}

if ! command -v python3 > /dev/null 2>&1; then
	echo "skipped daemons: python3 is not installed"
	exit 0
fi
mkdir -p "$work" || exit 1
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
LD_LIBRARY_PATH=$prefix/lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH
for source in "$here/crossing.c" "$here/../../Sources/pongd/main.c" "$here/../../Sources/pong/main.c"; do
	name=$(basename "$source" .c)
	[ "$name" = main ] && name=$(basename "$(dirname "$source")")
	# shellcheck disable=SC2046
	if ! $CC -std=gnu11 -Wall -Wextra -Werror -O1 -g $(pkg-config --cflags libipc) "$source" -o "$work/$name" $(pkg-config --libs libipc); then
		echo "not ok daemons.compiling_$name"
		exit 0
	fi
done
$CC -shared -fPIC -Wall -Wextra -Werror "$here/slow_lookup.c" -o "$work/slow_lookup.so" -ldl || echo "not ok daemons.compiling_slow_lookup"
python3 -B "$here/run.py" "$prefix/bin" "$work" "$@"
