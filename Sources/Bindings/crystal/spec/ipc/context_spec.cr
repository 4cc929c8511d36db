require "../spec_helper"
require "socket"

describe IPC::Context do
  it "lets the fibers of one program speak with each other" do
    with_echo do |name|
      IPC::Client.open(name) do |client|
        reply = client.request(42_u8, "hello")
        {reply.text, reply.utype, reply.mtype, reply.fd}.should eq({"hello", 42, 2, client.fd})
      end
    end
  end

  it "carries all sizes and all bytes" do
    with_echo do |name|
      IPC::Client.open(name) do |client|
        {0, 1, 5, 65536, 300_000, 1_999_994}.each do |size|
          payload = Bytes.new(size) { |i| (i &* 31 &+ (i >> 8)).to_u8! }
          client.request(1_u8, payload).payload.should eq payload
          client.send 2_u8, payload
          expect_event(client, IPC::Event::MessageSent).fd.should eq client.fd
          expect_event(client, IPC::Event::MessageReceived).message.payload.should eq payload
        end
        expect_raises(IPC::Exception, /cannot send to \d+: /) { client.send 1_u8, Bytes.new(1_999_995) }
        expect_raises(IPC::Exception, /cannot send to \d+: /) { client.send_now 1_u8, Bytes.new(1_999_995) }
      end
    end
  end

  it "lets many clients of one program wait at the same time" do
    with_echo do |name|
      done = Channel(Bool).new
      20.times do |i|
        spawn do
          same = IPC::Client.open(name) do |client|
            (0...20).all? { |j| client.request(i.to_u8, "#{i} #{j}").text == "#{i} #{j}" }
          end
          done.send same
        end
      end
      20.times { done.receive.should be_true }
    end
  end

  it "runs other fibers while a peer takes nothing" do
    server = IPC::Server.new(name = Run.name)
    client = IPC::Client.new(name)
    expect_event(server, IPC::Event::Connection)
    finished = Channel(Nil).new
    spawn do
      3.times { |i| client.send_now i.to_u8, Bytes.new(1_999_994, i.to_u8) }
      finished.send nil
    end
    # The client has sent what fits, and waits: this fiber is here.
    Fiber.yield
    3.times do |i|
      message = expect_event(server, IPC::Event::MessageReceived).message
      {message.utype, message.payload.size, message.payload.all?(i)}.should eq({i, 1_999_994, true})
    end
    finished.receive
    client.close
    server.close
  end

  it "keeps the bytes of a message" do
    with_echo do |name|
      client = IPC::Client.new(name)
      messages = (0...50).map { |i| client.request(i.to_u8, "message #{i}" * i) }
      GC.collect
      messages.each_with_index { |message, i| message.text.should eq "message #{i}" * i }
      client.close
    end
  end

  it "sees clients come and go, and a peer that breaks the protocol" do
    server = IPC::Server.new(name = Run.name)
    socket = UNIXSocket.new(File.join(Run::DIRECTORY, name))
    fd = expect_event(server, IPC::Event::Connection).fd
    server.size.should eq 2
    socket.write Bytes[2, 0, 0, 0, 7, 'a'.ord, 'c'.ord, 'o'.ord, 'u'.ord, 'c'.ord, 'o'.ord, 'u'.ord, 0]
    received = expect_event(server, IPC::Event::MessageReceived)
    {received.fd, received.message.utype.unsafe_chr, received.message.text}.should eq({fd, 'a', "coucou\0"})
    server.send received.message
    expect_event(server, IPC::Event::MessageSent).fd.should eq fd
    frame = Bytes.new(13)
    socket.read_fully frame
    frame.should eq received.message.to_packet
    socket.write Bytes[2, 255, 255, 255, 255, 0]
    error = expect_event(server, IPC::Event::Error)
    error.fd.should eq fd
    error.reason.should_not be_empty
    socket.close
    other = UNIXSocket.new(File.join(Run::DIRECTORY, name))
    other.close
    expect_event(server, IPC::Event::Connection)
    expect_event(server, IPC::Event::Disconnection)
    server.size.should eq 1
    server.close
  end

  it "watches descriptors of the program" do
    reader, writer = IO.pipe
    context = IPC::Context.new
    context << reader.fd
    writer.print "a"
    writer.flush
    expect_event(context, IPC::Event::ExtraSocket).fd.should eq reader.fd
    reader.read_char.should eq 'a'
    context.remove_fd reader.fd
    expect_raises(IPC::Exception, "cannot remove the descriptor #{reader.fd}: ") { context.remove_fd reader.fd }
    context << reader
    context.remove_index 0
    context.size.should eq 0
  end

  it "offers several services" do
    context = IPC::Context.new
    names = {Run.name, Run.name}
    names.each { |name| context.listen name }
    clients = names.map { |name| IPC::Client.new(name) }
    fds = names.map { expect_event(context, IPC::Event::Connection).fd }
    clients.each_with_index { |client, i| client.send_now i.to_u8, "" }
    2.times { fds.includes?(expect_event(context, IPC::Event::MessageReceived).fd).should be_true }
    context.close_fd fds[0]
    expect_raises(IPC::Exception) { clients[0].read }.closed?.should be_true
    {context, *clients}.each &.close
    names.each { |name| File.exists?(File.join(Run::DIRECTORY, name)).should be_false }
  end

  it "has its timer beside events" do
    context = IPC::Context.new
    context.timer = 0
    context.wait_event.should be_a IPC::Event::Timer
    context.timer = 20
    context.wait_event.should be_a IPC::Event::Timer
    context.timer.should eq 0
    reader, writer = IO.pipe
    context << reader.fd
    writer.print "a"
    writer.flush
    # The pipe is never empty: the timer comes all the same.
    context.timer = 50
    begin_of_wait = Time.monotonic
    before = 51
    while context.wait_event.is_a?(IPC::Event::ExtraSocket)
      (1 <= context.timer <= before).should be_true
      before = context.timer
    end
    context.timer.should eq 0
    (Time.monotonic - begin_of_wait).should be >= 50.milliseconds
    context.timer = -1
    context.wait_event.should be_a IPC::Event::ExtraSocket
    context.timer.should eq -1
    context.close
  end

  it "sets the timer again in its loop" do
    context = IPC::Context.new
    {context.base_timer, context.timer}.should eq({30_000, 30_000})
    context.base_timer = 1
    context.timer = 0
    count = 0
    context.loop do |event|
      event.should be_a IPC::Event::Timer
      break if (count += 1) == 3
    end
  end

  it "ends waits when it is closed" do
    server = IPC::Server.new(name = Run.name)
    client = IPC::Client.new(name)
    results = Channel(String).new
    spawn { server.loop { }; results.send "the loop has ended" }
    spawn { results.send client.wait_event.as(IPC::Exception).message.to_s }
    Fiber.yield
    client.close
    results.receive.should eq "cannot wait: the context is closed"
    server.close
    results.receive.should eq "the loop has ended"
    server.wait_event.should be_a IPC::Exception
    other = IPC::Server.new(name)
    client = IPC::Client.new(name)
    spawn do
      client.read
    rescue error : IPC::Exception
      results.send error.closed?.to_s
    end
    Fiber.yield
    2.times { client.close }
    results.receive.should eq "true"
    other.close
  end

  it "is freed when nothing refers to it" do
    # Earlier examples leave theirs.
    2.times { GC.collect }
    before = Run.descriptors
    names = Array.new(50) { Run.name }
    use_and_forget names
    forget_stack
    # What a register or the stack still has may keep some.
    collected = (0...20).any? do
      GC.collect
      Fiber.yield
      Run.descriptors <= before + 20
    end
    collected.should be_true
    names.count { |name| File.exists?(File.join(Run::DIRECTORY, name)) }.should be < 10
  end
end

private def use_and_forget(names)
  names.each do |name|
    server = IPC::SwitchingService.new(name)
    client = IPC::Client.new(name)
    server.timer = 0
    fd = server.wait_event.as(IPC::Event::Connection).fd
    # Cycles keep nothing.
    pair = IPC::Client.new(name)
    server.timer = 20_000
    other = server.wait_event.as(IPC::Event::Connection).fd
    server.switch.add fd, other
    server.switch_callbacks other, ->(at : Int32) { server.size; IPC::Message.new(1) }, ->(message : IPC::Message) { LibIPC::IPCCB::Ignore }
    server.switch.del other
    pair.close
    server.wait_event.should be_a IPC::Event::Disconnection
    client.send_now 1_u8, "x"
    server.timer = 20_000
    server.wait_event.should be_a IPC::Event::MessageReceived
  end
end

# Overwrites what is left of former calls.
private def forget_stack(depth = 100)
  room = StaticArray(UInt8, 512).new(0)
  depth > 0 ? forget_stack(depth - 1) + room[0] : 0
end
