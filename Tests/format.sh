#!/bin/sh
# format.sh - is each file in the form of its language? Swift by swift format, C by clang-format, shell by shellcheck, Python by ruff,
# Crystal by its own tool.
#
#   format.sh BUILD_DIRECTORY              names what is not, and fails
#   format.sh BUILD_DIRECTORY --write      brings it into form, as far as a program can
#   format.sh BUILD_DIRECTORY '' SOURCES   the same of other sources, with these rules
#
# Another version of clang-format or ruff has another form, so both come from PyPI, of one version, into BUILD_DIRECTORY/format. The rules
# are in .swift-format and in format/. shellcheck has no form to write; its warnings are for a person. ONLY="c shell" names
# languages.
set -u
. "$(dirname "$0")/begin.sh"
mkdir -p "${1:?build directory}/format" && tools=$(cd "$1/format" && pwd) || exit 1
writing=${2:-}
rules=$here/format
cd "${3:-$here/..}" || exit 1

# files PATTERN...: of these names, of what is in the repository
files() {
	for pattern in "$@"; do find Sources Tests include pkgconfig -type f -name "$pattern"; done | sort
}
# scripts: by their first line; what they source is looked at with them
scripts() { find Sources Tests pkgconfig .ci -type f -exec awk 'FNR == 1 && /^#!.*[\/ ](ba)?sh$/ { print FILENAME } { nextfile }' {} +; }

# python_tool NAME VERSION: in $tools/VENV/bin
python_tool() {
	[ -e "$tools/$1-$2" ] && return
	[ -x "$tools/bin/pip" ] || python3 -m venv "$tools" > "$work/log" 2>&1 || return 1
	"$tools/bin/pip" install -q "$1==$2" > "$work/log" 2>&1 && touch "$tools/$1-$2"
}
# tool NAME COMMAND...: skips the language NAME where the command fails
tool() {
	language=$1
	shift
	"$@" && return
	echo "skipped format.$language: $* failed: $(tail -1 "$work/log" 2> /dev/null)"
	return 1
}
# lint LANGUAGE COMMAND...: each line goes to stderr
lint() {
	language=$1
	shift
	"$@" >&2
	report "format.$language" $?
}
asked() { case " ${ONLY:-swift c shell python crystal} " in *" $1 "*) ;; *) false ;; esac; }

if asked swift; then
	if [ -n "$writing" ]; then "${SWIFT:-swift}" format --in-place --parallel --recursive Sources Tests Package.swift; fi
	lint swift "${SWIFT:-swift}" format lint --strict --parallel --recursive Sources Tests Package.swift
fi
if asked c && tool c python_tool clang-format 14.0.6; then
	# Not the public headers, whose comments are the manual; not tables, nor what a program writes; nor statements without
	# semicolons, which the macros' tests have.
	others='^include/|CLibIPC/include/exports\.h$|Conformance/(frozen\.h|macros[a-z_]*\.c)$|ABI/recorded\.c$'
	files '*.c' '*.h' '*.cpp' | grep -vE "$others" > "$work/c"
	if [ -n "$writing" ]; then xargs "$tools/bin/clang-format" "--style=file:$rules/clang-format.yaml" -i < "$work/c"; fi
	# A warning for each place, with its line.
	lint c xargs "$tools/bin/clang-format" "--style=file:$rules/clang-format.yaml" --dry-run --Werror < "$work/c"
fi
if asked shell && tool shell command -v shellcheck > "$work/log"; then
	scripts > "$work/shell"
	# A variable that only a sourced file sets is for those that source it.
	xargs shellcheck --external-sources --check-sourced --source-path=SCRIPTDIR --severity=warning --format=gcc < "$work/shell" |
		grep -vE '(/\./|APKBUILD).*\[SC2034\]$' > "$work/found"
	sort -u "$work/found" >&2
	[ -s "$work/shell" ] && [ ! -s "$work/found" ]
	report format.shell $?
fi
version=$(sed -n 's/^required-version = "==\(.*\)"/\1/p' "$rules/ruff.toml")
if asked python && tool python python_tool ruff "$version"; then
	files '*.py' > "$work/python"
	# each_ruff ARGUMENT...: the two packages have stricter rules of their own
	each_ruff() {
		grep -v /Bindings/python/ "$work/python" | xargs -r "$tools/bin/ruff" "$@" --no-cache --quiet --config "$rules/ruff.toml" &&
			{ grep /Bindings/python/ "$work/python" || :; } | xargs -r "$tools/bin/ruff" "$@" --no-cache --quiet
	}
	if [ -n "$writing" ]; then
		each_ruff check --fix
		each_ruff format
	fi
	lint python_rules each_ruff check --output-format=concise
	lint python each_ruff format --check --output-format=concise
fi
if asked crystal && tool crystal command -v crystal > "$work/log"; then
	if [ -n "$writing" ]; then crystal tool format Sources Tests; fi
	lint crystal crystal tool format --check Sources Tests
fi
exit $failed
