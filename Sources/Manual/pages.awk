# pages.awk - writes the pages of section 3, and fills in the hand-written frames of the others.
#
# Variables: `into`, the directory that gets man3 and man7; `date`, as in .Dd; `listing`: 1 prints the names of the pages and writes none.

END {
	check()
	if (wrong) exit 1
	for (i = 1; i <= families; i++) writePage(i)
	writeFrames()
}

# ---- what must hold

function report(family, text) {
	printf "%s: %s: %s\n", familyPlace[family], named[family], text > "/dev/stderr"
	wrong = 1
}

function check(   i, list, count) {
	for (i = 1; i <= families; i++) checkFamily(i)
	count = split(commonErrors(), list, ", ")
	for (i = 1; i <= count; i++) isCommon[list[i]] = 1
	for (i = 1; i <= codes; i++)
		if (codeNumber[code[i]] != 0 && codeText[code[i]] !~ /^never returned/ && !(code[i] in givenBy) && !(code[i] in isCommon)) {
			printf "%s: no function names it, and its text does not begin with \"never returned\"\n", code[i] > "/dev/stderr"
			wrong = 1
		}
}

function checkFamily(family,   names, count, i, j, list, same) {
	splitArguments(family)
	same = named[family]
	gsub(/,/, "", same)
	if (same != members[family]) report(family, "these functions are declared behind it: " members[family])
	if (!((family, "since") in fields) || fields[family, "since"] !~ /^1\.[0-9]+$/) report(family, "it has no line Since: 1.N")
	if (!((family, "like") in fields) && !(family in example)) report(family, "it has no example, and names none")
	count = split(members[family], names, " ")
	for (i = 1; i <= count; i++) {
		for (j = 1; j <= arguments[names[i]]; j++) checkArgument(family, argumentName(argument[names[i], j]))
		if (returns[names[i]] !~ /error|^void$/ && !((family, "returns") in fields)) report(family, "it does not say what it returns")
		if (returns[names[i]] ~ /error(_code)?$/ && !((family, "errors") in fields)) report(family, "it names no errors")
	}
	for (i = 1; i <= described_[family]; i++)
		if (!((family, describedName[family, i]) in isArgument)) report(family, "no function has an argument " describedName[family, i])
	count = (family, "errors") in fields ? split(fields[family, "errors"], list, "\n") : 0
	for (i = 1; i <= count; i++) if (list[i] ~ /^  [^ ]/) checkError(family, trim(list[i]))
	if ((family, "like") in fields) {
		same = fields[family, "like"]
		sub(/^as /, "", same)
		if (!(same in pageOf) || !(pageOf[same] in example)) report(family, "there is no example " same)
		else checkShown(family, example[pageOf[same]])
	} else if (family in example) {
		checkShown(family, example[family])
	}
}

# Each function occurs in the example that its page shows or names.
function checkShown(family, text,   names, count, i) {
	count = split(members[family], names, " ")
	for (i = 1; i <= count; i++) if (text !~ "(^|[^a-z_0-9])" names[i] "\\(") report(family, "its example does not call " names[i])
}

function checkArgument(family, name,   i) {
	for (i = 1; i <= described_[family]; i++) if (describedName[family, i] == name) return
	report(family, "the argument " name " is not described")
}

function checkError(family, line,   name, i, known) {
	name = line
	sub(/ .*/, "", name)
	for (i = 1; i <= codes; i++) if (code[i] == name) known = 1
	if (!known) report(family, "there is no error " name)
	if (codeText[name] ~ /^never returned/) report(family, name " is never returned, its text says")
	if ((family, name) in namesError) report(family, name " is there twice")
	namesError[family, name] = 1
	givenBy[name] = givenBy[name] (givenBy[name] == "" ? "" : " ") family
}

function argumentName(text) {
	if (text == "...") return text
	if (match(text, /\(\*[a-z_]+\)/)) return substr(text, RSTART + 2, RLENGTH - 3)
	match(text, /[a-z_0-9]+$/)
	return substr(text, RSTART)
}

# Takes the lines about arguments out of the text: in describedName and describedText.
function splitArguments(family,   list, count, i, line, name, names, number, j, inside, rest) {
	count = split(fields[family, "text"], list, "\n")
	for (i = 1; i <= count; i++) {
		line = list[i]
		if (match(line, /^[a-z_0-9.]+(, [a-z_0-9]+)*  +[^ ]/)) {
			name = line
			sub(/  .*/, "", name)
			number = split(name, names, ", ")
			for (j = 1; j <= number; j++) describedName[family, ++described_[family]] = names[j]
			inside = described_[family]
			describedAs[family, inside] = name
			describedText[family, inside] = trim(substr(line, length(name) + 1))
		} else if (inside && line ~ /^  /) {
			describedText[family, inside] = describedText[family, inside] " " trim(line)
		} else {
			inside = 0
			rest = rest line "\n"
		}
	}
	fields[family, "text"] = rest
}

# ---- a page

function writePage(family,   name) {
	name = firstOf(family)
	open("man3/" name ".3")
	if (listing) return
	page = family
	begin(name, 3)
	writeNames(family)
	synopsis(family)
	section_("DESCRIPTION")
	paragraphs(fields[family, "text"])
	writeArguments(family)
	subsection(family, "ownership", "Ownership")
	writeSafety(family)
	writeResult(family)
	writeExample(family)
	writeErrors(family)
	writeSeeAlso(family)
	section_("HISTORY")
	history(family)
	close(file)
}

function open(name) {
	file = into "/" name
	if (listing) print name
}

function begin(name, part) {
	out(".\\\" Made from the comments in include/ by Sources/Manual.")
	out(".Dd " date)
	out(".Dt " toupper(name) " " part)
	out(".Os")
}

function section_(title) {
	out(".Sh " title)
	fresh = 1
}

function writeNames(family,   list, count, i) {
	section_("NAME")
	count = split(members[family], list, " ")
	for (i = 1; i <= count; i++) out(".Nm " list[i] (i < count ? " ," : ""))
	out(".Nd " literal(phrase[family]))
	section_("LIBRARY")
	out("libipc (\\-lipc)")
}

function includeFor(family) { return "libipc/" (familyHeader[family] == "usocket.h" ? "ipc.h" : familyHeader[family]) }

# The arguments of a callback are arguments of .Fa of their own, where a line may break.
function synopsis(family,   list, count, i, j, parts, number, k, line) {
	section_("SYNOPSIS")
	out(".In " includeFor(family))
	count = split(members[family], list, " ")
	for (i = 1; i <= count; i++) {
		out(".Ft " quoted(returns[list[i]]))
		out(".Fo " list[i])
		if (!arguments[list[i]]) out(".Fa void")
		for (j = 1; j <= arguments[list[i]]; j++) {
			number = split(argument[list[i], j], parts, ", ")
			line = ".Fa"
			for (k = 1; k <= number; k++) line = line " " (parts[k] ~ /\)$/ ? "\"" parts[k] "\\&\"" : quoted(parts[k]))
			out(line)
		}
		out(".Fc")
	}
}

function writeArguments(family,   i, width) {
	if (!described_[family]) return
	for (i = 1; i <= described_[family]; i++)
		if ((family, i) in describedAs && length(describedAs[family, i]) > length(width)) width = describedAs[family, i]
	out(".Pp")
	out("The arguments:")
	out(".Bl -tag -width " quoted(width))
	for (i = 1; i <= described_[family]; i++) {
		if (!((family, i) in describedAs)) continue
		width = describedAs[family, i]
		gsub(/, /, " , ", width)
		out(".It Fa " width)
		fill(describedText[family, i])
	}
	out(".El")
}

function subsection(family, field, title) {
	if (!((family, field) in fields)) return
	out(".Ss " title)
	fresh = 1
	paragraphs(sentence(fields[family, field]))
}

# What holds for all functions, unless a field says otherwise.
function writeSafety(family) {
	out(".Ss Threads and signals")
	fresh = 1
	if ((family, "threads") in fields) paragraphs(sentence(fields[family, "threads"]))
	else paragraphs(defaultText("THREADS"))
	if ((family, "signals") in fields) paragraphs(sentence(fields[family, "signals"]))
	else paragraphs(defaultText("SIGNALS"))
}

# The first paragraph of a section of the first comment.
function defaultText(title,   text) {
	text = sectionText[title]
	sub(/^\n+/, "", text)
	if (index(text, "\n\n")) text = substr(text, 1, index(text, "\n\n"))
	return text
}

function givesErrors(family,   list, count, i, kind) {
	count = split(members[family], list, " ")
	for (i = 1; i <= count; i++) {
		if (returns[list[i]] == "struct ipc_error") kind = kind "s"
		if (returns[list[i]] == "enum ipc_error_code") kind = kind "e"
	}
	return kind
}
