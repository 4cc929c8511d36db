#!/bin/sh
# python39.sh - Python 3.9 out of the packages of Debian 11, beside the system: prints the path of the interpreter.
#
#   python39.sh DIRECTORY
#
# Debian 12 has no Python older than 3.11. The packages are verified by apt, and unpacked into DIRECTORY; nothing is installed. Without pip and
# venv, which the tests do not need.
set -eu
mkdir -p "${1:?directory}"
directory=$(cd "$1" && pwd)
if [ ! -x "$directory/python3.9" ]; then
	cd "$directory"
	mkdir -p lists/partial cache/archives/partial root
	: > status
	# From where this system gets its own.
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -1)
	echo "deb $mirror bullseye main" > sources
	set -- -qq -o Dir::Etc::SourceList="$directory/sources" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$directory/lists" \
		-o Dir::State::status="$directory/status" -o Dir::Cache="$directory/cache" -o APT::Sandbox::User=root
	apt-get "$@" update >&2
	apt-get "$@" download libffi7 libmpdec3 libpython3.9-minimal libpython3.9-stdlib libssl1.1 python3.9-minimal >&2
	for package in *.deb; do dpkg-deb -x "$package" root; done
	libraries=$(dirname "$(find "$directory/root/usr/lib" -name 'libffi.so.7')")
	cat > interpreter <<-END
		#!/bin/sh
		LD_LIBRARY_PATH=$libraries\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} exec "$directory/root/usr/bin/python3.9" "\$@"
	END
	chmod +x interpreter
	./interpreter -c 'import asyncio, ctypes, ssl'
	mv interpreter python3.9
fi
echo "$directory/python3.9"
