#!/bin/sh
# run.sh - the tool ipc as it is installed: what it prints, its statuses, and that it leaves nothing behind.
#
#   run.sh PREFIX WORK [NAME...]    PREFIX has the installation; WORK is a directory for what is made. Names: only these tests.
#
# Clients and services are those of the daemons' tests (Tests/Daemons/harness.py): pongd, the binding for Python, and sockets by hand.
group=tool
# shellcheck source=../Daemons/begin.sh
. "$(dirname "$0")/../Daemons/begin.sh"
shift 2

compile pongd "$here/../../Sources/pongd/main.c"
python3 -B "$here/run.py" "$prefix/bin" "$work" "$@"
