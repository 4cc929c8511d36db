#!/bin/sh
# layers.sh - does each folder of the engine use only the folders that it says?
#
#   layers.sh DIRECTORY      (Sources/LibIPC)
#
# One file of each folder has the line `// Folder: Stream. Uses: Wire, IO.` (or `Uses: nothing.`). A file may mention names that these
# folders declare, and names from the files beside the folders. The uses form no circle. Without any such line nothing is checked.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
cd "${1:?directory of folders}" || exit 1
# shellcheck disable=SC2046
LC_ALL=C awk -f "$here/layers.awk" $(find . -name '*.swift' | LC_ALL=C sort)
