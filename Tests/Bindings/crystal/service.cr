# The service of scenarios.md in Crystal.
class MatrixService
  @before = ProcessState.descriptors
  @server = IPC::SwitchingService.new("matrix")
  @counts = Hash(String, Int32).new(0)
  @external = Deque({Int32, Int32}).new # for what went into the pipe: who asked, how many bytes
  @timer_for = {-1, ""}
  @wake_for = -1
  @quitting = -1
  @killing = -1
  @lines = {-1, -1} # the pair, of which the first speaks in lines

  def initialize
    @reader, @writer = IO.pipe
    @writer.sync = true
  end

  def run
    {"matrix-2", "matrix-3"}.each { |name| @server.listen name }
    @server << @reader
    @server.timer = -1
    puts "ready"
    STDOUT.flush
    # Not `loop`, which takes a timer of 0 for one that is up.
    until @server.closed?
      handle @server.wait_event
    end
    {@reader, @writer}.each &.close
    puts "left #{ProcessState.descriptors - @before}"
  end

  def handle(event)
    count event
    case event
    in IPC::Event::Connection      then @server.accept_descriptors event.fd
    in IPC::Event::Disconnection   then left event.fd
    in IPC::Event::MessageReceived then obey event, event.message
    in IPC::Event::ExtraSocket     then read_pipe
    in IPC::Event::Timer
      @server.timer = -1
      @server.send @timer_for[0], 't'.ord.to_u8, @timer_for[1]
    in IPC::Event::EventNotSet then @server.send @wake_for, 'w'.ord.to_u8, "" # WAKE
    in IPC::Event::MessageSent then Process.signal(Signal::KILL, Process.pid) if event.fd == @killing
    in IPC::Event::Error, IPC::Event::Switch
    in IPC::Event::LookUp then raise "an event that is never sent"
    in IPC::Exception     then raise event
    end
  end

  def count(event)
    name = {
      IPC::Event::Connection => "connection", IPC::Event::Disconnection => "disconnection", IPC::Event::Error => "error",
      IPC::Event::ExtraSocket => "external", IPC::Event::MessageReceived => "message", IPC::Event::Switch => "switch",
      IPC::Event::Timer => "timer", IPC::Event::MessageSent => "tx", IPC::Event::Wake => "wake",
    }[event.class]
    @counts[name] += 1
  end

  def left(fd)
    @server.close if fd == @quitting
    return unless @lines.includes?(fd)
    @lines.each { |end_of_pair| LibC.close(end_of_pair) }
    @lines = {-1, -1}
  end

  def obey(event, message)
    command = message.utype.unsafe_chr
    case command
    when 'q'
      @quitting = event.fd
      reply message, ""
    when 't'
      @timer_for = {event.fd, message.text}
      @server.timer = message.text.to_i
    when 'x'
      @external << {event.fd, message.payload.size}
      @writer.write message.payload
    when 'w'
      @wake_for = event.fd
      @server.wake
    when 'd'
      descriptor = event.take_descriptor
      descriptor.try do |io|
        io.write message.payload
        io.close
      end
      reply message, descriptor ? "written" : "none"
    when 'D'
      # Blocking: the client has the same open file, and reads it to its end while this side may still be about to close the other.
      IO.pipe(read_blocking: true) do |reader, writer|
        writer.write message.payload
        writer.flush
        @server.send IPC::Message.new(event.fd, 2, message.utype, "here"), descriptor: reader
      end
    when 's' then tie event.fd, message.text
    when 'k'
      @killing = event.fd
      reply message, message.payload
    when 'v'
      names = %w(connection disconnection error external message switch timer tx wake)
      reply message, names.join(' ') { |name| "#{name}=#{@counts[name]}" }
    when 'm'
      GC.collect
      reply message, "#{ProcessState.descriptors} #{ProcessState.resident}"
    else @server.send message
    end
  end

  def reply(message, payload)
    @server.send message.fd, message.utype, payload
  end

  def read_pipe
    fd, size = @external.shift
    bytes = Bytes.new(size)
    @reader.read_fully bytes
    @server.send fd, 'x'.ord.to_u8, bytes
  end

  # Lines on the end that has asked, messages on the other.
  def tie(fd, name)
    @lines = {fd, @server.connect(name)}
    @server.switch *@lines
    rest = ""
    read = ->(at : Int32) do
      bytes = Bytes.new(65536)
      count = LibC.read(at, bytes, bytes.size)
      if count > 0
        lines = (rest + String.new(bytes[0, count])).split('\n')
        rest = lines.pop
        lines.map { |line| IPC::Message.new('l'.ord, line) }
      else
        count == 0 ? LibIPC::IPCCB::FdClosing : LibIPC::IPCCB::FdError
      end
    end
    write = ->(message : IPC::Message) do
      line = message.text + "\n"
      LibC.write(fd, line, line.bytesize) == line.bytesize ? LibIPC::IPCCB::NoError : LibIPC::IPCCB::FdError
    end
    @server.switch_callbacks fd, read, write
  end
end
