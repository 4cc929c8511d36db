# parts.awk - the later sections of a page of section 3: from RETURN VALUES to HISTORY.

function writeResult(family,   kind, hasOwn) {
	kind = givesErrors(family)
	hasOwn = (family, "returns") in fields
	if (kind == "" && !hasOwn) return
	section_("RETURN VALUES")
	if (kind ~ /s/) {
		paragraphs("On success `error_code` of the result is IPC_ERROR_NONE, which is 0, and `error_message` is empty. Otherwise `error_code` " \
			"is an error, and `error_message` says what failed, on what, and the reason of the system.")
	}
	if (kind ~ /e/) {
		paragraphs("On success the result is IPC_ERROR_NONE, which is 0. Otherwise it is an error, and ipc_last_error has its text.")
	}
	if (hasOwn) paragraphs(sentence(fields[family, "returns"]))
}

function writeExample(family,   other, list, count, i) {
	section_("EXAMPLES")
	if ((family, "like") in fields) {
		other = fields[family, "like"]
		sub(/^as /, "", other)
		paragraphs("See the example of " other ".")
		return
	}
	displayExample(family)
}

# The comment in front of a display tells the tests what to do with it (Tests/Manual/examples.sh).
function displayExample(family,   list, count, i) {
	out(".\\\" example " firstOf(family) ": " (prints[family] == "\001" ? "runs" : "prints \"" prints[family] "\""))
	if (prints[family] != "\001") writePrinted(prints[family])
	out(".Bd -literal -offset indent")
	out("#include <" includeFor(family) ">")
	if (example[family] !~ /^#include/) out("")
	count = split(example[family], list, "\n")
	for (i = 1; i < count; i++) out(displayed(list[i]))
	out(".Ed")
}

function writePrinted(text,   list, count, i) {
	out("It prints")
	count = split(text, list, /\\n/)
	for (i = 1; i <= count; i++) out(".Ql " quoted(list[i]) (i < count ? " ," : " :") (i < count ? "\nthen" : ""))
}

function displayed(line) {
	line = literal(line)
	return line ~ /^\./ ? "\\&" line : line
}

function writeErrors(family,   hasContext) {
	if (givesErrors(family) == "" && !((family, "errors") in fields)) return
	section_("ERRORS")
	paragraphs(fields[family, "errors"])
	hasContext = takesContext(family)
	if (hasContext) paragraphs("Any call on a context may also give " commonErrors() ": see COMMON ERRORS in ipc(7).")
}

# Whether the common errors are possible.
function takesContext(family,   list, count, i) {
	count = family in hasNoOthers ? 0 : split(members[family], list, " ")
	for (i = 1; i <= count; i++)
		if (arguments[list[i]] && (argument[list[i], 1] argument[list[i], 2]) ~ /struct ipc_ctx \*ctx/) return 1
	return 0
}

# The terms of the section COMMON ERRORS.
function commonErrors(   list, count, i, names) {
	count = split(sectionText["COMMON ERRORS"], list, "\n")
	for (i = 1; i <= count; i++)
		if (match(list[i], /^  IPC_ERROR_[A-Z_]+/)) names = names (names == "" ? "" : ", ") substr(list[i], 3, RLENGTH - 2)
	return names
}

# In the order of sections, then of names.
function writeSeeAlso(family,   list, count, i, j, seen, key, keys, number, first) {
	count = (family, "see") in fields ? split(fields[family, "see"], list, /, */) : 0
	list[++count] = "ipc(7)"
	if (givesErrors(family) != "") list[++count] = "ipc-errors(7)"
	if ((family, "like") in fields) list[++count] = substr(fields[family, "like"], 4)
	for (i = 1; i <= count; i++) {
		if (list[i] == "") continue
		first = list[i]
		if (first in pageOf) first = first "(3)"
		else if (first !~ /\([1-9]\)$/) report(family, "See: " first " is neither a function nor name(section)")
		if (first == firstOf(family) "(3)") continue
		key = substr(first, length(first) - 1, 1) " " substr(first, 1, length(first) - 3)
		if (key in seen) continue
		seen[key] = 1
		for (j = number; j >= 1 && keys[j] > key; j--) keys[j + 1] = keys[j]
		keys[j + 1] = key
		number++
	}
	section_("SEE ALSO")
	for (i = 1; i <= number; i++) out(".Xr " substr(keys[i], 3) " " substr(keys[i], 1, 1) (i < number ? " ," : ""))
}

function history(family,   list, count, i) {
	count = split(members[family], list, " ")
	for (i = 1; i <= count; i++) {
		if (i > 1 && i == count) out("and")
		out(".Fn " list[i] (i < count - 1 ? " ," : ""))
	}
	out("appeared in libipc " fields[family, "since"] ".")
}
