# comments.awk - reads the comments of the public headers into tables, for pages.awk.
#
# A function, or a small family of functions, has one comment in front of its declarations:
#
#     /* ipc_one, ipc_two - say in the imperative what they do
#      *
#      * Paragraphs. `names` of arguments and expressions are quoted like this.
#      *   TERM    a list of terms: indented by two, at least two spaces before the text, which goes on
#      *           below the text
#      * - a list of points
#      *
#      * ctx     an argument: its name, at least two spaces, what it is
#      *
#      * Ownership: who owns what before and after.
#      * Returns: needed where the result is no error.
#      * Errors:
#      *   IPC_ERROR_NAME    when; "Errors, and no others:" if not even the common ones are possible
#      * Threads: what differs from what ipc(7) says of all functions.
#      * Signals: the same.
#      * Since: 1.0
#      * See: ipc_three, epoll(7)
#      * Example: as ipc_three          or, at the end, a whole program without its first line,
#      *                                #include <libipc/ipc.h>:
#      * Example, which prints "text":
#      *     int main(void) { ... }
#      */
#
# Comments of structures, enumerations and macros are free text. The first comment of ipc.h has sections: a line in capitals opens one.
# What is wrong is reported with its file and line, and then no page is written.

function complain(text) {
	printf "%s:%d: %s\n", FILENAME, FNR, text > "/dev/stderr"
	wrong = 1
}

function trim(text) {
	sub(/^[ \t]+/, "", text)
	sub(/[ \t]+$/, "", text)
	return text
}

FNR == 1 {
	header = FILENAME
	sub(/^.*\//, "", header)
	state = "code"
}

# Inside of a comment: its lines go to comment[1..lines], without what opens and closes it.
state == "comment" {
	line = $0
	isLast = line ~ /\*\/[ \t]*$/
	sub(/[ \t]*\*\/[ \t]*$/, "", line)
	sub(/^ \*/, "", line)
	sub(/^ /, "", line)
	if (!(isLast && line == "")) comment[++lines] = line
	if (isLast) endComment()
	next
}

# A declaration goes on up to its semicolon, or to the closing brace.
state == "function" {
	declaration = declaration " " trim($0)
	if ($0 ~ /;[ \t]*$/) endFunction()
	next
}
state == "type" {
	typeText[types] = typeText[types] "\n" $0
	if ($0 ~ /^};/) state = "code"
	else if (typeName[types] == "enum ipc_error_code") readCode($0)
	next
}

/^\/\*/ {
	line = $0
	lines = 0
	sub(/^\/\* ?/, "", line)
	if (line ~ /\*\/[ \t]*$/) {
		sub(/[ \t]*\*\/[ \t]*$/, "", line)
		comment[lines = 1] = line
		endComment()
	} else {
		if (line != "") comment[++lines] = line
		state = "comment"
	}
	next
}
/^[ \t]*$/ { family = 0; described = ""; next }
/^(struct|enum) [a-z_]+ [{]$/ {
	typeName[++types] = $1 " " $2
	typeComment[types] = described
	typeText[types] = $0
	typeHeader[types] = header
	state = "type"
	described = ""
	next
}
/^#define [A-Z][A-Z_0-9]*/ { readMacro(); next }
/^[a-z][a-z_0-9 ]*[ *][a-z_][a-z_0-9]*\(/ {
	declaration = $0
	if ($0 ~ /;[ \t]*$/) endFunction()
	else state = "function"
	next
}

# Of a comment there are: the first one of ipc.h; titles of parts; a family's, told by its title; others.
function endComment(   i, title) {
	state = "code"
	family = 0
	described = ""
	for (i = 1; i <= lines; i++) described = described (i > 1 ? "\n" : "") comment[i]
	if (comment[1] == "" || comment[1] ~ /^[a-z]+\.h - /) {
		if (header == "ipc.h" && !sections) readSections()
		described = ""
	} else if (comment[1] ~ /^----/) {
		described = ""
	} else if (comment[1] ~ /^[a-z_0-9]+(, [a-z_0-9]+)* - /) {
		readFamily()
	}
}

# ---- the first comment of ipc.h

function readSections(   i) {
	for (i = 1; i <= lines; i++) {
		if (comment[i] ~ /^[A-Z][A-Z, ]+$/) section[++sections] = comment[i]
		else if (sections) sectionText[section[sections]] = sectionText[section[sections]] comment[i] "\n"
	}
}

# ---- a family of functions

function readFamily(   i, line, field, space) {
	family = ++families
	familyHeader[family] = header
	familyPlace[family] = FILENAME ":" (FNR - lines + 1)
	space = index(comment[1], " - ")
	named[family] = substr(comment[1], 1, space - 1)
	phrase[family] = substr(comment[1], space + 3)
	field = "text"
	for (i = 2; i <= lines; i++) {
		line = comment[i]
		if (field == "example") {
			example[family] = example[family] substr(line, 5) "\n"
			if (line != "" && line !~ /^    /) complain("an example has lines that are not indented by four")
		} else if (line ~ /^(Ownership|Returns|Threads|Signals|Since|See|Errors|Example)(:|, and no others:|, which prints ".*":)/) {
			field = tolower(line)
			sub(/[:,].*/, "", field)
			if (field == "example" && line !~ /^Example: ./) {
				prints[family] = "\001"
				if (line ~ /, which prints/) {
					sub(/^[^"]*"/, "", line)
					sub(/":.*$/, "", line)
					prints[family] = line
				}
				continue
			}
			if (field == "example") field = "like"
			if (line ~ /^Errors, and/) hasNoOthers[family] = 1
			sub(/^[^:]*:[ ]*/, "", line)
			addTo(family, field, line)
		} else {
			addTo(family, field, line)
		}
	}
}

function addTo(family, field, line) {
	if (field != "text" && field != "errors") line = trim(line)
	if ((family, field) in fields) fields[family, field] = fields[family, field] "\n" line
	else fields[family, field] = line
}

# ---- declarations

function endFunction(   name, rest, list, depth, i, c, start) {
	state = "code"
	sub(/;[ \t]*$/, "", declaration)
	name = declaration
	sub(/\(.*/, "", name)
	rest = substr(declaration, length(name) + 2)
	sub(/\)[ \t]*$/, "", rest)
	match(name, /[a-z_][a-z_0-9]*$/)
	result = trim(substr(name, 1, RSTART - 1))
	name = substr(name, RSTART)
	if (!family) {
		complain(name " has no comment that begins with its name")
		return
	}
	functions++
	functionName[functions] = name
	pageOf[name] = family
	returns[name] = result
	members[family] = members[family] (members[family] == "" ? "" : " ") name
	# Commas in parentheses do not separate arguments.
	for (i = 1; i <= length(rest) + 1; i++) {
		c = substr(rest, i, 1)
		if (c == "(") depth++
		if (c == ")") depth--
		if (c != "," && c != "" || depth) { list = list c; continue }
		addArgument(name, trim(list))
		list = ""
	}
}

function addArgument(function_, text,   name) {
	if (text == "void" || text == "") return
	argument[function_, ++arguments[function_]] = text
	name = text
	if (text == "...") name = text
	else if (match(text, /\(\*[a-z_]+\)/)) name = substr(text, RSTART + 2, RLENGTH - 3)
	else if (match(text, /[a-z_0-9]+$/)) name = substr(text, RSTART)
	isArgument[pageOf[function_], name] = 1
}

# ---- error codes and macros

# A line `IPC_ERROR_X = 1, /* meaning */`.
function readCode(line,   name, number, text) {
	line = trim(line)
	if (line !~ /^IPC_ERROR_/) return
	name = number = text = line
	sub(/ .*/, "", name)
	sub(/^[^=]*= /, "", number)
	sub(/,.*/, "", number)
	code[++codes] = name
	codeNumber[name] = number
	if (text !~ /\/\* .+ \*\//) complain(name " has no text")
	sub(/^.*\/\* /, "", text)
	sub(/ \*\/.*$/, "", text)
	codeText[name] = text
}

# Macros for programs have a comment of their own. Their names do not end in _.
function readMacro(   name) {
	name = $2
	sub(/\(.*/, "", name)
	if (name ~ /_$/ || name in macroComment) return
	macroComment[name] = described
	macro[++macros] = name
	macroHead[name] = $0
	macroHeader[name] = header
}
