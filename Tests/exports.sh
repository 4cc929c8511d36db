#!/bin/sh
# exports.sh - has exports.h the order of the public headers? What is where in one is found there in the other.
#
#   exports.sh ROOT
set -u
. "$(dirname "$0")/begin.sh"
cd "${1:?root of the sources}" || exit 1

for header in ipc usocket fs message utils; do sed -n -f Sources/CLibIPC/declared.sed include/$header.h; done > "$work/declared"
sed -n 's/^LIBIPC_[A-Z]*(\([a-z_0-9]*\),.*/\1/p' Sources/CLibIPC/include/exports.h > "$work/list"
awk 'NR == FNR { listed[$0]; next } $0 in listed' "$work/list" "$work/declared" > "$work/wanted"
same_list exports_h_has_the_order_of_the_headers "$work/wanted" "$work/list"
exit $failed
