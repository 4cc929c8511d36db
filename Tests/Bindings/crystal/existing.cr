# A program as they are written for the binding of libipc 0.7: it must compile unchanged, and do what it did. A service in a fiber of
# its own and its clients go through each class and each method that such programs use. It prints a last line when all was as expected.
require "ipc"
require "ipc/json"
require "ipc/cbor"

def expect(condition, line = __LINE__)
  abort "#{__FILE__}:#{line}" unless condition
end

class Existing
  class Service < IPC::SwitchingService
    property seen = [] of String
    property extra_fd = -1

    class_getter requests = [] of IPC::JSON.class
    class_getter packed = [] of IPC::CBOR.class

    def initialize(name)
      super name
      self.timer = 5_000
      self.base_timer = 60_000
    end

    def run
      self.loop do |event|
        handle event
        break if seen.last? == "quit"
      end
      close
    end

    # Every type that a wait gives.
    def handle(event : IPC::Event::Events | Exception)
      case event
      in IPC::Event::Timer         then @seen << "timer"
      in IPC::Event::EventNotSet   then abort "not set #{event.fd} #{event.index}"
      in IPC::Event::Error         then @seen << "error"
      in IPC::Event::ExtraSocket   then extra event.fd
      in IPC::Event::Switch        then @seen << "switch"
      in IPC::Event::Connection    then @seen << "connection"
      in IPC::Event::Disconnection then @seen << "disconnection"
      in IPC::Event::LookUp        then abort "look-up"
      in IPC::Event::MessageSent   then @seen << "sent"
      in IPC::Event::MessageReceived
        @seen << "message"
        answer event.fd, event.message
      in Exception then raise event
      end
    end

    def extra(fd)
      @seen << "extra"
      expect fd == @extra_fd
      byte = 0_u8
      LibC.read(fd, pointerof(byte), 1)
      remove_fd fd
    end

    def answer(fd : Int32, message : IPC::Message)
      case message.utype
      when 1_u8 then send message
      when 2_u8 then send fd, 2_u8, String.new(message.payload)
      when 3_u8
        request = Service.requests.parse_ipc_json message
        send fd, request.handle(self).not_nil!.as(IPC::JSON) unless request.nil?
      when 4_u8 then send_now fd, Service.packed.parse_ipc_cbor(message).as(Numbers)
      when 5_u8
        raw = LibIPC::Message.new
        message.copy_to_message_pointer pointerof(raw)
        raw.fd = fd
        send raw
        LibIPC.ipc_message_empty pointerof(raw)
      when 9_u8 then @seen << "quit"
      end
    end
  end

  IPC::JSON.message Ask, 3 do
    property question : String

    def initialize(@question)
    end

    def handle(service : Service)
      answer = Answer.new(question.upcase)
      answer.id = id
      answer
    end
  end
  Service.requests << Ask

  IPC::JSON.message Answer, 33 do
    property text : String

    def initialize(@text)
    end
  end

  IPC::CBOR.message Numbers, 4 do
    @[CBOR::Field(key: "n")]
    property numbers : Array(Int64 | Float64)
    property bytes : Bytes?

    def initialize(@numbers, @bytes = nil)
    end
  end
  Service.packed << Numbers
end

class Existing::Client < IPC::Client
  def initialize
    super "existing"
  end

  def ask(question)
    request = Ask.new question
    request.id = JSON::Any.new("id")
    send_now @fd, request
    [Answer].parse_ipc_json read
  end
end

ENV.delete "IPC_NETWORK"
service = Existing::Service.new "existing"
done = Channel(Nil).new
spawn do
  service.run
  done.send nil
end

client = Existing::Client.new
expect client.fd == client.server_fd
expect client.base_timer == 30_000 && client.timer == 30_000
message = IPC::Message.new client.fd, 2_u8, 1_u8, "hello"
client.send message
expect client.wait_event.is_a?(IPC::Event::MessageSent)
event = client.wait_event
expect event.is_a?(IPC::Event::MessageReceived) && String.new(event.message.payload) == "hello" && event.fd == client.fd && event.index == 0
client.send_now IPC::Message.new(0, 2_u8, 2_u8, "text")
expect String.new(client.read(0_u32).payload) == "text"
client.send_now client.server_fd, 1_u8, Bytes[1, 0, 2]
expect client.read.payload == Bytes[1, 0, 2]
client.send_now client.server_fd, 5_u8, "copied"
expect String.new(client.read.payload) == "copied"
answer = client.ask "what"
expect answer.is_a?(Existing::Answer) && answer.text == "WHAT" && answer.id == "id" && answer.type == 33
numbers = Existing::Numbers.new [1_i64, 2.5], Bytes[9]
client.send client.fd, numbers
expect client.wait_event.is_a?(IPC::Event::MessageSent)
back = [Existing::Numbers].parse_ipc_cbor client.read
expect back.numbers == [1_i64, 2.5] && back.bytes == Bytes[9] && back.id.nil?

# The context by hand, as C has it.
context = IPC::Context.new
expect LibIPC.ipc_connection(context.pointer, "existing", out fd).error_code == 0
raw = LibIPC::Message.new type: LibIPC::MessageType::Data.value.to_u8, user_type: 1_u8, fd: fd, length: 3, payload: "raw".to_unsafe
context.send raw
context.send_now raw
# The service is a fiber of this program, and the wait below stops them all: it has answered before.
client.send_now client.fd, 1_u8, "turn"
expect String.new(client.read.payload) == "turn"
timer = LibIPC::INFTIM
raw_event = LibIPC::Event.new
until raw_event.type.unsafe_as(LibIPC::EventType).message?
  result = LibIPC.ipc_wait_event context.pointer, pointerof(raw_event), pointerof(timer)
  expect result.error_code == 0
end
expect IPC::Message.new(raw_event.m).utype == 1 && context.context.size == 1 && context.event.m.null?
result = LibIPC.ipc_connection context.pointer, "nobody", out _
expect String.new(result.error_message.to_slice).rstrip('\0').ends_with?("No such file or directory")
begin
  IPC::Client.new "nobody"
  abort "connected to nobody"
rescue e : IPC::Exception
  expect e.message.not_nil!.ends_with?("No such file or directory")
end
2.times { context.close }

# Descriptors of the program's, and a table of pairs.
reader, writer = IO.pipe
service.extra_fd = reader.fd
service << reader.fd
writer << "x"
writer.flush
switch = IPC::Switch.new
switch.add 3, 4
switch.del 4
expect switch.pointer.value.size == 0
switch.close
expect service.switch.pointer.value.size == 0
expect IPC::Message.from_json(IPC::Message.new(1, 2_u8, 3_u8, "x").to_json).utype == 3
expect IPC::Message.from_cbor(IPC::Message.new(1, 2_u8, 3_u8, "x").to_cbor).payload == "x".to_slice
expect IPC::Message.to_packet(3, "x") == IPC::Message.new(1, 2_u8, 3_u8, "x").to_packet

client.send_now client.fd, 9_u8, ""
done.receive
expect({"connection", "message", "sent", "extra", "disconnection"}.all? { |kind| service.seen.includes? kind })
client.close
puts "existing: all as expected"
