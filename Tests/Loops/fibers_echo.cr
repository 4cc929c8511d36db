# fibers_echo.cr - an echo service and its clients in fibers; each client fiber gets its messages through a channel.
#
# The service is a child process; a line either way is how both meet.
require "./fibers_context"

CONNECTION    =         4
DISCONNECTION =         5
MESSAGE       =         6
TIMER         =         8
TX            =         9
FD_NOT_FOUND  =       104
LARGEST       = 1_999_994
FILLING       = Bytes.new(LARGEST + 256) { |i| (i &* 31 &+ (i >> 8)).to_u8! }

def expect(condition, text)
  raise "does not hold: #{text}" unless condition
end

# A fiber whose failure is the program's.
def start(&block)
  spawn do
    block.call
  rescue problem
    problem.inspect_with_backtrace STDERR
    exit 1
  end
end

class Peer < Context
  getter sent = 0
  property ticks = 0

  def connect
    fd = 0
    error = LibIPC.ipc_connection(self, "echo", pointerof(fd))
    expect error.code == 0, "connecting"
    fd
  end

  def close(fd)
    expect LibIPC.ipc_close_fd(self, fd).code == 0, "closing"
  end

  def free
    expect LibIPC.ipc_close_all(self).code == 0, "closing all"
    LibIPC.ipc_ctx_free(self)
  end

  # A number, and bytes that depend on it. Any thread may call this.
  def write(fd, kind : Char, number : Int32, size)
    payload = LibC.malloc(LibC::SizeT.new(size)).as(UInt8*)
    payload.as(Int32*).value = number
    (payload + 4).copy_from(FILLING.to_unsafe + number % 256, size - 4)
    message = LibIPC::Message.new(type: 2, user_type: kind.ord, fd: fd, length: size, payload: payload)
    check LibIPC.ipc_write_take(self, pointerof(message))
  end

  def self.message?(bytes : Bytes, number : Int32, size)
    bytes.size == size && bytes.to_unsafe.as(Int32*).value == number && bytes[4..] == FILLING[number % 256, size - 4]
  end

  # Ticks in a fiber of its own.
  def tick(interval, &block)
    start do
      loop do
        sleep interval
        @ticks += 1
        block.call
      end
    end
  end
end

class Service < Peer
  @arrived = 0
  @left = 0
  property answered = 0

  def initialize(@expected : Int32, @all_stay = true)
    expect LibIPC.ipc_server_init(self, "echo").code == 0, "starting the service"
    Gate.meet
  end

  def serve(event)
    case event.type
    when CONNECTION then @arrived += 1
    when MESSAGE    then answer event
    when TX         then @sent += 1
    else
      expect event.type == DISCONNECTION || !@all_stay, "event #{event.type}"
      expect @sent == @answered || !@all_stay, "sent #{@sent}, answered #{@answered}"
      @left += 1
      stop if @left == @expected
    end
  end

  def answer(event)
    code = LibIPC.ipc_write_take(self, event.m)
    return if !@all_stay && code == FD_NOT_FOUND
    check code
    @answered += 1
  end
end

# Messages that come for a connection; and its end, as nil.
alias Arrivals = Channel({Char, Bytes}?)

class Client < Peer
  getter arrivals = Hash(Int32, Arrivals).new

  def initialize
    start { run { |event| distribute event } }
  end

  private def distribute(event)
    @sent += 1 if event.type == TX
    return if event.type == TX
    to = @arrivals[event.origin]
    return to.send nil if event.type == DISCONNECTION
    expect event.type == MESSAGE, "event #{event.type}"
    to.send({event.m.value.user_type.chr, Bytes.new(event.m.value.payload, event.m.value.length).clone})
  end

  def open
    fd = connect
    {fd, @arrivals[fd] = Arrivals.new(128)}
  end

  # Keeps `window` messages in flight, until so many have come back, or the block says that it is enough.
  def exchange(fd, window, count, size : Int32 -> Int32, &enough : Char -> Bool)
    begun = done = 0
    while done < count
      while begun < count && begun - done < window
        write fd, 'm', begun, size.call(begun)
        begun += 1
      end
      kind, bytes = @arrivals[fd].receive.not_nil!
      expect Peer.message?(bytes, done, size.call(done)), "message #{done}"
      done += 1
      count = begun if enough.call kind
    end
  end
end

module Gate
  class_property input : IO = STDIN
  class_property output : IO = STDOUT

  def self.meet
    output.puts "."
    output.flush
    expect input.gets == ".", "meeting"
  end
end
