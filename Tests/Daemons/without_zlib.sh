#!/bin/sh
# without_zlib.sh - ipc-websocketd as it is built where zlib is not there: it needs no libz, says so in its log, and agrees on no compression.
#
#   without_zlib.sh BUILD PREFIX WORK    BUILD is a finished build, whose objects are linked anew; PREFIX has the installation; WORK is
#                                        a directory for what is made.
build=${1:?build directory}
shift
group=websocket
# shellcheck source=begin.sh
. "$(dirname "$0")/begin.sh"

compile pongd "$here/../../Sources/pongd/main.c"
other=$work/without-zlib
rm -rf "$other"
mkdir -p "$other"
# With their times: nothing but what depends on zlib is made again.
cp -a "$build/obj" "$build/lib" "$other" || exit 1
name=websocket.without_zlib
if ! make -s -C "$here/../.." BUILD="$(cd "$other" && pwd)" ZLIB=no daemons; then
	echo "not ok $name"
elif ldd "$other/bin/ipc-websocketd" | grep -q libz; then
	echo "not ok $name: it needs libz"
else
	PYTHONPATH=$here:$here/WebSocket:$PYTHONPATH python3 -B - "$other/bin" "$work" <<-'END' && echo "ok $name" || echo "not ok $name"
		import pathlib, sys
		import client, harness
		harness.BINARIES, harness.WORK = (pathlib.Path(name).resolve() for name in sys.argv[1:])
		with client.WebWorld() as world:
		    world.pong()
		    web = world.web()
		    web.says("built without zlib")
		    offer = client.Client(world.tcp(web.port), fields=("Sec-WebSocket-Extensions: permessage-deflate",))
		    assert b"Extensions" not in offer.head
		    offer.echoes()
		    offer.send(client.TEXT, b"x", reserved=4)
		    offer.is_closed(1002)
	END
fi
