#!/bin/sh
# python.sh - the package for pip becomes a module of the system's Python, with the description that pip makes: for packages, whose build
# has neither pip nor its build tools.
#
#   python.sh PACKAGE SITE_PACKAGES      what `make install` has put into PYTHONDIR is moved to SITE_PACKAGES/libipc
set -eu
package=${1:?package}
site=${2:?directory of modules}
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' "$package/src/libipc/__init__.py")
mkdir -p "$site"
sed -n -e 's/^name = "\(.*\)"/Metadata-Version: 2.1\nName: \1\nVersion: '"$version"'/p' -e 's/^description = "\(.*\)"/Summary: \1/p' \
	-e 's/^requires-python = "\(.*\)"/Requires-Python: \1/p' "$package/pyproject.toml" > "$site/libipc-$version.egg-info"
mv "$package/src/libipc" "$site/libipc"
rm -r "$package"
