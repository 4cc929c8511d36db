#!/bin/sh
# codes.sh - has each error code that ipc.h declares a text, and no other number?
#
#   codes.sh INSTALLED_TREE
set -u
. "$(dirname "$0")/../../begin.sh"
use_tree "${1:?installed tree}"

sed -n 's/^\t\(IPC_ERROR_[A-Z_0-9]*\) = [0-9].*/CODE(\1)/p' "$tree/include/libipc/ipc.h" > "$work/codes.h"
compile "$work/program" "$here/program.c" -I"$work" || { report the_codes_compile 1; exit 1; }
"$work/program"
