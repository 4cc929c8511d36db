#!/bin/sh
# pages.sh - the headers, exports.map, the pages and functions.txt name the same functions, versions and error codes.
#
#   pages.sh INSTALLED_TREE ROOT
set -u
export LC_ALL=C
. "$(dirname "$0")/../begin.sh"
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
cd "${2:?root of the sources}" || exit 1
pages=$tree/share/man
declared=Sources/CLibIPC/declared.sed

# ---- functions: lines VERSION NAME PAGE, sorted

grep -v '^#' Tests/Manual/functions.txt | sort > "$work/table"
same() { same_list "$1" "$2" "$3"; }

sed -n -f $declared include/*.h | sort > "$work/declared"
cut -d' ' -f2 "$work/table" | sort > "$work/listed"
same manual_the_headers_declare_the_functions_of_the_table "$work/listed" "$work/declared"

awk '/^LIBIPC_/ { version = substr($1, 8) } /^\t\t[a-z]/ { sub(/;/, ""); print version, $1 }' Sources/CLibIPC/exports.map | sort > "$work/exported"
cut -d' ' -f1,2 "$work/table" > "$work/versions"
same manual_exports_map_has_the_functions_and_versions_of_the_table "$work/versions" "$work/exported"

# What a page says itself: each function in its SYNOPSIS, with the version in HISTORY.
for page in "$pages"/man3/*.3; do
	grep -q '^\.so ' "$page" && continue
	awk -v page="$(basename "$page" .3)" '
		/^\.Fo / { names[++count] = $2 }
		/^appeared in libipc / { version = $4; sub(/\.$/, "", version) }
		END { for (i = 1; i <= count; i++) print version, names[i], page }' "$page"
done | sort > "$work/described"
same manual_the_pages_have_the_functions_and_versions_of_the_table "$work/table" "$work/described"

# Each name leads to its page, and no page is left over but those of macros.
while read -r _ name page; do
	[ -f "$pages/man3/$name.3" ] || continue
	found=$(sed -n 's|^\.so man3/\(.*\)\.3$|\1|p' "$pages/man3/$name.3")
	[ "${found:-$name}" = "$page" ] || echo "$name leads to ${found:-itself}, not to $page" >&2
	[ "${found:-$name}" = "$page" ] && echo "$name"
done < "$work/table" > "$work/led"
cut -d' ' -f2 "$work/table" > "$work/all"
same manual_each_function_has_a_page "$work/all" "$work/led"
for page in "$pages"/man3/*.3; do
	name=$(basename "$page" .3)
	[ "$name" = ipc-macros ] && continue
	grep -q '^\.so man3/ipc-macros.3' "$page" && grep -q "^#define $name\\b" include/*.h && continue
	echo "$name"
done | sort > "$work/pages"
sort "$work/all" > "$work/sorted"
same manual_each_page_has_a_function "$work/sorted" "$work/pages"

# Names in NAME are those in SYNOPSIS; each argument is described.
for page in "$pages"/man3/*.3; do
	grep -q '^\.so ' "$page" && continue
	awk -v page="$page" '
		/^\.Nm / { named = named " " $2 } /^\.Fo / { shown = shown " " $2 }
		/^\.Sh / { section[$2 $3] = 1 }
		END {
			if (shown != "" && named != shown) print page ": NAME has" named ", SYNOPSIS" shown
			needed = "NAME LIBRARY SYNOPSIS DESCRIPTION EXAMPLES SEEALSO"
			if (shown != "") needed = needed " HISTORY"
			for (i = split(needed, list, " "); i > 0; i--) if (!(list[i] in section)) print page ": there is no section " list[i]
		}' "$page"
	# A function that fails says how.
	if grep -q '^\.Ft .*error' "$page" && ! grep -q '^\.Sh ERRORS' "$page"; then echo "$page: there is no section ERRORS"; fi
done > "$work/wrong"
cat "$work/wrong" >&2
[ ! -s "$work/wrong" ]
report manual_pages_have_their_sections $?

# ---- error codes

sed -n 's/^\t\(IPC_ERROR_[A-Z_0-9]*\) = \([0-9]*\),.*/\1 \2/p' include/ipc.h | sort > "$work/codes"
sed -n 's/^\.It Bq Er \(IPC_ERROR_[A-Z_0-9]*\) Pq \([0-9]*\)$/\1 \2/p' "$pages/man7/ipc-errors.7" | sort > "$work/paged"
same manual_ipc_errors_has_each_code_with_its_number "$work/codes" "$work/paged"
# A code is given by a page of section 3, or by any call on a context; or never, and then the sources do not have it.
never() { sed -n 's/^\t\(IPC_ERROR_[A-Z_0-9]*\) = [0-9]*, \/\* never returned.*/\1/p' include/ipc.h | sort; }
cut -d' ' -f1 "$work/codes" | while read -r code; do
	grep -qr --exclude=error_texts.c "\\b$code\\b" Sources/LibIPC Sources/CLibIPC || echo "$code"
done | grep -v '^IPC_ERROR_NONE$' | sort > "$work/unused"
never > "$work/never"
same manual_codes_that_are_never_returned_are_not_in_the_sources "$work/unused" "$work/never"
{
	sed -n 's/^\.It Bq Er \(IPC_ERROR_[A-Z_0-9]*\)$/\1/p' "$pages"/man3/*.3 "$pages/man7/ipc.7"
	cat "$work/never"
	echo IPC_ERROR_NONE
} | sort -u > "$work/given"
cut -d' ' -f1 "$work/codes" > "$work/names"
same manual_each_code_is_given_by_a_function "$work/names" "$work/given"
# What exports.h refuses before a call begins is on the page of the function.
awk '
	/^LIBIPC_(EXPORT|SHARED)\(/ { name = $0; sub(/^[^(]*\(/, "", name); sub(/,.*/, "", name) }
	name == "" { next }
	/WHOLE\(/ { print name, "IPC_ERROR_MESSAGE_FORMAT_WRITE__MESSAGE_LENGTH"; print name, "IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS" }
	/FITTING\(/ { print name, "IPC_ERROR_MESSAGE_FORMAT__MESSAGE_SIZE"; print name, "IPC_ERROR_MESSAGE_FORMAT__INCONSISTENT_PARAMS" }
	{ line = $0; while (match(line, /IPC_ERROR_[A-Z_0-9]+/)) { print name, substr(line, RSTART, RLENGTH); line = substr(line, RSTART + RLENGTH) } }
' Sources/CLibIPC/include/exports.h | sort -u > "$work/refused"
while read -r name code; do
	page=$(sed -n 's|^\.so ||p' "$pages/man3/$name.3")
	grep -q "^\.It Bq Er $code\$" "$pages/${page:-man3/$name.3}" || echo "the page of $name does not have $code"
done < "$work/refused" > "$work/missing"
cat "$work/missing" >&2
[ -s "$work/refused" ] && [ ! -s "$work/missing" ]
report manual_refused_arguments_are_on_the_pages $?
# Whatever looks like a code anywhere is one.
grep -ohE '\bIPC_ERROR_[A-Z_0-9]*[A-Z]\b' "$pages"/man[37]/* include/*.h README.md | sort -u > "$work/mentioned"
comm -23 "$work/mentioned" "$work/names" > "$work/unknown"
cat "$work/unknown" >&2
[ ! -s "$work/unknown" ]
report manual_no_code_is_misspelled $?
exit $failed
