#!/bin/sh
# layers.sh - does ../layers.sh find what a folder must not use, and nothing else? And ../sizes.sh what is too large? Each case changes
# one file of a small tree in which all is well.
set -u
. "$(dirname "$0")/../begin.sh"
tree=$work/tree

# The tree: Basics.swift is for all, Wire uses nothing, Stream uses Wire, Loop uses both.
make_tree() {
	rm -rf "$tree"
	mkdir -p "$tree/Wire" "$tree/Stream/Inner" "$tree/Loop"
	cat > "$tree/Basics.swift" << 'END'
struct Failure: Error {}
func check(_ holds: Bool) {}
END
	cat > "$tree/Wire/Frame.swift" << 'END'
// Frame.swift - a header and a payload.
// Folder: Wire. Uses: nothing.
struct Frame { var length = 0 }
let headerSize = 6
func parse(_ bytes: [UInt8]) -> Frame { check(true); return Frame() }
private struct Scan {}
END
	cat > "$tree/Stream/Inbox.swift" << 'END'
// Folder: Stream. Uses: Wire.
struct Inbox {
    var frames: [Frame] = [parse([])]
    struct State {}
    let state = State()
}
END
	cat > "$tree/Stream/Inner/Outbox.swift" << 'END'
/* Not a use: /* Context */ turns() */
final class Outbox { let text = "a Context of \"turns()\"" } // Context
private typealias Scan = Int
let long = """
    Context "turns()"
    """
END
	cat > "$tree/Loop/Context.swift" << 'END'
// Folder: Loop. Uses: Wire, Stream.
@c public final class Context {
    var inbox = Inbox()
}
extension Outbox { func add(frame: Frame) {} }
@discardableResult func turns(of context: Context) -> Int { headerSize }
enum State { case idle }
let limit = 5
END
}
# The check of the tree prints these lines after `make_tree` and a change.
expect() {
	cat > "$work/wanted"
	sh "$here/../layers.sh" "$tree" > "$work/lines" 2>&1
	same_list "$1" "$work/wanted" "$work/lines"
}
add() { printf '%s\n' "$2" >> "$tree/$1"; }
well='ok layers.LibIPC
ok layers.Loop
ok layers.Stream
ok layers.Wire'
# finds NAME FILE LINE WHAT: the line, added to the file, is found
finds() {
	make_tree
	add "$2" "$3"
	case $2 in */*) folder=${2%%/*} ;; *) folder=LibIPC ;; esac
	echo "$well" | sed "s|^ok layers.$folder\$|not ok layers.$folder: $4|" | expect "layers_$1"
}
allows() {
	make_tree
	add "$2" "$3"
	echo "$well" | expect "layers_$1"
}

make_tree
echo "$well" | expect layers_nothing_is_found_where_all_is_well
finds a_type_above Stream/Inbox.swift 'var x: Context?' 'Stream/Inbox.swift uses Context of Loop'
finds a_type_above_in_a_folder_below Stream/Inner/Outbox.swift 'var x: Context?' 'Stream/Inner/Outbox.swift uses Context of Loop'
finds an_extension_of_a_type_above Wire/Frame.swift 'extension Inbox {}' 'Wire/Frame.swift uses Inbox of Stream'
finds a_call_of_a_function_above Stream/Inbox.swift 'let n = turns(of: x)' 'Stream/Inbox.swift uses turns of Loop'
finds a_variable_above Stream/Inbox.swift 'let n = limit + 1' 'Stream/Inbox.swift uses limit of Loop'
finds a_type_above_in_an_interpolation Stream/Inbox.swift 'let t = "of \(f("x", Context())) is"' 'Stream/Inbox.swift uses Context of Loop'
finds a_type_above_behind_a_string Stream/Inbox.swift 'f("a // \(b) /*", Context.self)' 'Stream/Inbox.swift uses Context of Loop'
finds a_use_by_a_file_beside_the_folders Basics.swift 'typealias F = Frame' 'Basics.swift uses Frame of Wire'
allows a_member_of_the_same_name Stream/Inbox.swift 'let n = x.turns(y).limit'
allows a_label_of_the_same_name Stream/Inbox.swift 'f(limit: 3, turns: 4)'
allows a_name_that_is_its_own_too Stream/Inbox.swift 'let s: State? = nil'
allows a_private_name_of_another_folder Loop/Context.swift 'struct Scan {}'

make_tree
sed -i '/Folder:/d' "$tree/Wire/Frame.swift"
echo "$well" | sed 's/^ok layers.Wire/not ok layers.Wire: 0 lines "\/\/ Folder: Wire. Uses: ..." in place of one/' > "$work/zero_lines"
expect layers_a_folder_without_a_line < "$work/zero_lines"
make_tree
add Wire/Other.swift '// Folder: Wire. Uses: nothing.'
sed 's/0 lines/2 lines/' "$work/zero_lines" | expect layers_a_folder_with_two_lines
make_tree
sed -i 's/Uses: nothing/Uses: Loop, Moon/' "$tree/Wire/Frame.swift"
expect layers_a_circle_and_a_folder_that_is_not_there << 'END'
ok layers.LibIPC
not ok layers.Loop: its uses lead back to it
not ok layers.Stream: its uses lead back to it
not ok layers.Wire: there is no folder Moon
not ok layers.Wire: its uses lead back to it
END
make_tree
sed -i '/Folder:/d' "$tree"/*/*.swift
sh "$here/../layers.sh" "$tree" > "$work/lines" 2>&1 && ! [ -s "$work/lines" ]
report layers_nothing_is_checked_without_any_line $?

sizes() { sh "$here/../sizes.sh" "$tree" > "$work/lines"; }
make_tree
{ printf '\t'; printf 'é%.0s' $(seq 136); echo; } > "$tree/wide.c"
seq 300 > "$tree/long.swift"
sizes
report sizes_allow_300_lines_and_140_columns $?
echo more >> "$tree/long.swift"
{ printf '\t'; printf 'x%.0s' $(seq 137); echo; } >> "$tree/wide.c"
! sizes
[ "$(cat "$work/lines")" = 'not ok sizes.files: long.swift has 301 lines
not ok sizes.lines: wide.c:2 has 141 columns' ]
report sizes_find_a_long_file_and_a_long_line $?
exit $failed
