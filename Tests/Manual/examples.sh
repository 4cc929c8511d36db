#!/bin/sh
# examples.sh - every example of the manual pages, extracted, compiled without a warning, and run.
#
#   examples.sh INSTALLED_TREE
#
# In front of an example a page has a comment that says what to do with it:
#
#     .\" example NAME: prints "TEXT"           it ends with 0, and prints this (\n between lines)
#     .\" example NAME: prints "TEXT" with X    the same, while the example X runs
#     .\" example NAME: answers "TEXT" to X     the example X ends with 0 and prints this, while this one runs
#     .\" example NAME: tells X                 what it reads on stdin goes to two that run the example X
#     .\" example NAME: runs                    it ends with 0
#     .\" example NAME: runs, with PACKAGE      the same; compiled with a library that pkg-config knows
#     .\" example NAME: starts                  it goes on; another one is its client, or it is only compiled
#     .\" example NAME: python, crystal         a service, and its client when it has an argument, which comes back
set -u
. "$(dirname "$0")/../begin.sh"
use_tree "${1:?installed tree}"
mkdir "$work/source" "$work/bin"

# Writes the examples of a page into source/NAME.c, and what to do with each into the list.
for page in "$tree"/share/man/man[37]/*; do
	grep -q '^\.so ' "$page" && continue
	awk -v into="$work/source" -v page="$(basename "$page")" '
		/^\.\\" example / { name = $3; sub(/:$/, "", name); wanted = $0; sub(/^[^:]*: /, "", wanted); next }
		/^\.Sh / { inside = $2 == "EXAMPLES" }
		inside && /^\.Bd -literal/ {
			if (name == "") print page " has an example without a comment" > "/dev/stderr"
			print (name == "" ? "unnamed " page : name " " wanted)
			on = 1
			file = into "/" (name == "" ? "unnamed" : name) (wanted ~ /^(python|crystal)/ ? "" : ".c")
			next
		}
		/^\.Ed/ { if (on) close(file); on = 0; name = ""; next }
		on {
			sub(/^\\&/, "")
			gsub(/\\-/, "-"); gsub(/\\\(aq/, "\047"); gsub(/\\\(ga/, "`"); gsub(/\\\(ha/, "^"); gsub(/\\\(ti/, "~"); gsub(/\\e/, "\\")
			print > file
		}' "$page"
done > "$work/list"
[ "$(wc -l < "$work/list")" -ge 20 ] && ! grep -q '^unnamed ' "$work/list"
report manual_examples_are_named $?

unset LIBIPC_DEBUG IPC_NETWORK IPC_SOCKET_MODE IPC_SOCKET_GROUP
# The bindings: the package as it is installed, and the shard as a path dependency finds it.
export PYTHONPATH="$tree/share/libipc/python/src" PYTHONDONTWRITEBYTECODE=1
mkdir "$work/lib" && ln -s "$tree/share/libipc/crystal" "$work/lib/ipc"
while read -r name wanted; do
	case $wanted in
	python)
		printf '#!/bin/sh\nexec python3 "%s" "$@"\n' "$work/source/$name" > "$work/bin/$name"
		chmod +x "$work/bin/$name"
		continue
		;;
	crystal)
		command -v crystal > /dev/null 2>&1 || { echo "skipped manual_example_$name: there is no crystal here"; continue; }
		CRYSTAL_PATH=$work/lib:$(crystal env CRYSTAL_PATH) CRYSTAL_CACHE_DIR=$work/cache crystal build "$work/source/$name" -o "$work/bin/$name" >&2 && continue
		;;
	"runs, with "*)
		package=${wanted#*with }
		pkg-config --exists "$package" || { echo "skipped manual_example_$name: there is no $package here"; continue; }
		# shellcheck disable=SC2046
		compile "$work/bin/$name" "$work/source/$name.c" $(pkg-config --cflags --libs "$package") >&2 && continue
		;;
	*) compile "$work/bin/$name" "$work/source/$name.c" -lpthread >&2 && continue ;;
	esac
	echo "$name does not compile" >&2
	report "manual_example_$name" 1
done < "$work/list"

# wait_for FILE: the socket of a service that was started
wait_for() { for _ in $(seq 100); do [ -S "$1" ] && return; sleep 0.1; done; return 1; }

# run NAME [ARGUMENT]
run() {
	program=$1
	shift
	timeout 30 "$work/bin/$program" "$@" < /dev/null > "$work/out" 2> "$work/err"
	status=$?
	[ $status -eq 0 ] || { echo "$program ended with $status" >&2; cat "$work/err" >&2; }
	return $status
}
# tells SERVICE CLIENT: the service ends with 0 when its stdin ends
tells() {
	mkfifo "$work/stdin"
	"$work/bin/$1" < "$work/stdin" &
	service=$!
	exec 3> "$work/stdin"
	for client in a b; do
		{ for _ in $(seq 100); do "$work/bin/$2" 2> /dev/null && break; sleep 0.1; done; } > "$work/$client" 3>&- &
	done
	# Who has connected may not be accepted yet when a line is read.
	for _ in $(seq 100); do
		echo "good morning" >&3
		[ -s "$work/a" ] && [ -s "$work/b" ] && break
		sleep 0.1
	done
	exec 3>&-
	wait $service
	status=$?
	wait
	[ $status -eq 0 ] && [ "$(sort -u "$work/a")" = "good morning" ] && [ "$(sort -u "$work/b")" = "good morning" ]
}
while read -r name wanted; do
	[ -x "$work/bin/$name" ] || continue
	export IPC_RUNDIR="$work/run.$name"
	case $wanted in
	starts) continue ;;
	runs*) run "$name" ;;
	answers*)
		"$work/bin/$name" &
		service=$!
		text=${wanted#*\"}
		wait_for "$IPC_RUNDIR/echo" && run "${wanted##*\" to }" && [ "$(cat "$work/out")" = "${text%\"*}" ]
		status=$?
		kill $service
		wait $service 2> /dev/null
		[ $status -eq 0 ]
		;;
	python | crystal)
		"$work/bin/$name" &
		service=$!
		wait_for "$IPC_RUNDIR/echo" && run "$name" 'hello, there' && [ "$(cat "$work/out")" = "hello, there" ]
		status=$?
		kill $service
		wait $service 2> /dev/null
		[ $status -eq 0 ]
		;;
	tells*) tells "$name" "${wanted#tells }" ;;
	prints*)
		service=
		partner=${wanted##*\" with }
		if [ "$partner" != "$wanted" ]; then
			"$work/bin/$partner" &
			service=$!
			wait_for "$IPC_RUNDIR/echo"
		fi
		text=${wanted#*\"}
		printf '%b\n' "${text%\"*}" > "$work/wanted"
		run "$name" && { diff "$work/wanted" "$work/out" >&2; }
		status=$?
		if [ -n "$service" ]; then kill $service; wait $service 2> /dev/null; fi
		[ $status -eq 0 ]
		;;
	*) echo "$name: what is '$wanted'?" >&2; false ;;
	esac
	report "manual_example_$name" $?
done < "$work/list"
exit $failed
