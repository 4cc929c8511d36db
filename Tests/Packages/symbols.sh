#!/bin/sh
# symbols.sh - the packages with debug symbols know the line of each function, in C and in Swift, of the library and of the daemons.
#
#   symbols.sh PACKAGES
set -u
. "$(dirname "$0")/../begin.sh"
for package in "${1:?packages}"/libipc1*.deb "$1"/ipc-daemons*.deb; do dpkg-deb -x "$package" "$work" || exit 1; done
cd "$work" || exit 1

# line_of FILE FUNCTION: where its debug symbols say that it is
line_of() {
	id=$(readelf -nW "$1" | sed -n 's/.*Build ID: //p')
	symbols=usr/lib/debug/.build-id/$(echo "$id" | cut -c 1-2)/$(echo "$id" | cut -c 3-).debug
	# gdb finds nothing by an index that is made for lldb.
	if readelf -SW "$symbols" 2> /dev/null | grep -q '\.debug_names'; then echo "$1: there is an index .debug_names" >&2; return 1; fi
	addr2line -e "$symbols" "0x$(nm "$symbols" | awk -v name="$2" '{ sub(/@.*/, "", $3) } $3 == name { print $1; exit }')"
}
library=$(ls usr/lib/*/libipc.so.1)
line_of "$library" ipc_server_init | grep -q '/exports\.[ch]:[0-9]'
report deb.symbols_know_the_lines_of_the_library_in_c $?
line_of "$library" ipc_server_init_into | grep -q 'Contexts\.swift:[0-9]'
report deb.symbols_know_the_lines_of_the_library_in_swift $?
wrong=0
for program in usr/bin/*; do
	line_of "$program" main | grep -q '\.swift:[0-9]' || { echo "$program has no line" >&2; wrong=1; }
done
report deb.symbols_know_the_lines_of_the_daemons $wrong
exit $failed
