require "./connecting"
require "./sending"
require "./waiting"
require "./switch"

# A service.
#
# ```
# IPC::Server.new("echo").loop do |event|
#   case event
#   when IPC::Event::MessageReceived then server.send event.message
#   when IPC::Exception              then raise event
#   end
# end
# ```
class IPC::Server < IPC::Context
  # Offers the service *name*.
  def initialize(name : String | Bytes)
    super()
    listen name
  end

  # Offers it, gives the server to the block, and closes it.
  def self.open(name : String | Bytes, &)
    server = new(name)
    begin
      yield server
    ensure
      server.close
    end
  end
end

# A service that ties clients to other descriptors.
class IPC::SwitchingService < IPC::Server
  # The pairs of this service.
  property switch : IPC::Switch { Switch.new(@handle) }

  # Takes a descriptor out, and out of its pair.
  def remove_fd(fd : Int32) : Nil
    switch.del fd
    super
  end
end
