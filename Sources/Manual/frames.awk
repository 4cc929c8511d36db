# frames.awk - the pages of section 7 and ipc-macros(3): frames written by hand, in which lines that begin with @ are filled in; and the
# pages that lead from a name to the page that has it.
#
#   @section TITLE     a section of the first comment of ipc.h
#   @codes             a list of all error codes
#   @types             each structure and enumeration, as it is declared
#   @macros FILE       the macros of a header that have a comment
#   @example NAME      the example of a function

function writeFrames(   i, count, list_) {
	count = split(frames, list_, "\n")
	for (i = 1; i < count; i++) writeFrame(list_[i])
	for (i = 1; i <= functions; i++) writeLink(functionName[i], firstOf(pageOf[functionName[i]]))
	# Those of other names would be in the way of other manuals.
	for (i = 1; i <= macros; i++) if (macroComment[macro[i]] != "" && macro[i] ~ /^(TEST_)?IPC_/) writeLink(macro[i], "ipc-macros")
	if (wrong) exit 1
}

function writeLink(name, target) {
	if (name == target) return
	open("man3/" name ".3")
	if (listing) return
	out(".so man3/" target ".3")
	close(file)
}

function writeFrame(path,   name, line, part) {
	name = path
	sub(/^.*\//, "", name)
	part = substr(name, length(name))
	open("man" part "/" name)
	if (listing) return
	page = 0
	while ((getline line < path) > 0) {
		if (line ~ /^@[a-z]/) directive(line, path)
		else out(line)
		fresh = line ~ /^\.S[hs]/
	}
	close(path)
	close(file)
}

function directive(line, path,   word_, rest) {
	word_ = rest = line
	sub(/ .*/, "", word_)
	sub(/^[^ ]* ?/, "", rest)
	if (word_ == "@section" && rest in sectionText) paragraphs(sectionText[rest])
	else if (word_ == "@codes") writeCodes()
	else if (word_ == "@types") writeTypes()
	else if (word_ == "@macros") writeMacros(rest)
	else if (word_ == "@example" && rest in pageOf) displayExample(pageOf[rest])
	else {
		printf "%s: %s cannot be filled in\n", path, line > "/dev/stderr"
		wrong = 1
	}
	fresh = 0
}

function writeCodes(   i, name, list, count, j) {
	out(".Bl -tag -width Ds")
	for (i = 1; i <= codes; i++) {
		name = code[i]
		out(".It Bq Er " name " Pq " codeNumber[name])
		fill(sentence(codeText[name]) (codeText[name] ~ /[.]$/ ? "" : "."))
		if (name in isCommon) out("Any call on a context may give it.")
		count = split(givenBy[name], list, " ")
		if (!count) continue
		out("Given by")
		for (j = 1; j <= count; j++) out(".Xr " firstOf(list[j]) " 3" (j < count ? " ," : " ."))
	}
	out(".El")
}

function writeTypes(   i, j, list, count) {
	for (i = 1; i <= types; i++) {
		if (typeName[i] == "enum ipc_error_code") continue
		out(".Ss " typeName[i])
		fresh = 1
		paragraphs(typeComment[i])
		out(".Bd -literal")
		count = split(typeText[i], list, "\n")
		for (j = 1; j <= count; j++) {
			gsub(/\t/, "    ", list[j])
			out(displayed(list[j]))
		}
		out(".Ed")
	}
}

# Macros that share a comment stand together.
function writeMacros(file_,   i, terms) {
	out(".Bl -tag -width Ds")
	for (i = 1; i <= macros; i++) {
		if (macroComment[macro[i]] == "" || macroHeader[macro[i]] != file_) continue
		terms = terms (terms == "" ? "" : " , ") macroTerm(macro[i], macroHead[macro[i]])
		if (i < macros && macroComment[macro[i]] == macroComment[macro[i + 1]]) continue
		out(".It " terms)
		terms = ""
		fresh = 1
		paragraphs(macroComment[macro[i]])
	}
	out(".El")
}

# NAME, or NAME(ARGUMENT, ...)
function macroTerm(name, head,   list, count, i, text) {
	sub(/^#define [A-Z_0-9]+/, "", head)
	if (head !~ /^\(/) return "Dv " name
	head = substr(head, 2)
	sub(/\).*/, "", head)
	sub(/\.\.\./, "format, ...", head)
	count = split(head, list, /, */)
	text = "Fn " name
	for (i = 1; i <= count; i++) text = text " " quoted(list[i])
	return text
}
