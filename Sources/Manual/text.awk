# text.awk - from the text of comments to mdoc(7): marks names up, wraps lines, makes lists.
#
# out(LINE) writes to the page. `page` is the family whose page it is, or 0.

function out(line) { print line > file }

# Nothing in a text line is left for roff to interpret, and what is typed stays as it is (in UTF-8 a plain - ' ^ would be others).
function escape(text) {
	gsub(/\\/, "\\e", text)
	return text
}
function literal(text) {
	text = escape(text)
	gsub(/-/, "\\-", text)
	gsub(/'/, "\\(aq", text)
	gsub(/`/, "\\(ga", text)
	gsub(/\^/, "\\(ha", text)
	gsub(/~/, "\\(ti", text)
	return text
}

# An argument of a macro.
function quoted(text) {
	text = literal(text)
	gsub(/"/, "\\(dq", text)
	# So that it is not taken for a macro, or for a delimiter.
	if (text ~ / [.,;:()?!|]$/) text = text "\\&"
	if (text ~ /^[A-Z%][A-Za-z1]$/ || text ~ /^[].,:;()?!|[]$/) text = "\\&" text
	return text ~ / / ? "\"" text "\"" : text
}

function flush() {
	if (pending == "") return
	out((pending ~ /^[.']/ ? "\\&" : "") pending)
	pending = ""
}

# One more word of running text; a sentence ends its line.
function word(text) {
	text = escape(text)
	# A minus, and no hyphen.
	if (match(text, /^[("]*-[0-9A-Za-z]/)) text = substr(text, 1, RLENGTH - 2) "\\" substr(text, RLENGTH - 1)
	if (pending != "" && length(pending) + 1 + length(text) > 76) flush()
	pending = pending (pending == "" ? "" : " ") text
	if (text ~ /[.!?][)"]*$/) flush()
}

# A macro, with what stands before and behind it.
function mark(before, macro, behind,   i) {
	flush()
	if (before != "") macro = "Pf " before " " macro
	for (i = 1; i <= length(behind); i++) macro = macro " " substr(behind, i, 1)
	out("." macro)
}

# A reference to a page.
function reference(name, part) { return "Xr " name " " part }

# The macro for a name in the text; "" for a plain word.
function macroFor(name,   base) {
	if (name ~ /^[A-Za-z_][A-Za-z0-9_.+-]*\([1-9][a-z]*\)$/) {
		base = name
		sub(/\(.*/, "", base)
		sub(/^.*\(/, "", name)
		sub(/\)/, "", name)
		return reference(base, name)
	}
	if (name in pageOf) return pageOf[name] == page ? "Fn " name : reference(name, 3)
	if (name ~ /^(IPC_(RUNDIR|NETWORK|SOCKET_MODE|SOCKET_GROUP)|LIBIPC_DEBUG)$/) return "Ev " name
	if (name ~ /^E(AGAIN|INTR|MFILE|NFILE|NOMEM|NOBUFS|NOSPC|BADF|ACCES|DEADLK|PIPE|CONNRESET)$/) return "Er " name
	if (name ~ /^[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]$/ || name ~ /^(NULL|BUFSIZ|SIG[A-Z]+)$/) return "Dv " name
	return ""
}

# What is quoted in the source.
function quotedMacro(text,   macro) {
	if ((page, text) in isArgument) return "Fa " quoted(text)
	macro = macroFor(text)
	if (macro != "") return macro
	if (text ~ /^(struct|enum) [a-z_]+$/) return "Vt " quoted(text)
	if (text ~ /^[*]?[a-zA-Z_][]a-zA-Z0-9_.>[-]*$/) return "Va " quoted(text)
	return "Ql " quoted(text)
}

# With a capital letter, if it begins with a plain word.
function sentence(text) {
	if (text !~ /^[a-z]+[ ,]/ || text ~ /^[a-z]+\(/) return text
	return toupper(substr(text, 1, 1)) substr(text, 2)
}

function firstOf(family,   names) {
	split(members[family], names, " ")
	return names[1]
}

# Running text, as a paragraph.
function fill(text,   token, before, core, behind, macro, next_) {
	gsub(/\n/, " ", text)
	text = trim(text)
	while (text != "") {
		if (match(text, /^[(]*`[^`]*`[^ ]*/) || match(text, /^[^ ]+/)) token = substr(text, 1, RLENGTH)
		text = trim(substr(text, length(token) + 1))
		before = behind = macro = ""
		core = token
		while (core ~ /^\(/) { before = before "("; core = substr(core, 2) }
		# Parentheses of name(3) stay.
		while (core ~ /[].,;:)?!]$/ && core !~ /^[A-Za-z_][A-Za-z0-9_.+-]*\([1-9][a-z]*\)$/) {
			behind = substr(core, length(core)) behind
			core = substr(core, 1, length(core) - 1)
		}
		if (core ~ /^`.*`$/) {
			macro = quotedMacro(substr(core, 2, length(core) - 2))
		} else if (core ~ /^(struct|enum)$/ && behind == "" && match(text, /^[a-z_]+/)) {
			core = core " " substr(text, 1, RLENGTH)
			text = substr(text, RLENGTH + 1)
			behind = ""
			if (match(text, /^[^ ]+/)) {
				behind = substr(text, 1, RLENGTH)
				text = trim(substr(text, RLENGTH + 1))
			}
			text = trim(text)
			macro = "Vt \"" core "\""
		} else {
			macro = macroFor(core)
		}
		if (macro == "") word(token)
		else mark(before, macro, behind)
	}
	flush()
}

# Text with paragraphs, points (- text) and terms (TERM  text). `fresh`: nothing is there yet that it must be set off from.
function paragraphs(text,   list, count, i, line, type, former, item) {
	count = split(text, list, "\n")
	for (i = 1; i <= count; i++) {
		line = list[i]
		if (line == "") {
			fill(item)
			item = ""
			if (former == "plain") former = ""
			continue
		}
		type = lineType(line, former)
		if (type == "more") {
			item = item " " trim(line)
			continue
		}
		fill(item)
		item = ""
		if (type != former && (former == "point" || former == "term")) out(".El")
		if (type == "plain") {
			if (!fresh) out(".Pp")
			item = line
		} else {
			if (type != former) out(type == "point" ? ".Bl -bullet" : ".Bl -tag -width " termWidth(list, i, count))
			item = openItem(type, trim(line))
		}
		former = type
		fresh = 0
	}
	fill(item)
	if (former == "point" || former == "term") out(".El")
}

function lineType(line, former) {
	if (line ~ /^- /) return "point"
	if (line ~ /^  [^ ]/ && former != "point" && (line ~ /[^ ]  +[^ ]/ || line ~ /^  [A-Z_0-9`]+$/)) return "term"
	if (former == "plain" && line !~ /^ / || former != "" && line ~ /^  /) return "more"
	return "plain"
}

# The longest of short terms, from line `i` on.
function termWidth(list, i, count,   term, width) {
	width = "Ds"
	for (; i <= count && list[i] !~ /^[^ ]/; i++) {
		if (list[i] !~ /^  [^ ]/) continue
		term = trim(list[i])
		sub(/  .*/, "", term)
		if (length(term) > 16) return "Ds"
		if (length(term) > length(width)) width = term
	}
	return quoted(width)
}

# Begins an item, and returns the text behind its term.
function openItem(type, line,   term) {
	if (type == "point") {
		out(".It")
		return substr(line, 3)
	}
	term = line
	sub(/  .*/, "", term)
	out(".It " termMacro(term))
	return trim(substr(line, length(term) + 1))
}

function termMacro(term,   macro) {
	if (term ~ /^`.*`$/) return quotedMacro(substr(term, 2, length(term) - 2))
	macro = macroFor(term)
	if (macro ~ /^Dv IPC_ERROR_/) return "Bq Er " term
	return macro != "" ? macro : literal(term)
}
