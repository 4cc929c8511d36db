# programs.sh - sourced by ../run.sh and ../check.sh behind ../begin.sh: installs a tree, chooses, compiles and runs the conformance
# programs, and counts the lines that tests print.
#
# $trees/TREE becomes an installed tree; what is compiled goes to $programs: the caller sets both. ONLY in the environment names some of the
# programs; without it all of them run.
log=$work/log
: > "$log"

# Shows the lines of a test, and keeps them for the count.
keep() { tee -a "$log"; }

# install_tree TREE BUILD POLLER TARGET
install_tree() {
	if ! make -s BUILD="$2" POLLER="$3" PREFIX="$trees/$1" DESTDIR= "$4" > "$work/install.log" 2>&1; then
		cat "$work/install.log"
		echo "not ok installing_with_$3" | keep
		return 1
	fi
}

# A line for each program that there is.
all_programs() {
	for source in Tests/Conformance/*.c; do
		name=$(basename "$source" .c)
		[ "$name" = injector ] || echo "$name"
	done
}

# near_names WORD: those of the names on stdin that hold it, lie in it, or differ in few characters; the nearest first
near_names() {
	awk -v word="$1" '
		function distance(a, b,   above, left, i, j, row) {
			for (j = 0; j <= length(b); j++) row[j] = j
			for (i = 1; i <= length(a); i++) {
				above = row[0]; row[0] = i
				for (j = 1; j <= length(b); j++) {
					left = above + (substr(a, i, 1) != substr(b, j, 1))
					above = row[j]
					if (row[j] + 1 < left) left = row[j] + 1
					if (row[j - 1] + 1 < left) left = row[j - 1] + 1
					row[j] = left
				}
			}
			return row[length(b)]
		}
		{ d = distance(word, $0) }
		index($0, word) || index(word, $0) || d <= 1 + length(word) / 4 { print d, $0 }' | sort -n | sed 's/^[0-9]* //' | head -6
}

# Sets $chosen, the names in ONLY. A name that no program has is an error.
choose_programs() {
	chosen=$(all_programs | tr '\n' ' ')
	[ -n "${ONLY:-}" ] || return 0
	wrong=0
	for name in $ONLY; do
		case " $chosen" in *" $name "*) continue ;; esac
		near=$(all_programs | near_names "$name" | paste -sd ' ')
		echo "there is no program $name in Tests/Conformance; ${near:+near names: }${near:-the files *.c there have the names}" >&2
		wrong=1
	done
	chosen=$ONLY
	return $wrong
}

# compile_programs TREE: as a user would, with pkg-config's flags alone
compile_programs() (
	use_tree "$trees/$1"
	rm -rf "$programs"
	mkdir -p "$programs"
	compile "$programs/libinject.so" Tests/Conformance/injector.c -shared -fPIC -ldl
	# shellcheck disable=SC2046,SC2086
	printf '%s\n' $chosen | xargs -P 2 -I NAME ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -O1 -g $(pkg-config --cflags libipc) \
		Tests/Conformance/NAME.c -o "$programs/NAME" $(pkg-config --libs libipc) -lpthread -ldl
	for name in $chosen; do [ -x "$programs/$name" ] || echo "not ok compiling_$name" | keep; done
)

# What waits for most of its time, for a minute or two in all: its tests run at the same time.
slow='injected_batches injected_pairs interrupted'

# run_programs PREFIX TREE AT_A_TIME COMMAND... : the chosen programs, each test's name led by PREFIX. Most of them wait more than they
# work.
run_programs() (
	prefix=$1 tree=$2 number=$3
	shift 3
	LD_LIBRARY_PATH=$trees/$tree/lib
	export LD_LIBRARY_PATH
	for name in $slow; do
		case " $chosen " in *" $name "*) [ -x "$programs/$name" ] && "$@" "$programs/$name" --list | sed "s|^|$name/|" ;; esac
	done > "$work/list"
	for name in $chosen; do
		case " $slow " in *" $name "*) continue ;; esac
		[ -x "$programs/$name" ] && echo "$name"
	done >> "$work/list"
	xargs -P "$number" -I PROGRAM sh Tests/Conformance/run_program.sh "$programs" "$prefix" "$log" PROGRAM "$@" < "$work/list"
)

# Repeats what did not pass, and says how many did; fails unless all passed. REQUIRE_ALL=1 makes a skipped test a failed one.
count_lines() {
	passed=$(grep -ac '^ok ' "$log")
	failed=$(grep -ac '^not ok ' "$log")
	skipped=$(grep -ac '^skipped ' "$log")
	# What the machine cannot have, and no installation would give it, is no failure.
	[ "${REQUIRE_ALL:-}" = 1 ] && failed=$((failed + $(grep -a '^skipped ' "$log" | grep -avc 'no IPv6 loopback')))
	grep -aE '^(not ok|skipped) ' "$log"
	# What a C library or an emulator cannot do is listed with its reason, and told apart (Tests/Targets/limits.txt).
	limits=$(grep -ac '^limit ' "$log")
	[ "$limits" -eq 0 ] || echo "$limits known limits of other targets"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
