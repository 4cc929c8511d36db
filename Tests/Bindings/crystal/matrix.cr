# The two programs of scenarios.md in one, because compiling takes long: `matrix service`, `matrix client SCENARIO`.
require "ipc"
require "socket"

module ProcessState
  # Without the descriptor of this look.
  def self.descriptors : Int32
    Dir.children("/proc/self/fd").size - 1
  end

  # KiB of memory.
  def self.resident : Int64
    File.read("/proc/self/statm").split[1].to_i64 * 4
  end
end

# The event loop makes its own descriptors when a fiber waits first.
sleep 1.nanosecond

require "./service"
require "./client"

case ARGV[0]?
when "service" then MatrixService.new.run
when "client"  then MatrixClient.new.run ARGV[1]
else                abort "matrix service, or matrix client SCENARIO"
end
