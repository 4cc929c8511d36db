#!/bin/sh
# manual.sh - makes the manual pages of the library from the comments of its headers.
#
#   manual.sh DIRECTORY          writes DIRECTORY/man3 and DIRECTORY/man7
#   manual.sh --list             prints the names of the pages: man3/ipc_write.3
#
# comments.awk has the form of the comments. HEADERS in the environment names another directory of headers than include/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
headers=${HEADERS:-$here/../../include}
into=${1:?directory, or --list}
listing=
[ "$into" = --list ] && listing=1
date=$(sed -n 's/^\.Dd //p' "$here/ipc.7")
# Each ends with a newline, as awk(1) reads the escape: a folder may have a blank in its name.
frames=$(printf '%s\\n' "$here/ipc.7" "$here"/ipc-*.7 "$here/ipc-macros.3")
[ -n "$listing" ] || mkdir -p "$into/man3" "$into/man7"
LC_ALL=C exec awk -v into="$into" -v date="$date" -v listing="$listing" -v frames="$frames" \
	-f "$here/comments.awk" -f "$here/text.awk" -f "$here/pages.awk" -f "$here/parts.awk" -f "$here/frames.awk" \
	"$headers/ipc.h" "$headers/usocket.h" "$headers/utils.h" "$headers/fs.h" "$headers/message.h"
