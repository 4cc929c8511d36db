require "spec"
require "file_utils"
require "../src/ipc"
require "../src/ipc/json"
require "../src/ipc/cbor"

module Run
  # The services of these specs.
  DIRECTORY = File.tempname("ipc", ".run")

  @@names = 0

  # A service's name that no other example has.
  def self.name : String
    "service#{@@names += 1}"
  end

  # How many descriptors this process has.
  def self.descriptors : Int32
    Dir.children("/proc/self/fd").size
  end
end

ENV["IPC_RUNDIR"] = Run::DIRECTORY
ENV.delete "IPC_NETWORK"
Spec.after_suite { FileUtils.rm_rf Run::DIRECTORY }

# An event of this class must be the next one.
def expect_event(context : IPC::Context, type : T.class) : T forall T
  context.timer = 20_000
  event = context.wait_event
  raise event if event.is_a?(IPC::Exception) && type != IPC::Exception
  event.should be_a T
  event.as(T)
end

# A service that sends every message back, in a fiber of its own.
def with_echo(name = Run.name, &)
  server = IPC::Server.new(name)
  done = Channel(Nil).new
  spawn do
    server.loop { |event| server.send event.message if event.is_a?(IPC::Event::MessageReceived) }
    done.send nil
  end
  begin
    yield name, server
  ensure
    server.close
    done.receive
  end
end
