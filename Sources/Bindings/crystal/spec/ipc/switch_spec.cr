require "../spec_helper"
require "socket"

# A service with a socket that does not speak in messages, and a client that does: the pair of a switching service.
private def with_pair(&)
  service = IPC::SwitchingService.new(name = Run.name)
  client = IPC::Client.new(name)
  other = expect_event(service, IPC::Event::Connection).fd
  ours, theirs = UNIXSocket.pair
  # The service closes what it switches.
  end_of_pair = LibIPCSystem.dup(theirs.fd)
  theirs.close
  service.switch end_of_pair, other
  begin
    yield service, client, ours, end_of_pair, other
  ensure
    {client, service, ours}.each &.close
  end
end

describe IPC::Switch do
  it "ties two clients, whose messages go from one to the other" do
    service = IPC::SwitchingService.new(name = Run.name)
    clients = {IPC::Client.new(name), IPC::Client.new(name)}
    fds = clients.map { expect_event(service, IPC::Event::Connection).fd }
    service.switch *fds
    service.switch[fds[0]].should eq fds[1]
    clients[0].send_now 7_u8, "through"
    expect_event(service, IPC::Event::Switch).fd.should eq fds[0]
    expect_event(service, IPC::Event::MessageSent)
    message = clients[1].read
    {message.utype, message.text}.should eq({7, "through"})
    clients[0].close
    expect_event(service, IPC::Event::Disconnection).fd.should eq fds[0]
    service.size.should eq 1
    service.switch[fds[0]].should eq -1
    {service, clients[1]}.each &.close
  end

  it "reads and writes an end with procs of the program" do
    with_pair do |service, client, ours, theirs, other|
      prefix = "line: "
      rest = ""
      read = ->(fd : Int32) do
        fd.should eq theirs
        bytes = Bytes.new(100)
        count = LibC.read(fd, bytes, bytes.size)
        if count <= 0
          LibIPC::IPCCB::FdClosing
        else
          lines = (rest + String.new(bytes[0, count])).split('\n')
          rest = lines.pop
          lines.map { |line| IPC::Message.new('l'.ord, prefix + line) }
        end
      end
      write = ->(message : IPC::Message) do
        line = "#{message.utype.unsafe_chr}=#{message.text}\n"
        LibC.write(theirs, line, line.bytesize) == line.bytesize ? LibIPC::IPCCB::NoError : LibIPC::IPCCB::FdError
      end
      service.switch_callbacks theirs, read, write
      ours << "one\ntwo\nthr"
      ours.flush
      # Two are read and sent, in whatever order.
      told = Array.new(4) { service.wait_event }
      told.select(IPC::Event::Switch).map(&.fd).should eq [theirs, theirs]
      told.select(IPC::Event::MessageSent).map(&.fd).should eq [other, other]
      ours << "ee\n"
      ours.flush
      expect_event(service, IPC::Event::Switch)
      expect_event(service, IPC::Event::MessageSent)
      3.times.map { client.read.text }.to_a.should eq ["line: one", "line: two", "line: three"]
      client.send_now 'q'.ord.to_u8, "back"
      expect_event(service, IPC::Event::Switch).fd.should eq other
      expect_event(service, IPC::Event::MessageSent).fd.should eq theirs
      ours.gets.should eq "q=back"
      ours.close
      expect_event(service, IPC::Event::Disconnection).fd.should eq theirs
    end
  end

  it "makes an error of an exception in a proc" do
    with_pair do |service, _, ours, theirs, _|
      service.switch_callbacks theirs, ->(fd : Int32) { raise "no such thing"; LibIPC::IPCCB::Ignore },
        ->(message : IPC::Message) { LibIPC::IPCCB::NoError }
      ours << "x"
      ours.flush
      error = expect_event(service, IPC::Event::Error)
      {error.fd, error.reason}.should eq({theirs, "Exception: no such thing"})
    end
  end

  it "knows its pairs" do
    table = IPC::Switch.new
    table.add 3, 4
    {table[3], table[4], table[5], table.pointer.value.size}.should eq({4, 3, -1, 1})
    {table.del(4), table.del(4)}.should eq({3, -1})
    2.times { table.close }
    with_pair do |service, _, _, theirs, other|
      service.switch.pointer.value.size.should eq 1
      service.remove_fd other
      service.switch[theirs].should eq -1
      expect_raises(IPC::Exception, "the descriptor #{theirs} is in no pair") do
        service.switch_callbacks theirs, ->(fd : Int32) { LibIPC::IPCCB::Ignore }, ->(message : IPC::Message) { LibIPC::IPCCB::Ignore }
      end
    end
  end
end
