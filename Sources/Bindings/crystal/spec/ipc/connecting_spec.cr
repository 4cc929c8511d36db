require "../spec_helper"
require "socket"

describe "connecting" do
  it "runs other fibers while the backlog is full" do
    Dir.mkdir_p Run::DIRECTORY
    listener = UNIXServer.new(path = File.join(Run::DIRECTORY, name = Run.name), backlog: 1)
    connected = Channel(IPC::Client | Exception).new
    10.times do
      spawn do
        connected.send IPC::Client.new(name)
      rescue error
        connected.send error
      end
    end
    Fiber.yield
    accepted = Array.new(10) { listener.accept }
    clients = Array.new(10) { connected.receive.as(IPC::Client) }
    accepted.first << "x"
    accepted.each &.close
    clients.each do |client|
      expect_raises(IPC::Exception) { client.read }
      client.close
    end
    listener.close
  end

  it "fails when it may not wait" do
    listener = UNIXServer.new(path = File.join(Run::DIRECTORY, name = Run.name), backlog: 0)
    context = IPC::Context.new
    context.limit LibIPC::Limit::ConnectTime, 0
    error = expect_raises(IPC::Exception, "Resource temporarily unavailable") { 10.times { context.connect name } }
    error.code.should eq LibIPC::ERROR_CONNECT
    context.close
    listener.close
  end

  it "runs other fibers while a service is looked up" do
    with_echo do |name|
      # What ipcd does: it connects, says so, and passes the connection on.
      daemon = IPC::Server.new("network")
      spawn do
        daemon.loop do |event|
          next unless event.is_a?(IPC::Event::MessageReceived)
          {event.message.mtype, event.message.text}.should eq({3, "far;far unix:///x"})
          local = IPC::Client.new(name)
          daemon.send_now event.fd, 3_u8, "OK"
          LibIPC.ipc_provide_fd(event.fd, local.fd).error_code.should eq 0
          local.close
        end
      end
      ENV["IPC_NETWORK"] = "far unix:///x"
      begin
        client = IPC::Client.new("far")
        client.request(1_u8, "looked up").text.should eq "looked up"
        client.close
        error = expect_raises(IPC::Exception, /cannot connect to "nobody": .*No such file or directory/) { IPC::Client.new("nobody") }
        error.code.should eq LibIPC::ERROR_CONNECT
      ensure
        ENV.delete "IPC_NETWORK"
      end
      daemon.close
    end
  end
end

describe "peers and limits" do
  it "knows who has connected" do
    # Nobody waits for it: no thread makes or closes descriptors meanwhile.
    IPC::Server.open(name = Run.name) do
      client = IPC::Client.new(name)
      before = Run.descriptors
      own = File.info("/proc/self")
      client.peer(client.fd).should eq IPC::Peer.new(own.owner_id.to_u32, own.group_id.to_u32, Process.pid.to_i32)
      Run.descriptors.should eq before
      expect_raises(IPC::Exception, "cannot say who is at 1000: ") { client.peer 1000 }
      client.close
    end
  end

  it "wakes a wait, and tells of nothing that it shall not" do
    with_echo do |name|
      client = IPC::Client.new(name)
      events = Channel(IPC::Event::Events | IPC::Exception).new
      spawn { events.send client.wait_event }
      Fiber.yield
      client.wake
      events.receive.should be_a IPC::Event::Wake
      2.times { client.wake }
      expect_event client, IPC::Event::Wake
      client.quiet
      client.send 1_u8, "x"
      expect_event client, IPC::Event::MessageReceived
      client.quiet sent: false
      client.send 1_u8, "x"
      expect_event client, IPC::Event::MessageSent
      client.close
    end
    expect_raises(IPC::Exception, "cannot wake the context: ") { IPC::Context.new.wake }.code.should eq 123
  end

  it "refuses to queue more than the limit" do
    # A service that reads nothing.
    IPC::Server.open(name = Run.name) do
      client = IPC::Client.new(name)
      client.limit LibIPC::Limit::QueueMessages, 1
      client.send 1_u8, Bytes.new(1_000_000)
      expect_raises(IPC::Exception, "cannot send to #{client.fd}: ") { 2.times { client.send 1_u8, "x" } }.code.should eq 110
      client.limit LibIPC::Limit::QueueMessages, nil
      expect_raises(IPC::Exception, "cannot set the limit Frame: ") { client.limit LibIPC::Limit::Frame, 2_000_000 }
      client.close
    end
  end

  it "takes a socket that listens already" do
    Dir.mkdir_p Run::DIRECTORY
    path = File.join(Run::DIRECTORY, name = Run.name)
    listener = UNIXServer.new(path)
    server = IPC::Context.new
    server.listen name, fd: LibIPCSystem.dup(listener.fd)
    client = IPC::Client.new(name)
    expect_event server, IPC::Event::Connection
    {client, server}.each &.close
    File.exists?(path).should be_true
    listener.close
  end
end
