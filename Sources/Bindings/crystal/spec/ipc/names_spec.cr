require "../spec_helper"

describe "names" do
  it "says in the library's words that no service is there" do
    path = File.join(Run::DIRECTORY, "nobody")
    error = expect_raises(IPC::Exception, "cannot connect to \"nobody\": ") { IPC::Client.new("nobody") }
    error.message.to_s.should end_with "#{path}: No such file or directory"
    error.code.should eq LibIPC::ERROR_CONNECT
    error.closed?.should be_false
  end

  it "refuses names that are none" do
    {"", ".", "..", "../x", "a/./b", "x" * 200}.each do |name|
      error = expect_raises(IPC::Exception, "cannot connect to #{name.inspect}: ") { IPC::Client.new(name) }
      error.code.should eq LibIPC::ERROR_INVALID_NAME
      error = expect_raises(IPC::Exception, "cannot offer the service #{name.inspect}: ") { IPC::Server.new(name) }
      error.code.should eq LibIPC::ERROR_INVALID_NAME
    end
  end

  it "refuses a NUL, which would end the name" do
    with_echo do |name|
      error = expect_raises(IPC::Exception, "the service name \"#{name}\\u0000x\" holds a NUL: ") { IPC::Client.new("#{name}\0x") }
      error.code.should eq LibIPC::ERROR_INVALID_NAME
    end
  end

  it "has names of bytes, and of characters that take several" do
    {Bytes[0xff, 0xfe, 'a'.ord], "größer 水", "x" * 60}.each do |name|
      IPC::Server.open(name) do |server|
        File.exists?(File.join(Run::DIRECTORY, String.new(name.to_slice))).should be_true
        client = IPC::Client.new(name)
        expect_event server, IPC::Event::Connection
        client.close
      end
    end
  end

  it "says that a service of that name is there" do
    with_echo do |name|
      expect_raises(IPC::Exception, /cannot offer the service "#{name}": .*in use/i) { IPC::Server.new(name) }
    end
  end
end
