#!/bin/sh
# run.sh - the daemons ipcd and ipc-tcpd as they are installed, from outside: their sockets, signals and command lines.
#
#   run.sh PREFIX WORK [NAME...]    PREFIX has the installation; WORK is a directory for what is made. Names: only these tests.
#
# The clients and the service of the big tests are C programs, linked as a user's; the rest is Python 3, with the binding that PREFIX has
# and no other package.
group=daemons
# shellcheck source=begin.sh
. "$(dirname "$0")/begin.sh"
shift 2

compile crossing "$here/crossing.c"
compile pongd "$here/../../Sources/pongd/main.c"
compile pong "$here/../../Sources/pong/main.c"
$CC -shared -fPIC -Wall -Wextra -Werror "$here/slow_lookup.c" -o "$work/slow_lookup.so" -ldl || echo "not ok daemons.compiling_slow_lookup"
python3 -B "$here/run.py" "$prefix/bin" "$work" "$@"
