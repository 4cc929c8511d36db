#!/bin/sh
# clean.sh - removes a build directory, after a look at what it is: BUILD may be misspelled.
#
#   clean.sh BUILD
set -eu
build=${1:?build directory}
refuse() {
	echo "make clean: $build is not removed: $1" >&2
	exit 1
}
if [ ! -d "$build" ]; then
	[ ! -e "$build" ] || refuse 'it is a file'
	exit 0
fi
sources=$(pwd -P)
directory=$(cd "$build" && pwd -P)
case $sources/ in "${directory%/}"/*) refuse 'the sources are in it' ;; esac
case ${HOME:-/}/ in "${directory%/}"/*) refuse 'the home directory is in it' ;; esac
# Without names of its own there is no build; `make test` alone may have left one.
case $directory in "$sources/build" | "$sources"/build/*) ;; "$sources"/*) refuse 'it is a part of the sources' ;; *)
	[ -d "$directory/obj" ] || [ -e "$directory/man/made" ] || refuse 'there is no build of libipc in it'
	;;
esac
rm -rf "$directory"
# A link to it may have been the name.
[ ! -L "$build" ] || rm -f "$build"
