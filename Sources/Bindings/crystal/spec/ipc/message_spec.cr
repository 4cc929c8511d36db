require "../spec_helper"

describe IPC::Message do
  it "is made of text and of bytes" do
    message = IPC::Message.new(5, 2_u8, 42_u8, "hello")
    {message.fd, message.mtype, message.utype, message.payload}.should eq({5, 2, 42, "hello".to_slice})
    IPC::Message.new(-1, 1, 255, Bytes[0]).text.should eq "\0"
    expect_raises(OverflowError) { IPC::Message.new(-1, 1, 256, "") }
    message.to_s.should eq %(fd 5, type 2, user type 42, 5 bytes: "hello")
    IPC::Message.new(1_u8).to_s.should eq "fd -1, type 2, user type 1, 0 bytes"
  end

  it "is a frame" do
    frame = Bytes[2, 0, 0, 0, 7, 'a'.ord, 'c'.ord, 'o'.ord, 'u'.ord, 'c'.ord, 'o'.ord, 'u'.ord, 0]
    IPC::Message.new(-1, 2, 'a'.ord, "coucou\0").to_packet.should eq frame
    IPC::Message.to_packet('a'.ord, "coucou\0").should eq frame
    IPC::Message.to_packet(0, "").should eq Bytes[2, 0, 0, 0, 0, 0]
  end

  it "copies what the library has, and gives it copies" do
    payload = "hello".to_slice.dup
    raw = LibIPC::Message.new(type: 2, user_type: 7, fd: 3, length: 5, payload: payload.to_unsafe)
    message = IPC::Message.new(raw)
    IPC::Message.new(pointerof(raw)).payload.should eq payload
    payload.fill(0)
    message.text.should eq "hello"
    copy = LibIPC::Message.new
    2.times { message.copy_to_message_pointer pointerof(copy) }
    {copy.fd, copy.type, copy.user_type, String.new(copy.payload, copy.length)}.should eq({3, 2, 7, "hello"})
    LibC.free(copy.payload.as(Void*))
    copy.length = 0
    IPC::Message.new(copy).payload.should be_empty
  end

  it "has forms in JSON and CBOR" do
    message = IPC::Message.new(5, 2, 42, "größer")
    message.to_json.should eq %({"mtype":2,"utype":42,"payload":"größer"})
    {IPC::Message.from_json(message.to_json), IPC::Message.from_cbor(message.to_cbor)}.each do |read|
      {read.mtype, read.utype, read.text}.should eq({2, 42, "größer"})
    end
    IPC::Message.from_json(%({"utype":1,"payload":""})).mtype.should eq 1
    IPC::Message.from_cbor({utype: 1, payload: "text"}.to_cbor).text.should eq "text"
    message.to_cbor.should eq({mtype: 2, utype: 42, payload: "größer".to_slice}.to_cbor)
    expect_raises(IPC::Exception, "not UTF-8") { IPC::Message.new(1_u8, Bytes[0xff]).to_json }
    IPC::Message.from_cbor(IPC::Message.new(1_u8, Bytes[0xff]).to_cbor).payload.should eq Bytes[0xff]
  end
end

# Messages of a service, as its programs define them.
class Calculator
  property sums = 0

  IPC::JSON.message Add, 3 do
    property terms : Array(Int32)
    @[JSON::Field(key: "c")]
    property comment : String?

    def initialize(@terms)
    end

    def handle(calculator : Calculator)
      calculator.sums += 1
      Result.new(terms.sum, id)
    end
  end

  IPC::JSON.message Result, 4 do
    property sum : Int32

    def initialize(@sum, @id = nil)
    end
  end

  IPC::JSON.message Nothing, 5

  class_getter requests = [] of IPC::JSON.class
  self.requests << Add << Nothing
end

module Probe
  enum Unit
    Celsius
    Kelvin
  end

  IPC::CBOR.message Measure, 7 do
    property values : Array(Float64 | Nil)
    property unit : Unit
    property at : Time
    @[CBOR::Field(key: "r")]
    property raw : Bytes

    def initialize(@values, @unit, @at, @raw)
    end

    def handle
      values.size
    end
  end
  REQUESTS = [Measure]
end

describe IPC::JSON do
  it "finds the class of a message, which handles it" do
    with_echo do |name|
      client = IPC::Client.new(name)
      add = Calculator::Add.new([1, 2, 3])
      add.id = JSON::Any.new("first")
      client.send add
      expect_event(client, IPC::Event::MessageSent)
      message = expect_event(client, IPC::Event::MessageReceived).message
      {message.utype, message.text}.should eq({3, %({"id":"first","terms":[1,2,3]})})
      result = Calculator.requests.parse_ipc_json(message).handle(calculator = Calculator.new)
      {result.sum, result.id.to_s, calculator.sums}.should eq({6, "first", 1})
      client.send_now result
      client.read.text.should eq %({"id":"first","sum":6})
      client.send client.fd, Calculator::Nothing.new
      expect_event(client, IPC::Event::MessageSent)
      client.read.text.should eq "{}"
      client.close
    end
  end

  it "says what a message is not" do
    expect_raises(IPC::Exception, "invalid message type (9)") { Calculator.requests.parse_ipc_json(IPC::Message.new(9_u8, "{}")) }
    expect_raises(JSON::ParseException) { Calculator.requests.parse_ipc_json(IPC::Message.new(3_u8, "{}")) }
    expect_raises(IPC::Exception, "no method that handles it") { Calculator::Nothing.new.handle(1) }
    {IPC::JSON.type, IPC::JSON.new.type, Calculator::Add.type, Calculator::Add.new([1]).type}.should eq({-1, -1, 3, 3})
    expect_raises(OverflowError) { with_echo { |name| IPC::Client.open(name) { |client| client.send IPC::JSON.new } } }
  end
end

describe IPC::CBOR do
  it "finds the class of a message, which handles it" do
    with_echo do |name|
      client = IPC::Client.new(name)
      measure = Probe::Measure.new([1.5, nil], Probe::Unit::Kelvin, Time.utc(2020, 1, 2), Bytes[0, 255])
      measure.id = CBOR::Any.new(12)
      client.send_now measure
      message = client.read
      message.utype.should eq 7
      read = Probe::REQUESTS.parse_ipc_cbor(message)
      {read.values, read.unit, read.at}.should eq({measure.values, measure.unit, measure.at})
      {read.raw, read.id}.should eq({measure.raw, CBOR::Any.new(12)})
      read.handle.should eq 2
      client.send measure
      expect_event(client, IPC::Event::MessageSent)
      client.read.payload.should eq measure.to_cbor
      client.close
    end
    expect_raises(IPC::Exception, "invalid message type (9)") { Probe::REQUESTS.parse_ipc_cbor(IPC::Message.new(9_u8)) }
    expect_raises(CBOR::SerializableError, "no map but null") { Probe::REQUESTS.parse_ipc_cbor(IPC::Message.new(7_u8, Bytes[0xf6])) }
    {IPC::CBOR.type, Probe::Measure.type}.should eq({-1, 7})
  end
end
