#!/bin/sh
# lint.sh - mandoc and groff find nothing in any page of an installed tree; references lead to pages.
#
#   lint.sh INSTALLED_TREE
set -u
. "$(dirname "$0")/../begin.sh"
pages=$(cd "${1:?installed tree}" && pwd)/share/man
cd "$pages" || exit 1
for section in man*; do
	for page in "$section"/*; do
		# A link is one line: .so man3/ipc_read.3
		if grep -q '^\.so ' "$page"; then
			target=$(sed -n 's/^\.so //p' "$page")
			[ -f "$target" ] && ! grep -q '^\.so ' "$target" || echo "$page leads to $target"
		else
			echo "$page" >> "$work/pages"
		fi
	done
done > "$work/links"
cat "$work/links" >&2
[ -s "$work/pages" ] && [ ! -s "$work/links" ]
report manual_links_lead_to_pages $?

# elsewhere.txt has the pages that are not the library's: what is misspelled is not among them.
while read -r page; do
	sed -n 's/^\.\(It \)\{0,1\}\(Pf ( \|Pq \)\{0,1\}Xr \([^ ]*\) \([0-9]\).*/\3 \4/p' "$page" | sort -u | while read -r name section; do
		[ -f "man$section/$name.$section" ] || grep -qxF "$name($section)" "$here/elsewhere.txt" || echo "$page: there is no $name($section)"
	done
done < "$work/pages" > "$work/references"
cat "$work/references" >&2
[ ! -s "$work/references" ]
report manual_references_lead_to_pages $?

if command -v mandoc > /dev/null 2>&1; then
	# Which pages this machine has does not matter: those were looked at above.
	xargs env MANPATH="$work" mandoc -T lint -W all < "$work/pages" 2> /dev/null | grep -v 'STYLE: referenced manual not found' > "$work/found"
	cat "$work/found" >&2
	[ ! -s "$work/found" ]
	report manual_mandoc_finds_nothing $?
else
	echo "skipped manual_mandoc: it is not installed"
fi
if command -v groff > /dev/null 2>&1; then
	while read -r page; do groff -ww -mandoc -Tutf8 "$page" 2>&1 > "$work/out" | sed "s|^|$page: |"; done < "$work/pages" > "$work/found"
	cat "$work/found" >&2
	[ ! -s "$work/found" ]
	report manual_groff_finds_nothing $?
else
	echo "skipped manual_groff: it is not installed"
fi
exit $failed
