#!/bin/sh
# format.sh - does ../format.sh find what is not in form, language by language, and mend it?
#
#   format.sh BUILD_DIRECTORY
set -u
. "$(dirname "$0")/../begin.sh"
build=$(mkdir -p "${1:?build directory}" && cd "$1" && pwd) || exit 1
tree=$work/tree
mkdir -p "$tree/Sources" "$tree/Tests" "$tree/include" "$tree/pkgconfig" "$tree/.ci"
cp "$here/../../.swift-format" "$tree"
echo 'let  package=1' > "$tree/Package.swift"
printf 'let  one=1\n' > "$tree/Sources/one.swift"
printf 'int one ( void ){return 1;}\n' > "$tree/Sources/one.c"
printf 'one = [1,2]\n' > "$tree/Tests/one.py"
printf 'one=[1,2]\n' > "$tree/Tests/one.cr"
# shellcheck disable=SC2016
printf '#!/bin/sh\ncd $1\n' > "$tree/Tests/one.sh"

# A machine without one of the tools skips it in ../format.sh, and says so there.
sh "$here/../format.sh" "$build" '' "$tree" > "$work/found" 2> "$work/err"
for language in $(sed -n 's/^\(not \)*ok format\.//p' "$work/found" | grep -v python_rules); do
	grep -q "^not ok format.$language\$" "$work/found"
	report "format.selftest.bad_form_of_${language}_is_found" $?
done
sh "$here/../format.sh" "$build" --write "$tree" > "$work/found" 2> "$work/err"
sed -i 's/cd $1/cd "$1" || exit/' "$tree/Tests/one.sh"
sh "$here/../format.sh" "$build" '' "$tree" > "$work/found" 2>> "$work/err"
grep -q '^ok ' "$work/found" && ! grep -q '^not ok' "$work/found"
report format.selftest.writing_brings_into_form $?
[ $failed -eq 0 ] || cat "$work/found" "$work/err" >&2
exit $failed
