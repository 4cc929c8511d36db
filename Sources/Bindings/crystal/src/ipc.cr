require "./ipc/client"
require "./ipc/server"

# Messages between programs of one machine, over the library libipc: services have names, clients connect to them, and both loop over
# events. `IPC::Server` and `IPC::Client` are where to begin.
#
# `require "ipc/json"` and `require "ipc/cbor"` add classes of messages: `IPC::JSON` and `IPC::CBOR`.
module IPC
  VERSION = "1.2.0"
end
