#!/bin/sh
# cleaning.sh - `make clean` removes BUILD and nothing else. It works on a copy of the sources: a fault must not cost more.
#
#   cleaning.sh BUILD
set -u
. "$(dirname "$0")/begin.sh"
mkdir -p "$work/sources/.build" "$work/home" "$work/unknown/obj_of_mine" "$work/sources/build/obj"
cp -R Makefile include pkgconfig Sources "$work/sources"
mkdir -p "$work/x/obj" "$work/beside/obj" "$work/linked/obj" "$work/home/obj"
ln -s linked "$work/link"
HOME=$work/home
export HOME
cd "$work/sources" || exit 1
(cd "$work" && find . -not -name err -not -name before | LC_ALL=C sort) > "$work/before"

# refuses NAME BUILD WHY
refuses() {
	! make -s clean BUILD="$2" > "$work/err" 2>&1 && grep -q "$3" "$work/err" &&
		(cd "$work" && find . -not -name err -not -name before | LC_ALL=C sort) | cmp -s - "$work/before"
	report "clean_refuses_$1" $?
}
refuses the_root / 'the sources are in it'
refuses the_sources . 'the sources are in it'
refuses the_sources_by_another_name "$work/sources/Sources/.." 'the sources are in it'
refuses what_the_sources_lie_in .. 'the sources are in it'
refuses a_part_of_the_sources Sources/LibIPC 'a part of the sources'
refuses the_home_directory "$HOME" 'the home directory is in it'
refuses a_directory_without_a_build "$work/unknown" 'no build of libipc'
refuses a_file Makefile 'it is a file'
refuses no_name '' 'BUILD=""'
refuses two_names 'build x' 'without a blank'
make -s clean BUILD="$work/nothing"
report clean_of_a_directory_that_is_not_there_does_nothing $?
make -s clean BUILD="$work/x"
[ $? -eq 0 ] && [ ! -e "$work/x" ] && [ -d "$work/beside/obj" ] && [ -d build/obj ] && [ -d .build ]
report clean_removes_the_build_directory_it_was_told $?
make -s clean BUILD="$work/link" && [ ! -e "$work/linked" ] && [ ! -L "$work/link" ]
report clean_follows_a_link $?
make -s clean && [ ! -e build ] && [ ! -e .build ] && [ -d "$work/beside/obj" ]
report clean_removes_what_make_and_swift_leave $?
exit $failed
