#!/bin/sh
# crystal.sh - the shard for Crystal as it is installed: its form, its reference, its specs, its README, and programs that depend on it.
#
#   crystal.sh TREE WORK [OTHER_TREE]
#
# TREE has the installation, WORK is a directory for what is made. The specs run with the library of OTHER_TREE as well. Python's cbor2
# goes into a virtual environment in WORK. One line a test; without Crystal all are skipped.
set -u
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
mkdir -p "${2:?directory to work in}" && work=$(cd "$2" && pwd) || exit 1
other=${3:-}
here=$(cd "$(dirname "$0")" && pwd) || exit 1
shard=$tree/share/libipc/crystal
limit=$((120 * ${TEST_PATIENCE:-1})) # seconds; ends what hangs
failed=0

result() {
	if [ "$2" -eq 0 ]; then echo "ok $1"; else echo "not ok $1"; failed=1; fi
}

for tool in crystal pkg-config python3; do
	command -v $tool > /dev/null 2>&1 && continue
	echo "skipped crystal_shard: there is no $tool here"
	exit 0
done
export PKG_CONFIG_PATH="$tree/lib/pkgconfig" LD_LIBRARY_PATH="$tree/lib" CRYSTAL_CACHE_DIR="$work/cache"
unset IPC_NETWORK

# A copy, as the specs are not installed; the sources are those that are.
project=$work/project
rm -rf "$project"
mkdir -p "$project" && cp -R "$shard/." "$project" && cp -R "$here/../../Sources/Bindings/crystal/spec" "$project/spec" || exit 1
cd "$project" || exit 1
# Crystal looks for the version in git, whose directory may be around this one.
git init -q . 2> /dev/null

crystal tool format --check . "$here/crystal" >&2
result crystal_shard_is_formatted $?

crystal docs -o "$work/docs" > "$work/docs.log" 2>&1 && [ -s "$work/docs/IPC/Client.html" ] && [ -s "$work/docs/CBOR/Serializable.html" ]
status=$?
[ $status -eq 0 ] || cat "$work/docs.log" >&2
result crystal_shard_has_a_reference $status

nm -D --defined-only "$tree/lib/libipc.so" | sed 's/.* //; s/@.*//' > "$work/exports"
sed -n 's/^ *fun \([a-z_]*\).*/\1/p' src/ipc/lib_ipc.cr | sort > "$work/functions"
[ -s "$work/functions" ] && ! grep -vxFf "$work/exports" "$work/functions" >&2
result crystal_shard_names_only_exported_functions $?

if [ ! -e "$work/python/ready" ]; then
	python3 -m venv "$work/python" > "$work/python.log" 2>&1 && "$work/python/bin/pip" install -q cbor2 >> "$work/python.log" 2>&1 \
		&& touch "$work/python/ready"
fi
if [ -e "$work/python/ready" ]; then
	export CBOR2_PYTHON="$work/python/bin/python"
else
	echo "skipped crystal_cbor_is_what_cbor2_writes: $(tail -1 "$work/python.log")"
fi
# specs_compile NAME FLAGS...
specs_compile() {
	name=$1
	shift
	# shellcheck disable=SC2046
	crystal build "$@" -o "$work/$name" $(find spec -name '*_spec.cr') >&2
	result "crystal_${name}_compile" $?
}
# specs NAME PROGRAM LIBRARIES
specs() {
	LD_LIBRARY_PATH=$3 timeout $limit "$work/$2" > "$work/spec.log" 2>&1
	status=$?
	[ $status -eq 0 ] || cat "$work/spec.log" >&2
	result "$1" $status
}
specs_compile specs
specs crystal_specs specs "$tree/lib"
[ -z "$other" ] || specs crystal_specs_with_another_library specs "$other/lib"
# Fibers in several threads, an experiment of Crystal's: CRYSTAL_THREADS=1 runs them, because about one run in thirty stops.
specs_compile specs_with_threads -Dpreview_mt
[ "${CRYSTAL_THREADS:-0}" = 0 ] || specs crystal_specs_with_threads specs_with_threads "$tree/lib"

# A program that depends on the installed folder, with the README's three lines.
program=$work/program
rm -rf "$program"
mkdir -p "$program/lib" && cd "$program" || exit 1
{
	printf 'name: program\nversion: 0.1.0\n'
	awk '/^```yaml/ { on = 1; next } on && /^```/ { exit } on' "$shard/README.md" | sed "s|/usr/local/share/libipc/crystal|$shard|"
} > shard.yml
[ "$(wc -l < shard.yml)" -eq 5 ]
result crystal_readme_depends_in_three_lines $?
if command -v shards > /dev/null 2>&1; then
	rmdir lib
	shards install >&2
else
	# What `shards install` does with a path.
	ln -s "$(sed -n 's/^ *path: //p' shard.yml)" lib/ipc
fi

export IPC_RUNDIR="$work/run"
rm -rf "$IPC_RUNDIR"
crystal build "$here/crystal/existing.cr" -o existing >&2 && timeout $limit ./existing > existing.out && grep -qx 'existing: all as expected' existing.out
result crystal_existing_programs_compile_and_run $?

extract() { awk -v mark="<!-- $1 -->" '$0 == mark { on = 1; next } on && /^```/ { if (++fence == 2) exit; next } on' "$shard/README.md" > "$1"; }
for name in service client messages; do
	extract $name.cr
	crystal build $name.cr -o $name >&2 && [ "$(wc -l < $name.cr)" -le 20 ]
	result crystal_readme_${name}_compiles $?
done
# The service is there when its socket is: the client tries until it connects, 10 seconds at the most.
./service &
service=$!
for _ in $(seq 100); do
	./client > answer 2> errors && break
	sleep 0.1
done
[ "$(cat answer)" = "hello, user type 42" ]
result crystal_readme_client_gets_its_answer $?
kill $service
wait $service 2> /dev/null
[ "$(./messages)" = "21.5 °C" ]
result crystal_readme_messages_are_found_again $?
status=0
for example in "$shard"/examples/*.cr; do crystal build --no-codegen "$example" >&2 || status=1; done
result crystal_examples_compile $status
exit $failed
