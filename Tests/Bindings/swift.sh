#!/bin/sh
# swift.sh - the package for Swift as it is installed: its tests, its README in a package that depends on it, and its reference.
#
#   swift.sh TREE WORK [OTHER_TREE]
#
# TREE has the installation. WORK is a directory for what is made; `matrix.py` finds the programs of scenarios.md there, too. The tests run
# with the library of OTHER_TREE as well, without those of 100,000 round trips.
set -u
tree=$(cd "${1:?installed tree}" && pwd) || exit 1
mkdir -p "${2:?directory to work in}" && work=$(cd "$2" && pwd) || exit 1
other=${3:+$(cd "$3" && pwd)}
here=$(cd "$(dirname "$0")" && pwd) || exit 1
package=$tree/share/libipc/swift
limit=$((300 * ${TEST_PATIENCE:-1})) # seconds; ends what hangs
failed=0

result() {
	if [ "$2" -eq 0 ]; then echo "ok swift_$1"; else echo "not ok swift_$1"; failed=1; fi
}

for tool in swift pkg-config; do
	command -v $tool > /dev/null 2>&1 && continue
	echo "skipped swift_package: there is no $tool here"
	exit 0
done
unset IPC_NETWORK
export IPC_RUNDIR="$work/run"
rm -rf "$IPC_RUNDIR"
mkdir -p "$IPC_RUNDIR"

sh "$here/swift/build.sh" "$tree" "$work" --build-tests > "$work/build.log" 2>&1
status=$?
[ $status -eq 0 ] || cat "$work/build.log" >&2
result package_and_tests_compile $status

nm -D --defined-only "$tree/lib/libipc.so" | sed 's/.* //; s/@.*//' > "$work/exports"
grep -rhoE '\bc?(ipc|usock)_[a-z_]+\(' "$package"/Sources/IPC/*.swift | sed 's/^cipc/ipc/; s/($//' \
	| grep -vxE 'ipc_(ctx|event|message|limit|entry|peer_info|clean|take_payload)' | sort -u > "$work/functions"
[ -s "$work/functions" ] && ! grep -vxFf "$work/exports" "$work/functions" >&2
result names_only_exported_functions $?

# run_tests PREFIX LIBRARIES SKIPPED...
run_tests() {
	prefix=$1 libraries=$2
	shift 2
	PKG_CONFIG_PATH=$tree/lib/pkgconfig IPC_SWIFT_PACKAGE=$package LD_LIBRARY_PATH=$libraries timeout -k 5 $limit \
		swift test --skip-build --package-path "$here/swift/package" --scratch-path "$work" "$@" > "$work/test.log" 2>&1
	status=$?
	grep -aE '^✔ Test .* passed' "$work/test.log" | grep -av '^✔ Test run ' | sed "s/^✔ Test \(.*\)() passed.*/ok swift_$prefix\1/"
	[ $status -eq 0 ] && return
	grep -avE 'passed|started' "$work/test.log" | tail -60 >&2
	grep -aE '^✘ Test .* failed' "$work/test.log" | grep -av '^✘ Test run ' | sed "s/^✘ Test \(.*\)() failed.*/not ok swift_$prefix\1/"
	result "${prefix}tests" $status
}
run_tests "" "$tree/lib" --skip hundred_thousand
# Alone, as it counts what the process has open.
run_tests "" "$tree/lib" --filter hundred_thousand
[ -z "$other" ] || run_tests poll_ "$other/lib" --skip hundred_thousand

# A new package with the README's manifest and programs, for the installed package.
extract() { awk -v mark="<!-- $1 -->" '$0 == mark { on = 1; next } on && /^```/ { if (++fence == 2) exit; next } on' "$package/README.md"; }
program=$work/program
rm -rf "$program/Sources"
mkdir -p "$program/Sources/service" "$program/Sources/client" "$program/Sources/blocking"
extract Package.swift | sed "s|/usr/local/share/libipc/swift|$package|" | awk '
	{ print } /name: "client"/ { for (i = 1; i <= 2; i++) { line = $0; sub("client", i == 1 ? "blocking" : "examples", line); print line } }' \
	| sed '/"examples"/s/executableTarget/target/' > "$program/Package.swift"
for name in service client blocking; do
	extract $name.swift > "$program/Sources/$name/main.swift"
	[ "$(wc -l < "$program/Sources/$name/main.swift")" -lt 15 ]
	result "readme_${name}_is_short" $?
done
# The examples of the reference, each in a function of its own.
{
	echo 'import IPC
func answer(to message: Message) -> Payload { message.payload }'
	for file in "$package"/Sources/IPC/*.swift "$package"/Sources/IPC/IPC.docc/*.md; do
		sed -n 's|^ */// \{0,1\}||; /^```swift/,/^```$/p' "$file" | awk '
			/^```swift/ { body = ""; next }
			/^```$/ { print "func example" NR "_'"$(basename "$file" | tr -dc 'a-zA-Z')"'(service: Service, client: Client) " \
				(body ~ /await/ ? "async " : "") "throws {\n" body "}"; next }
			{ body = body $0 "\n" }'
	done
} > "$work/examples.swift"
mkdir -p "$program/Sources/examples" && cp "$work/examples.swift" "$program/Sources/examples/Examples.swift"
(cd "$program" && PKG_CONFIG_PATH=$tree/lib/pkgconfig timeout $limit swift build) > "$work/program.log" 2>&1 \
	&& ! grep -i 'warning' "$work/program.log" >&2
status=$?
[ $status -eq 0 ] || cat "$work/program.log" >&2
result readme_compiles_in_a_package_that_depends_on_it $status
export LD_LIBRARY_PATH="$tree/lib"
"$program/.build/debug/service" &
service=$!
# The service is there when its socket is.
for _ in $(seq 100); do
	"$program/.build/debug/client" > "$work/answer" 2> "$work/errors" && break
	sleep 0.1
done
[ "$(cat "$work/answer")" = "hello, user type 42" ] || { cat "$work/errors" >&2; false; }
result readme_client_gets_its_answer $?
[ "$("$program/.build/debug/blocking")" = "one
two" ]
result readme_blocking_client_gets_its_answers $?
kill $service
wait $service 2> /dev/null

# Each public symbol has a comment.
undocumented=$(awk 'FNR == 1 { above = "" } /^ *@/ { next } /^ *(nonisolated\(nonsending\) )?public / && !/^ *public import/ {
	if (above !~ /^ *\/\/\//) print FILENAME ":" FNR ": " $0
	} { above = $0 }' "$package"/Sources/IPC/*.swift "$package"/Sources/IPCJSON/*.swift)
[ -z "$undocumented" ] || { echo "$undocumented" >&2; false; }
result public_symbols_are_documented $?

# The reference, in which every link leads somewhere.
if command -v docc > /dev/null 2>&1; then
	rm -rf "$work/symbols" "$work/reference"
	mkdir -p "$work/symbols"
	machine=$(swiftc -print-target-info | sed -n 's/.*"triple" *: *"\([^"]*\)".*/\1/p' | head -1)
	{
		swift-symbolgraph-extract -module-name IPC -I "$work/debug/Modules" -I "$package/Sources/CIPC" -Xcc "-I$tree/include" \
			-target "$machine" -output-dir "$work/symbols" -skip-inherited-docs -minimum-access-level public \
			&& docc convert "$package/Sources/IPC/IPC.docc" --additional-symbol-graph-dir "$work/symbols" --output-dir "$work/reference" \
				--fallback-display-name IPC --fallback-bundle-identifier IPC
	} > "$work/docc.log" 2>&1 && [ -s "$work/reference/data/documentation/ipc/service.json" ] && ! grep -E 'warning|error' "$work/docc.log" >&2
	status=$?
	[ $status -eq 0 ] || cat "$work/docc.log" >&2
	result reference_is_complete $status
else
	echo "skipped swift_reference_is_complete: there is no docc here"
fi
exit $failed
