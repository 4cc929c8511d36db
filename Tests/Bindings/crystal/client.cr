# The client of scenarios.md in Crystal.
class MatrixClient
  PATTERN  = Bytes.new(2_000_000) { |i| (i &* 31 &+ (i >> 8)).to_u8! }
  COMMANDS = "qtxwdDskvm"

  @client : IPC::Client

  def initialize
    @client = IPC::Client.new("matrix")
    @client.base_timer = 20_000
  end

  def run(scenario)
    {% begin %}
      case scenario
      {% for name in %w(echo sizes events timer services descriptor switch killed names flight leaks) %}
      when {{name}} then {{name.id}}
      {% end %}
      else abort "there is no scenario #{scenario}"
      end
    {% end %}
    round_trip @client, 'q', "" unless scenario == "killed"
    @client.close
  end

  # Through a message that comes without an event; `flight`, `events` and others look at those.
  def round_trip(client, utype, payload)
    ask client, utype, payload, payload
  end

  def ask(client, utype : Char, payload, wanted)
    reply = client.request(utype.ord.to_u8, payload)
    check reply, client.fd, utype, wanted
    check_that reply.mtype == 2
  end

  def check(message, fd, utype, payload)
    check_that({message.fd, message.utype.unsafe_chr} == {fd, utype})
    check_that message.payload == payload.to_slice
  end

  macro check_that(condition)
    {{condition}} || abort "#{__FILE__}:#{__LINE__}: " + {{condition.stringify}}
  end

  def expect(context, type : T.class) : T forall T
    context.timer = 20_000
    event = context.wait_event
    event.is_a?(T) ? event : abort "expected #{type}, but there is #{event.inspect}"
  end

  def fails(code, ending = "", &)
    yield
  rescue error : IPC::Exception
    check_that error.code == code && error.message.to_s.ends_with?(ending)
  else
    abort "error #{code} does not come"
  end

  def raw_connection
    UNIXSocket.new("#{ENV["IPC_RUNDIR"]}/matrix").tap { |socket| socket.sync = true }
  end

  def echo
    {"hello", "", "\0in the\0middle\0", Bytes.new(256, &.to_u8)}.each { |payload| round_trip @client, 'e', payload }
    (0..255).each { |utype| round_trip @client, utype.unsafe_chr, "x" unless COMMANDS.includes?(utype.unsafe_chr) }
  end

  def sizes
    {0, 1, 5, 6, 7, 255, 256, 65535, 65536, 262144, 1000000, 1999993, 1999994}.each { |size| round_trip @client, 'e', PATTERN[0, size] }
    fails(67) { @client.send 'e'.ord.to_u8, PATTERN[0, 1999995] }
    round_trip @client, 'e', "small"
  end

  def events
    round_trip @client, 'x', PATTERN[0, 4096]
    round_trip @client, 'w', ""
    round_trip @client, 't', "1"
    IPC::Client.open("matrix") { |second| round_trip second, 'e', "second" }
    raw = raw_connection
    raw.write Bytes[2, 255, 255, 255, 255, 'e'.ord]
    raw.getb_to_end rescue nil
    raw.close
    wanted = /^connection=3 disconnection=1 error=1 external=1 .* timer=1 tx=(\d+) wake=1$/
    found = (0...10_000).any? do
      wanted.match(@client.request('v'.ord.to_u8).text).try { |match| match[1].to_i >= 4 }
    end
    check_that found
  end

  def timer
    {"0", "1", "30"}.each { |milliseconds| round_trip @client, 't', milliseconds }
    start = Time.monotonic
    @client.timer = 20
    check_that @client.wait_event.is_a?(IPC::Event::Timer)
    check_that Time.monotonic - start >= 20.milliseconds && @client.timer == 0
    @client.timer = -1
    @client.send 'e'.ord.to_u8, "for ever"
    check_that @client.wait_event.is_a?(IPC::Event::MessageSent)
    check_that @client.wait_event.is_a?(IPC::Event::MessageReceived)
  end

  # All from one context, at the same time: a fiber for each service.
  def services
    clients = {@client, IPC::Client.new("matrix-2"), IPC::Client.new("matrix-3")}
    done = Channel(Nil).new
    clients.each do |client|
      spawn do
        3.times { |i| round_trip client, 'e', "#{i}" }
        done.send nil
      end
    end
    3.times { done.receive }
  end

  def descriptor
    reader, writer = IO.pipe
    @client.send IPC::Message.new('d'.ord, PATTERN[0, 1000]), descriptor: writer
    writer.close
    expect @client, IPC::Event::MessageSent
    check expect(@client, IPC::Event::MessageReceived).message, @client.fd, 'd', "written"
    check_that reader.getb_to_end == PATTERN[0, 1000]
    reader.close
    ask @client, 'd', "x", "none"
    @client.accept_descriptors @client.fd
    @client.send 'D'.ord.to_u8, PATTERN[0, 4096]
    expect @client, IPC::Event::MessageSent
    reply = expect @client, IPC::Event::MessageReceived
    check reply.message, @client.fd, 'D', "here"
    got = reply.take_descriptor || abort "no descriptor came"
    check_that got.getb_to_end == PATTERN[0, 4096]
    check_that reply.take_descriptor.nil?
    got.close
  end

  def switch
    back = IPC::Server.new("matrix-back")
    raw = raw_connection
    raw.write IPC::Message.to_packet('s'.ord, "matrix-back")
    fd = expect(back, IPC::Event::Connection).fd
    {"one\ntw", "o\n\n", "end\n"}.each { |piece| raw << piece }
    {"one", "two", "", "end"}.each { |line| check expect(back, IPC::Event::MessageReceived).message, fd, 'l', line }
    long = PATTERN[0, 5000].map { |byte| byte == 10 ? 11_u8 : byte }
    {"back", "", long}.each { |payload| back.send fd, 'l'.ord.to_u8, payload }
    3.times { expect back, IPC::Event::MessageSent }
    bytes = Bytes.new(5007)
    raw.read_fully bytes
    check_that bytes[0, 6] == "back\n\n".to_slice && bytes[6, 5000] == long && bytes[5006] == 10
    raw.close
    check_that expect(back, IPC::Event::Disconnection).fd == fd
    back.close
  end

  def killed
    @client.send 'k'.ord.to_u8, "last words"
    expect @client, IPC::Event::MessageSent
    check expect(@client, IPC::Event::MessageReceived).message, @client.fd, 'k', "last words"
    check_that expect(@client, IPC::Event::Disconnection).fd == @client.fd
    fails(104) { @client.send 'e'.ord.to_u8, "" }
    fails(47, "Connection refused") { connect_until_refused }
  end

  # The kernel closes the descriptors of a killed program one after the other: the listener may be there a little longer.
  def connect_until_refused
    deadline = Time.monotonic + 20.seconds
    while Time.monotonic < deadline
      IPC::Client.new("matrix").close
    end
  end

  def names
    fails(47, "#{ENV["IPC_RUNDIR"]}/nobody: No such file or directory") { IPC::Client.new("nobody") }
    {"", ".", "..", "a/../b", "x" * 200}.each do |name|
      fails(111) { IPC::Client.new(name) }
      fails(111) { IPC::Server.new(name) }
    end
    fails(111) { IPC::Client.new("matrix\0x") }
    fails(54) { IPC::Server.new("matrix") }
    IPC::Server.open(Bytes[0xff, 0xfe, 0x2d, 0x31]) do |server|
      IPC::Client.open(Bytes[0xff, 0xfe, 0x2d, 0x31]) { expect server, IPC::Event::Connection }
    end
  end

  def flight
    queued = sent = received = 0
    queue = ->do
      @client.send 'e'.ord.to_u8, queued.to_s
      queued += 1
    end
    64.times { queue.call }
    while received < 10_000 || sent < 10_000
      @client.timer = 20_000
      case event = @client.wait_event
      when IPC::Event::MessageSent then sent += 1
      when IPC::Event::MessageReceived
        check event.message, @client.fd, 'e', received.to_s
        received += 1
        queue.call if queued < 10_000
      else abort event.inspect
      end
    end
    check_that sent == 10_000
  end

  def measure
    GC.collect
    @client.request('m'.ord.to_u8).text.split.map(&.to_i64) + [ProcessState.descriptors.to_i64, ProcessState.resident]
  end

  def leaks
    other = IPC::Client.new("matrix")
    20_000.times { round_trip other, 'e', PATTERN[0, 100] }
    before = measure
    count = ENV.fetch("MATRIX_LEAKS", "100000").to_i
    (1..count).each do |i|
      round_trip other, 'e', PATTERN[0, 100]
      next if i % 1000 != 0 || i == count
      other.close
      other = IPC::Client.new("matrix")
    end
    after = measure
    check_that({after[0], after[2]} == {before[0], before[2]})
    check_that after[1] < before[1] + 8192 && after[3] < before[3] + 8192
    other.close
  end
end
