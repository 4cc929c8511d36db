#!/bin/sh
# cbor.sh - random and changed bytes to the CBOR reader of the shard for Crystal, with new seeds until the time is up. libFuzzer does not
# know Crystal: `fuzz_spec.cr` changes bytes by itself.
#
#   cbor.sh TREE BUILD SECONDS     an installed tree, and a directory for what is made
set -u
. "$(dirname "$0")/../begin.sh"
use_tree "${1:?installed tree}"
mkdir -p "${2:?build directory}" && build=$(cd "$2" && pwd) || exit 1
seconds=${3:?seconds}
if ! command -v crystal > /dev/null 2>&1; then
	echo "skipped fuzz.cbor: crystal is not installed"
	exit 0
fi
cd "$here/../../Sources/Bindings/crystal" || exit 1
CRYSTAL_CACHE_DIR=$build/cache
export CRYSTAL_CACHE_DIR CBOR_SEED
crystal build --release -o "$build/cbor" spec/cbor/fuzz_spec.cr >&2
status=$?
end=$(($(date +%s) + seconds))
seeds=0
while [ $status -eq 0 ] && [ "$(date +%s)" -lt $end ]; do
	CBOR_SEED=$(($(od -An -N3 -tu4 /dev/urandom)))
	timeout -k 5 600 "$build/cbor" > "$work/log" 2>&1
	status=$?
	[ $status -eq 0 ] || { cat "$work/log" >&2; echo "CBOR_SEED=$CBOR_SEED" >&2; }
	seeds=$((seeds + 1))
done
echo "cbor: $seeds seeds" >&2
report fuzz.cbor $status
exit $failed
