#!/bin/sh
# folders.sh - `make uninstall` takes back what `make install` has made, folders included, and nothing else.
#
#   folders.sh BUILD
set -u
. "$(dirname "$0")/begin.sh"

# all_below DIRECTORY: folders, files and links
all_below() { (cd "$1" && find . | LC_ALL=C sort); }

# A tree in which somebody else has folders and files.
tree=$work/tree
mkdir -p "$tree/lib/pkgconfig" "$tree/include" "$tree/share/man/man3" "$tree/share/doc" "$tree/lib/systemd"
echo other > "$tree/lib/pkgconfig/other.pc"
all_below "$tree" > "$work/before"
make_quietly PREFIX="$tree" install
all_below "$tree" > "$work/installed"
grep -q 'man/man3/ipc_write\.3$' "$work/installed" && grep -q 'bin/ipcd$' "$work/installed"
report install_fills_a_tree_that_has_folders $?
# A second one finds the folders of the first.
make_quietly PREFIX="$tree" install
all_below "$tree" | cmp -s - "$work/installed"
report install_again_changes_no_name $?
make_quietly PREFIX="$tree" uninstall
all_below "$tree" > "$work/after"
same_list uninstall_leaves_the_tree_as_it_was "$work/before" "$work/after"
make_quietly PREFIX="$tree" uninstall && all_below "$tree" | cmp -s - "$work/before"
report uninstall_of_nothing_removes_nothing $?

# The tree itself is made, and goes.
make_quietly PREFIX="$work/new/tree" install && make_quietly PREFIX="$work/new/tree" uninstall && [ ! -e "$work/new" ]
report uninstall_removes_a_tree_that_install_made $?

# Somebody's file in each folder of libipc's.
tree=$work/shared
make_quietly PREFIX="$tree" install
find "$tree" -type d > "$work/folders"
while read -r folder; do echo mine > "$folder/strange"; done < "$work/folders"
make_quietly PREFIX="$tree" uninstall
find "$tree" -type f | grep -v '/strange$' > "$work/left"
cat "$work/left" >&2
[ ! -s "$work/left" ] && [ "$(find "$tree" -name strange | wc -l)" -eq "$(wc -l < "$work/folders")" ]
report uninstall_leaves_what_others_have_put_there $?

# What Python writes when it imports the package.
if command -v python3 > /dev/null 2>&1; then
	tree=$work/python
	make_quietly PREFIX="$tree" install
	LD_LIBRARY_PATH=$tree/lib PYTHONPATH=$tree/share/libipc/python/src PYTHONDONTWRITEBYTECODE='' python3 -c 'import libipc' >&2
	[ -n "$(find "$tree" -name '*.pyc')" ] && make_quietly PREFIX="$tree" uninstall && [ ! -e "$tree" ]
	report uninstall_removes_what_python_has_compiled $?
else
	echo "skipped uninstall_removes_what_python_has_compiled: python3 is not installed"
fi

# The tree of a package: nothing outside of it, and no list in it.
stage=$work/stage
make_quietly DESTDIR="$stage" PREFIX="$work/never" install
[ ! -e "$work/never" ] && [ -x "$stage$work/never/bin/ipcd" ] && [ ! -e "$stage$work/never/share/libipc/folders" ]
report install_with_destdir_writes_nothing_elsewhere $?
! grep -rq "$stage" "$stage"
report install_with_destdir_names_it_in_no_file $?
! grep -q ldconfig "$work/log"
report install_with_destdir_does_not_speak_of_ldconfig $?
make_quietly DESTDIR="$stage" PREFIX="$work/never" uninstall && [ -z "$(ls -A "$stage")" ]
report uninstall_with_destdir_empties_it $?

# A loader that looks in the tree's lib, as far as an ldconfig beside this script says.
mkdir "$work/bin"
printf '#!/bin/sh\necho "/nowhere: (from x)"\necho "%s: (from x)"\n' "$work/known/lib" > "$work/bin/ldconfig"
chmod +x "$work/bin/ldconfig"
PATH=$work/bin:$PATH make_quietly PREFIX="$work/known" install
tail -n 1 "$work/log" | grep -q "^Run ldconfig as root now: .* in $work/known/lib "
report install_says_that_ldconfig_is_needed $?
PATH=$work/bin:$PATH make_quietly PREFIX="$work/unknown" install
tail -n 1 "$work/log" | grep -q "LD_LIBRARY_PATH=$work/unknown/lib.* ldconfig is not needed"
report install_says_that_ldconfig_is_not_needed $?
exit $failed
