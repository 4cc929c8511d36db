# A service in Crystal: it answers the client beside it and sees every kind of event that libipc
# has. It says "ready" when a client may start, and a last line when all was as expected; anything
# else ends it at once with status 1.
#
# What a message asks for is its user type: 'e' send it back, 'p' send it back through a pipe that
# the context watches, 's' tie this connection to the client's own service, 'q' end.
require "./common"

# Lines on one side of the switched pair, libipc messages on the other. A line may hold NULs; "#..." is a
# comment, not passed on. Callbacks are called from C: they must not raise, and close over nothing.
module Gateway
  class_getter pending = IO::Memory.new # read, and without a newline yet
  class_getter lines = Deque(Bytes).new # whole lines that have not been handed over
  class_getter calls = Hash(LibIPC::CallbackReturn, Int32).new(0)
  class_getter written = 0
  class_property fd = -1
  @@chunk = Bytes.new(65536)

  READ = ->(fd : LibC::Int, m : LibIPC::Message*, more : LibC::Short*) do
    answer = Gateway.read(fd, m, more)
    Gateway.calls[answer] += 1
    answer
  end
  WRITE = ->(fd : LibC::Int, m : LibIPC::Message*) { Gateway.write(fd, m) }

  def self.read(fd, m, more)
    check_equal fd, @@fd
    if lines.empty?
      count = LibC.read(fd, @@chunk.to_unsafe, @@chunk.size)
      return LibIPC::CallbackReturn::FdError if count < 0
      return LibIPC::CallbackReturn::FdClosing if count == 0
      split @@chunk[0, count]
    end
    line = lines.shift?
    more.value = lines.empty? ? 0_i16 : 1_i16
    return LibIPC::CallbackReturn::Ignore if line.nil? || line[0]? == '#'.ord
    fill m, line
    LibIPC::CallbackReturn::NoError
  end

  def self.split(bytes)
    while newline = bytes.index('\n'.ord.to_u8)
      pending.write bytes[0, newline]
      lines << pending.to_slice.dup
      pending.clear
      bytes = bytes[newline + 1..]
    end
    pending.write bytes
  end

  def self.fill(m, line)
    m.value.type = LibIPC::MsgType::DATA.value.to_u8
    m.value.user_type = 'l'.ord.to_u8
    m.value.length = line.size.to_u32
    m.value.payload = LibC.malloc(Math.max(line.size, 1)).as(UInt8*)
    m.value.payload.copy_from(line.to_unsafe, line.size)
  end

  def self.write(fd, m)
    check_equal fd, @@fd
    check_equal m.value.user_type, 'l'.ord
    line = Bytes.new(m.value.length.to_i + 1, '\n'.ord.to_u8)
    line.copy_from(m.value.payload, m.value.length) if m.value.length > 0
    @@written += 1
    until line.empty?
      count = LibC.write(fd, line.to_unsafe, line.size)
      return LibIPC::CallbackReturn::FdError if count < 0
      line += count
    end
    LibIPC::CallbackReturn::NoError
  end
end

class Server
  @context = Context.new
  @pipe = StaticArray(LibC::Int, 2).new(-1)
  @asked = Deque({Int32, Int32}).new # for what went into the pipe: who asked for it, how long it is
  @from_pipe = IO::Memory.new
  @clients = Set(Int32).new
  @written = 0
  @sent = 0
  @backend = -1 # the service end of the switched pair
  @switches = Hash(Int32, Int32).new(0)
  @ending = false

  def run
    check_code LibIPC.ipc_server_init(@context.pointer, "crystal")
    check_equal LibC.pipe(@pipe), 0
    check_code LibIPC.ipc_add_fd(@context.pointer, @pipe[0])
    @context.expect :timer, timer: 10
    puts "ready"
    STDOUT.flush
    until @ending && @clients.empty?
      handle @context.wait(LibIPC::ErrorCode::CLOSED_RECIPIENT)
    end
    check_all
    lose_pipe
    socket = Check.path_of("crystal")
    check File.exists?(socket)
    @context.close
    @pipe.each { |fd| LibC.close(fd) if fd >= 0 }
    check !File.exists?(socket)
    @context.check_no_leak
    puts "server: all as expected"
  end

  def handle(event)
    switched_end_left = event.type.disconnection? && event.origin == Gateway.fd
    check_equal @context.code.closed_recipient?, switched_end_left
    case event.type
    when .connection?    then connected event
    when .disconnection? then switched_end_left ? unswitch : left(event)
    when .message?       then answer event
    when .tx?            then sent event
    when .extra_socket?  then read_pipe event
    when .switch?        then @switches[event.origin] += 1
    when .error?         then peer_failed event
    else                      Check.fail "unexpected event #{event.type}", __FILE__, __LINE__
    end
  end

  def connected(event)
    check_equal @context.pointer.value.pollfd[event.index].fd, event.origin
    check_equal @context.type_of(event.origin), LibIPC::ConnectionType::IPC
    check @clients.add?(event.origin)
  end

  def left(event)
    check @clients.delete(event.origin)
    check @context.type_of(event.origin).nil?
    check @ending || !@clients.empty? # else the client died
  end

  def answer(event)
    user_type, payload = @context.message
    case user_type
    when 'e' then reply event.origin, 'e', payload
    when 'p' then into_pipe event.origin, payload
    when 's' then switch event.origin, payload
    when 'q'
      @ending = true
      reply event.origin, 'q', Bytes.empty
    else Check.fail "unexpected message #{user_type}", __FILE__, __LINE__
    end
  end

  def reply(fd, user_type, payload)
    @context.write fd, user_type, payload
    @written += 1
  end

  # A switched pair may also report TX for what it hands over: only messages of ipc_write are counted.
  def sent(event)
    check_equal @context.pointer.value.pollfd[event.index].fd, event.origin
    @sent += 1 unless @context.type_of(event.origin).try &.switched?
  end

  def into_pipe(fd, payload)
    check_equal LibC.write(@pipe[1], payload.to_unsafe, payload.size), payload.size
    @asked << {fd, payload.size}
  end

  # Takes a few bytes only: the rest must be told again.
  def read_pipe(event)
    check_equal event.origin, @pipe[0]
    few = Bytes.new(5)
    count = LibC.read(@pipe[0], few.to_unsafe, Math.min(5, @asked[0][1] - @from_pipe.size))
    check count > 0
    @from_pipe.write few[0, count]
    return if @from_pipe.size < @asked[0][1]
    reply @asked.shift[0], 'p', @from_pipe.to_slice
    @from_pipe.clear
  end

  def switch(fd, payload)
    check_code LibIPC.ipc_connection_switched(@context.pointer, String.new(payload), fd, out @backend)
    table = @context.switchdb
    check_equal({@context.type_of(fd), @context.type_of(@backend)}, {LibIPC::ConnectionType::Switched, LibIPC::ConnectionType::Switched})
    check_equal({LibIPC.ipc_switching_get(table, fd), LibIPC.ipc_switching_get(table, @backend)}, {@backend, fd})
    check_equal({table.value.size, table.value.collection.value.orig, table.value.collection.value.dest}, {1, fd, @backend})
    Gateway.fd = fd
    LibIPC.ipc_switching_callbacks(@context.pointer, fd, Gateway::READ, Gateway::WRITE)
  end

  # Both ends have gone from the context, and are open still.
  def unswitch
    [Gateway.fd, @backend].each do |fd|
      check @context.type_of(fd).nil?
      check_code LibIPC.usock_close(fd)
    end
    check_equal @context.pointer.value.switchdb.size, 0
    check @clients.delete(Gateway.fd)
    passed = Gateway.calls[LibIPC::CallbackReturn::NoError]
    check_equal({passed, Gateway.written}, {Gateway.written, @switches[@backend]})
    check_equal @switches[Gateway.fd], passed + Gateway.calls[LibIPC::CallbackReturn::Ignore]
    check Gateway.calls[LibIPC::CallbackReturn::Ignore] > 0
    check_equal Gateway.calls[LibIPC::CallbackReturn::FdClosing], 1
    Gateway.fd = -1
  end

  # The reason comes without a code, so that no program ends for one bad peer; the peer is gone.
  def peer_failed(event)
    check Check.clean?(@context.result)
    check @clients.delete(event.origin)
    check @context.type_of(event.origin).nil?
    Check.print_whole_text @context.result
  end

  def check_all
    check_equal({@sent, @context.pointer.value.tx.size, @asked.size}, {@written, 0, 0})
    missing = LibIPC::EventType.values.reject { |type| type.not_set? || type.lookup? || @context.seen[type] > 0 }
    check_equal missing, [] of LibIPC::EventType
    check_equal @context.seen[LibIPC::EventType::Error], 1
    check_equal @context.size, 2 # the service, the pipe
  end

  # Who wrote into the pipe leaves: told once, the entry stays.
  def lose_pipe
    LibC.close(@pipe[1])
    @pipe[1] = -1
    check_equal @context.expect(:disconnection).origin, @pipe[0]
    check_equal @context.type_of(@pipe[0]), LibIPC::ConnectionType::External
    @context.expect :timer, timer: 0
    check_code LibIPC.ipc_del_fd(@context.pointer, @pipe[0])
    check_code LibIPC.ipc_del_fd(@context.pointer, @pipe[0]), LibIPC::ErrorCode::DEL_FD__CANNOT_FIND_CLIENT
  end
end

Check.layout
Server.new.run
