# A room: what one client says all hear. `chat serve`, and `chat NAME` for each who talks.
require "ipc"

SAY = 1_u8

def serve
  members = Set(Int32).new
  server = IPC::Server.new("chat")
  server.base_timer = 60_000
  server.loop do |event|
    case event
    when IPC::Event::Connection                       then members << event.fd
    when IPC::Event::Disconnection, IPC::Event::Error then members.delete event.fd
    when IPC::Event::MessageReceived                  then members.each { |fd| server.send fd, SAY, event.message.payload }
    when IPC::Event::Timer                            then puts "#{members.size} are here"
    when IPC::Exception                               then raise event
    end
  end
end

# One fiber waits for the others' words, this one for the person's.
def talk(name)
  client = IPC::Client.new("chat")
  spawn { client.loop { |event| puts event.message.text if event.is_a?(IPC::Event::MessageReceived) } }
  while line = gets
    client.send SAY, "#{name}: #{line}"
  end
  client.flush client.fd
  client.close
end

case name = ARGV[0]?
when "serve" then serve
when String  then talk name
else              abort "chat serve, or chat NAME"
end
