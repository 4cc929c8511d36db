#!/bin/sh
# sizes.sh - no file of C or Swift has more than 300 lines, and no line more than 140 columns (a tab is four).
#
#   sizes.sh DIRECTORY      (Sources)
set -u
cd "${1:?directory of sources}" || exit 1
find . -name '*.[ch]' -o -name '*.swift' | sed 's/^\.\///' | LC_ALL=C sort | while read -r file; do
	count=$(wc -l < "$file")
	[ "$count" -le 300 ] || echo "not ok sizes.files: $file has $((count)) lines"
	# In characters, not bytes: a byte that continues one does not count.
	expand -t 4 "$file" | LC_ALL=C sed 's/[\x80-\xbf]//g' | LC_ALL=C awk -v file="$file" '
		length($0) > 140 { print "not ok sizes.lines: " file ":" NR " has " length($0) " columns" }'
done | grep . && exit 1
echo "ok sizes"
