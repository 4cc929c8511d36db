require "./ipc"
require "./ipc/cbor"
