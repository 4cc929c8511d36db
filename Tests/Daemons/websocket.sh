#!/bin/sh
# websocket.sh - ipc-websocketd as it is installed, from outside: raw bytes, two Python libraries, a browser, and Autobahn's fuzzer.
#
#   websocket.sh PREFIX WORK [NAME...]    PREFIX has the installation; WORK is a directory for what is made: the browser's picture
#                                         (page.png) and Autobahn's report (autobahn/) stay there. Names: only these tests.
#
# Python's packages go into virtual environments in WORK: websockets, wsproto and aiohttp for Python 3; autobahntestsuite, which is for
# Python 2.7: PYTHON27 names the interpreter, else it is looked for. What is missing shows as a skipped test.
group=websocket
# shellcheck source=begin.sh
. "$(dirname "$0")/begin.sh"
shift 2

compile pongd "$here/../../Sources/pongd/main.c"

# The packages' own tests say what they miss.
packages="websockets wsproto aiohttp prometheus-client"
if [ "$(cat "$work/python3/ready" 2> /dev/null)" != "$packages" ]; then
	# shellcheck disable=SC2086
	python3 -m venv "$work/python3" > "$work/python3.log" 2>&1 \
		&& "$work/python3/bin/pip" install -q $packages >> "$work/python3.log" 2>&1 && echo "$packages" > "$work/python3/ready"
fi
python=python3
[ -e "$work/python3/ready" ] && python=$work/python3/bin/python

# One that runs: pyenv has commands that do not.
find_python27() {
	for candidate in "${PYTHON27:-}" python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python2.7; do
		[ -n "$candidate" ] && "$candidate" -c "import sys; sys.exit(sys.version_info[0] != 2)" > /dev/null 2>&1 && echo "$candidate" && return
	done
}
if [ ! -e "$work/python27/ready" ]; then
	python27=$(find_python27)
	if [ -n "$python27" ]; then
		# virtualenv 20.15 is the last that makes environments for 2.7, whatever it runs under.
		{ "$python27" -m pip install -q --target "$work/virtualenv27" virtualenv==20.15.1 \
			&& PYTHONPATH=$work/virtualenv27 "$python27" -m virtualenv -q "$work/python27" \
			&& "$work/python27/bin/pip" install -q autobahntestsuite==25.10.1 && touch "$work/python27/ready"; } > "$work/python27.log" 2>&1
	fi
fi
"$python" -B "$here/WebSocket/run.py" "$prefix/bin" "$work" "$@"
