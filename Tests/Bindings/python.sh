#!/bin/sh
# python.sh - the package for Python as it is installed: its form, its types, a wheel of it, its README, and its tests.
#
#   python.sh TREE WORK [OTHER_TREE]
#
# TREE has the installation, WORK is a directory for what is made. The tests run with the library of OTHER_TREE as well, and with Python 3.9,
# the oldest that the package is for: PYTHON39 names the interpreter, else it is looked for; it needs neither pip nor venv. Packages go into
# directories in WORK.
set -u
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
mkdir -p "${2:?directory to work in}" && work=$(cd "$2" && pwd) || exit 1
other=${3:+$(cd "$3" && pwd)}
here=$(cd "$(dirname "$0")" && pwd) || exit 1
package=$tree/share/libipc/python
limit=$((300 * ${TEST_PATIENCE:-1})) # seconds; ends what hangs
failed=0

result() {
	if [ "$2" -eq 0 ]; then echo "ok python_$1"; else echo "not ok python_$1"; failed=1; fi
}

if ! command -v python3 > /dev/null 2>&1; then
	echo "skipped python_package: python3 is not installed"
	exit 0
fi
export LD_LIBRARY_PATH="$tree/lib" PYTHONDONTWRITEBYTECODE=1
unset IPC_NETWORK LIBIPC PYTHONPATH

# The version of ruff whose form the sources have.
packages="ruff$(sed -n 's/^required-version = "\(.*\)"/\1/p' "$here/../format/ruff.toml") mypy vermin pytest flit_core"
# shellcheck disable=SC2086
if [ "$(cat "$work/tools/ready" 2> /dev/null)" != "$packages" ] && ! {
	python3 -m venv --clear "$work/tools" > "$work/tools.log" 2>&1 && "$work/tools/bin/pip" install -q $packages >> "$work/tools.log" 2>&1 \
		&& echo "$packages" > "$work/tools/ready"
}; then
	echo "skipped python_package: $(tail -1 "$work/tools.log")"
	exit 0
fi
tools=$work/tools/bin

# run_tests INTERPRETER PREFIX_OF_TITLES
run_tests() {
	(cd "$here/python" && timeout -s ABRT "$limit" "$1" -X dev -X faulthandler -m pytest -v --tb=short -p no:cacheprovider .) \
		> "$work/$2tests" 2>&1
	status=$?
	sed -n "s/^[a-z_]*\.py::\([^ ]*\) PASSED.*/ok python_$2\1/p; s/^[a-z_]*\.py::\([^ ]*\) \(FAILED\|ERROR\).*/not ok python_$2\1/p" "$work/$2tests"
	[ $status -eq 0 ] || { tail -60 "$work/$2tests" >&2; failed=1; }
	result "$2tests" $status
}

{ "$tools/ruff" check --no-cache "$package" && "$tools/ruff" check --no-cache "$here/python"; } >&2
result is_checked_by_ruff $?
{ "$tools/ruff" format --no-cache --check "$package" && "$tools/ruff" format --no-cache --check "$here/python"; } >&2
result is_formatted $?
(cd "$package" && "$tools/mypy" --cache-dir "$work/mypy" src/libipc) >&2
result is_typed $?
# By what it calls and how it is written: what an interpreter of that version does not notice until it gets there.
"$tools/vermin" -t=3.9- --no-tips --violations "$package/src" > "$work/vermin.log" 2>&1 || { cat "$work/vermin.log" >&2; false; }
result needs_nothing_newer_than_3_9 $?

nm -D --defined-only "$tree/lib/libipc.so" | sed 's/.* //; s/@.*//' > "$work/exports"
sed -n 's/.*_function("\([a-z_]*\)".*/\1/p' "$package/src/libipc/_library.py" | grep -vx free | sort > "$work/functions"
[ -s "$work/functions" ] && ! grep -vxFf "$work/exports" "$work/functions" >&2
result names_only_exported_functions $?

# Of a folder that cannot be written, as an installed one.
rm -rf "$work/wheel" "$work/copy"
cp -R "$package" "$work/copy" && chmod -R a-w "$work/copy"
"$tools/pip" wheel -q --no-deps --no-build-isolation -w "$work/wheel" "$work/copy" >&2
result wheel_is_built $?
chmod -R u+w "$work/copy"
(cd "$work/copy" && find . -type f | sort) > "$work/files" && (cd "$package" && find . -type f | sort) | cmp - "$work/files" >&2
result building_writes_nothing_beside $?

rm -rf "$work/clean"
python3 -m venv "$work/clean" && "$work/clean/bin/pip" install -q --no-index "$work"/wheel/libipc-*.whl >&2 \
	&& [ "$("$work/clean/bin/pip" list --format freeze 2> "$work/err" | grep -vE '^(pip|setuptools|wheel)=')" = "libipc==1.2.0" ] \
	&& [ -e "$("$work/clean/bin/python" -c 'import libipc, os; print(os.path.dirname(libipc.__file__))')/py.typed" ]
result wheel_is_all_that_a_clean_environment_needs $?

extract() { awk -v mark="<!-- $1 -->" '$0 == mark { on = 1; next } on && /^```/ { if (++fence == 2) exit; next } on' "$package/README.md" > "$1"; }
mkdir -p "$work/readme/run" && cd "$work/readme" || exit 1
export IPC_RUNDIR="$work/readme/run"
for name in service client both; do extract $name.py; done
[ "$(cat service.py client.py | wc -l)" -lt 15 ] && MYPYPATH=$package/src "$tools/mypy" --strict --cache-dir "$work/mypy" service.py client.py both.py >&2
result readme_is_short_and_typed $?
"$work/clean/bin/python" service.py &
service=$!
for _ in $(seq 100); do
	"$work/clean/bin/python" client.py > answer 2> errors && break
	grep -q ConnectError errors || break
	sleep 0.1
done
[ "$(cat answer)" = "hello, user type 42" ] || { cat errors >&2; false; }
result readme_client_gets_its_answer $?
kill $service
wait $service 2> /dev/null
[ "$("$work/clean/bin/python" both.py)" = "[0, 1, 2]" ]
result readme_asyncio_example_prints_replies $?

"$tools/pip" install -q --no-index --force-reinstall "$work"/wheel/libipc-*.whl >&2
run_tests "$tools/python" ""
[ -n "$other" ] && LD_LIBRARY_PATH=$other/lib run_tests "$tools/python" poll_

find_python39() {
	for candidate in "${PYTHON39:-}" python3.9 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.9.*/bin/python3.9; do
		[ -n "$candidate" ] && "$candidate" -c "import sys; sys.exit(sys.version_info[:2] != (3, 9))" > /dev/null 2>&1 && echo "$candidate" && return
	done
}
oldest=$(find_python39)
if [ -n "$oldest" ]; then
	# With the pip of another version, which takes what pytest needs in its own: exceptiongroup and tomli are for those before 3.11.
	rm -rf "$work/oldest"
	"$tools/pip" install -q --target "$work/oldest" --python-version 3.9 --only-binary=:all: pytest exceptiongroup tomli \
		"$work"/wheel/libipc-*.whl >&2
	export PYTHONPATH="$work/oldest"
	run_tests "$oldest" oldest_
else
	echo "skipped python_oldest_tests: there is no Python 3.9 here"
fi
exit $failed
