require "./connecting"
require "./sending"
require "./waiting"

# A connection to a service.
#
# ```
# IPC::Client.open("pong") do |client|
#   puts client.request(42_u8, "hello").text
# end
# ```
class IPC::Client < IPC::Context
  # The connection's descriptor.
  getter fd : Int32 = -1

  # Connects to the service *name*.
  def initialize(name : String | Bytes)
    super()
    @fd = connect(name)
  end

  # Connects, gives the client to the block, and closes it.
  def self.open(name : String | Bytes, &)
    client = new(name)
    begin
      yield client
    ensure
      client.close
    end
  end

  # The connection's descriptor.
  def server_fd : Int32
    fd
  end

  # Receives one message. Other fibers run while this one waits.
  def read : IPC::Message
    read_from connection
  end

  # Sends a message, and waits for the next one that comes. Other fibers run meanwhile; one request at a time.
  def request(message : IPC::Message) : IPC::Message
    send_now message
    read_from fd
  end

  # :ditto:
  def request(utype : UInt8, payload : Bytes | String = Bytes.empty) : IPC::Message
    send_now connection, utype, payload
    read_from fd
  end

  {% for name, to in {"send" => "fd", "send_now" => "connection"} %}
    # To the service, whatever descriptor the message names.
    def {{name.id}}(message : LibIPC::Message) : Nil
      message.fd = {{to.id}}
      super(message)
    end

    # :ditto:
    def {{name.id}}(utype : UInt8, payload : Bytes | String) : Nil
      {{name.id}} {{to.id}}, utype, payload
    end
  {% end %}

  # :ditto:
  def send(message : IPC::Message, *, descriptor : Int32 | IO::FileDescriptor) : Nil
    message.fd = fd
    super
  end

  # The descriptor, while it is this connection's: when that is closed, another file may get the number. Queues know that themselves.
  private def connection : Int32
    LibIPC.ipc_ctx_entry(pointer, fd, out _).check("there is no connection any more")
    fd
  end
end
