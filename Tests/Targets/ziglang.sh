#!/bin/sh
# ziglang.sh - the headers and link stubs of other systems: PyPI's ziglang, installed into a directory. Prints the command for ZIG.
#
#   ziglang.sh DIRECTORY
#
# With the version that this file names. When there is no network it says so on stderr, and fails.
set -u
version=0.17.1
mkdir -p "${1:?directory}" && directory=$(cd "$1" && pwd) || exit 1
if [ "$(cat "$directory/ready" 2> /dev/null)" != "$version" ]; then
	if ! { python3 -m venv --clear "$directory" && "$directory/bin/pip" install -q "ziglang==$version"; } > "$directory.log" 2>&1; then
		tail -1 "$directory.log" >&2
		exit 1
	fi
	echo "$version" > "$directory/ready"
fi
echo "env ZIG_GLOBAL_CACHE_DIR=$directory/cache $directory/bin/python -m ziglang"
