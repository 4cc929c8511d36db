#!/bin/sh
# run.sh - the models of memory order (models.cpp), which Relacy checks.
#
#   run.sh WORK
set -u
work=${1:?directory for the program}
directory=$(dirname "$0")
mkdir -p "$work" || exit 1
if ! echo '#include <relacy/relacy.hpp>' | ${CXX:-c++} -std=c++17 -fsyntax-only -x c++ - 2> /dev/null; then
	echo "skipped memory_order: Relacy (relacy-dev) or a C++ compiler is not installed"
elif ! ${CXX:-c++} -std=c++17 -O0 -Wall -Wextra -Werror "$directory/models.cpp" -o "$work/models" 1>&2; then
	echo "not ok memory_order.compiling"
	exit 1
else
	timeout 300 "$work/models" || { [ $? -eq 1 ] || echo "not ok memory_order.ended_early"; exit 1; }
fi
