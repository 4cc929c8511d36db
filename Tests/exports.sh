#!/bin/sh
# exports.sh - do the lists of functions have the order of the public headers? What is where in one is found there in the other.
#
#   exports.sh ROOT
set -u
. "$(dirname "$0")/begin.sh"
cd "${1:?root of the sources}" || exit 1

# in_order NAME LIST: the names in LIST, one a line, all of which the headers declare, come as there
in_order() {
	for header in ipc usocket fs message utils; do sed -n -f Sources/CLibIPC/declared.sed include/$header.h; done > "$work/declared"
	awk 'NR == FNR { listed[$0]; next } $0 in listed' "$2" "$work/declared" > "$work/wanted"
	same_list "$1" "$work/wanted" "$2"
}

sed -n 's/^LIBIPC_[A-Z]*(\([a-z_0-9]*\),.*/\1/p' Sources/CLibIPC/include/exports.h > "$work/list"
in_order exports_h_has_the_order_of_the_headers "$work/list"
exit $failed
