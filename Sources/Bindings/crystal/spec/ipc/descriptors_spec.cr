require "../spec_helper"

describe "descriptors" do
  it "go with messages, and are the receiver's" do
    server = IPC::Server.new(name = Run.name)
    client = IPC::Client.new(name)
    server.accept_descriptors expect_event(server, IPC::Event::Connection).fd
    reader, writer = IO.pipe
    before = Run.descriptors
    client.send IPC::Message.new(1, "a"), descriptor: writer
    client.send IPC::Message.new(1, "b"), descriptor: writer.fd
    client.send 1_u8, "c"
    3.times { expect_event(client, IPC::Event::MessageSent) }
    first = expect_event(server, IPC::Event::MessageReceived)
    first.message.text.should eq "a"
    io = first.take_descriptor.not_nil!
    first.take_descriptor.should be_nil
    io << "through"
    io.close
    second = expect_event(server, IPC::Event::MessageReceived)
    third = expect_event(server, IPC::Event::MessageReceived)
    # Too late: the next wait has closed it.
    {second.take_fd, third.take_fd, third.message.text}.should eq({-1, -1, "c"})
    Run.descriptors.should eq before
    writer.close
    reader.gets_to_end.should eq "through"
    error = expect_raises(IPC::Exception, "cannot send to #{client.fd}: ") { client.send IPC::Message.new(1), descriptor: 1000 }
    error.code.should eq 121
    {client, server}.each &.close
    reader.close
  end

  it "come only where they are accepted" do
    server = IPC::Server.new(name = Run.name)
    client = IPC::Client.new(name)
    expect_event server, IPC::Event::Connection
    reader, writer = IO.pipe
    client.send IPC::Message.new(1, "a"), descriptor: writer
    expect_event client, IPC::Event::MessageSent
    expect_event(server, IPC::Event::MessageReceived).take_fd.should eq -1
    expect_raises(IPC::Exception, "cannot accept descriptors from 1000: ") { server.accept_descriptors 1000 }
    {client, server}.each &.close
    writer.close
    # Nobody has the other end any more.
    reader.gets_to_end.should eq ""
    reader.close
  end
end
