# definitions.awk - what headers define and declare, as one C file without comments and macros in which each function is defined:
# cc -E FILE | awk -v directory=DIRECTORY -f definitions.awk
#
# A debugger's description (DWARF) of a function has its types where the function is defined, and not where it is declared: so each that
# the headers of DIRECTORY declare becomes one that does nothing. As in declared.sed a declaration begins in the first column.
/^# [0-9]+ "/ { ours = index($3, "\"" directory) == 1; next }
!ours || /^[ \t]*$/ || /^#/ { next }
# An inline function is no part of the library.
/^static / { inline = 1 }
inline { if (/^}/) inline = 0; next }
# A macro's value stands on a line of its own.
/\[$/ { printf "%s", $0; value = 1; next }
value && declaration == "" { gsub(/^ +/, ""); value = !/;$/; printf value ? "%s" : "%s\n", $0; next }
declaration == "" && !/^[a-z][a-z_0-9 ]*[ *][a-z_][a-z_0-9]*\(/ { print; next }
{
	gsub(/[ \t]+/, " ")
	declaration = declaration $0
}
declaration ~ /\) *;/ {
	sub(/ *;.*/, "", declaration)
	print declaration " {}"
	declaration = ""
}
