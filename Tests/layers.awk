# layers.awk - which names of other folders each Swift file uses; layers.sh runs it on the files, whose paths begin with their folder.
#
# A file is read without its comments and strings. A folder declares the names of types, functions and variables that stand outside of
# all braces, but for private ones. A file uses a name that it mentions, except behind a dot, and except a name that its own folder
# declares too, at whatever depth. Of a function only a call is a mention.

# What is left of a line without comments and strings; the code in an interpolation stays.
function code_of(line,   out, c, two) {
	out = ""
	while (line != "") {
		two = substr(line, 1, 2)
		c = substr(line, 1, 1)
		if (comment > 0) {
			if (two == "/*") { comment++; line = substr(line, 3) }
			else if (two == "*/") { comment--; line = substr(line, 3) }
			else line = substr(line, 2)
		} else if (quote[level] != "") {
			if (two == "\\(") { level++; quote[level] = ""; parentheses[level] = 0; line = substr(line, 3); out = out " " }
			else if (c == "\\") line = substr(line, 3)
			else if (substr(line, 1, length(quote[level])) == quote[level]) { line = substr(line, length(quote[level]) + 1); quote[level] = "" }
			else line = substr(line, 2)
		} else if (two == "//") {
			break
		} else if (two == "/*") {
			comment = 1
			line = substr(line, 3)
		} else if (c == "\"") {
			quote[level] = substr(line, 1, 3) == "\"\"\"" ? "\"\"\"" : "\""
			line = substr(line, length(quote[level]) + 1)
			out = out " "
		} else {
			if (level > 0 && c == "(") parentheses[level]++
			if (level > 0 && c == ")" && --parentheses[level] < 0) { level--; c = " " }
			out = out c
			line = substr(line, 2)
		}
	}
	return out
}

function fail(folder, text) {
	failed[folder] = failed[folder] "not ok layers." folder ": " text "\n"
}

# Calls found() for each name in the code of a file, with the depth of braces, the word before, and the characters beside.
function walk(file, pass,   i, line, depth, before, word, previous, is_private) {
	depth = 0
	previous = ""
	for (i = 1; i <= lines[file]; i++) {
		line = code[file, i]
		is_private = line ~ /(^|[^a-z])(private|fileprivate)([^a-z]|$)/
		before = ""
		while (match(line, /[A-Za-z_][A-Za-z_0-9]*/)) {
			before = before substr(line, 1, RSTART - 1)
			depth += gsub(/{/, "{", before) - gsub(/}/, "}", before)
			word = substr(line, RSTART, RLENGTH)
			line = substr(line, RSTART + RLENGTH)
			found(file, pass, depth, previous, substr(before, length(before)), word, substr(line, 1, 1), is_private)
			previous = word
			before = ""
		}
		depth += gsub(/{/, "{", line) - gsub(/}/, "}", line)
	}
}

function found(file, pass, depth, previous, before, word, after, is_private,   folder, owner, n, owners, i, allowed) {
	folder = folder_of[file]
	if (pass == 1) {
		if (previous !~ /^(struct|class|enum|actor|protocol|typealias|associatedtype|func|let|var)$/) return
		if (previous == "class" && word ~ /^(func|var|let)$/) return
		own[folder, word]
		if (depth > 0 || is_private || index(" " declared[word] " ", " " folder " ")) return
		declared[word] = declared[word] " " folder
		is_function[word] = previous == "func"
		return
	}
	if (!(word in declared) || ((folder, word) in own) || before == "." || previous == "case") return
	if (is_function[word] && after != "(") return
	if (word ~ /^[a-z]/ && !is_function[word] && after == ":") return
	n = split(declared[word], owners, " ")
	for (i = 1; i <= n; i++) if (owners[i] == "LibIPC" || ((folder, owners[i]) in may_use)) allowed = 1
	if (allowed || ((file, word) in told)) return
	told[file, word]
	fail(folder, file " uses " word " of " owners[1])
}

# Whether the uses of a folder lead back to where the search began.
function leads_back(folder, start, depth,   other) {
	if (depth > count) return 0
	for (other in folders) {
		if (!((folder, other) in may_use)) continue
		if (other == start || leads_back(other, start, depth + 1)) return 1
	}
	return 0
}

FNR == 1 {
	file = FILENAME
	sub(/^\.\//, "", file)
	files[++number] = file
	folder_of[file] = index(file, "/") ? substr(file, 1, index(file, "/") - 1) : "LibIPC"
	if (!(folder_of[file] in folders)) { folders[folder_of[file]]; names[++count] = folder_of[file] }
	comment = level = 0
	quote[0] = ""
}
{
	if (level == 0 && quote[0] == "\"") quote[0] = ""
	lines[file] = FNR
	code[file, FNR] = code_of($0)
}
/^\/\/ Folder: [A-Za-z]+\. Uses: [A-Za-z, ]+\.$/ {
	folder = folder_of[file]
	rules[folder]++
	has_rules = 1
	uses[folder] = $0
	sub(/^.*Uses: /, "", uses[folder])
	sub(/\.$/, "", uses[folder])
	if ($0 !~ "^// Folder: " folder "\\.") fail(folder, file " has the line of another folder")
}

END {
	if (!has_rules) exit 0
	for (i = 1; i <= count; i++) {
		folder = names[i]
		# What lies in no folder is for all, and uses none of them.
		if (folder == "LibIPC" && !rules[folder]) continue
		if (rules[folder] != 1) fail(folder, (rules[folder] + 0) " lines \"// Folder: " folder ". Uses: ...\" in place of one")
		if (uses[folder] == "" || uses[folder] == "nothing") continue
		n = split(uses[folder], used, ", ")
		for (k = 1; k <= n; k++) {
			if (used[k] in folders) may_use[folder, used[k]]
			else fail(folder, "there is no folder " used[k])
		}
	}
	for (i = 1; i <= count; i++) if (leads_back(names[i], names[i], 1)) fail(names[i], "its uses lead back to it")
	for (pass = 1; pass <= 2; pass++) for (i = 1; i <= number; i++) walk(files[i], pass)
	for (i = 1; i <= count; i++) {
		if (names[i] in failed) { printf "%s", failed[names[i]]; status = 1 }
		else print "ok layers." names[i]
	}
	exit status
}
