require "./ipc"
require "./ipc/json"
