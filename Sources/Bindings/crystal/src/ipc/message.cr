require "json"
require "../cbor/to_cbor"
require "../cbor/serializable"
require "./exception"

# A message: two types and a payload of its own, up to 1,999,994 bytes of any value.
class IPC::Message
  # From whom it came, or to whom it goes: a descriptor of the context.
  property fd : Int32
  # The library's type: 2, data, unless a program says otherwise.
  property mtype : UInt8
  # The program's own.
  property utype : UInt8
  property payload : Bytes

  def initialize(@fd : Int32, mtype : Int, utype : Int, @payload : Bytes)
    @mtype = mtype.to_u8
    @utype = utype.to_u8
  end

  # The message keeps the text's bytes.
  def self.new(fd : Int32, mtype : Int, utype : Int, payload : String)
    new(fd, mtype, utype, payload.to_slice)
  end

  # Data that goes nowhere yet: for `Client#send` and `Client#request`.
  def self.new(utype : Int, payload : Bytes | String = Bytes.empty)
    new(-1, LibIPC::MessageType::Data.value, utype, payload)
  end

  # Copies a message of the library's.
  def self.new(message : LibIPC::Message)
    payload = message.length == 0 ? Bytes.empty : Bytes.new(message.payload, message.length).dup
    new(message.fd, message.type, message.user_type, payload)
  end

  # :ditto:
  def self.new(message : Pointer(LibIPC::Message))
    new(message.value)
  end

  # The payload as text, whatever its bytes are.
  def text : String
    String.new(@payload)
  end

  # Fills *destination* with a copy; the payload is malloc'ed, and the one that was there is freed. For switching callbacks.
  def copy_to_message_pointer(destination : Pointer(LibIPC::Message)) : Nil
    LibIPC.ipc_message_copy(destination, @fd.to_u32!, @mtype, @utype, @payload, @payload.size)
  end

  # The frame as it travels.
  def to_packet : Bytes
    Message.frame @mtype, @utype, @payload
  end

  # The frame of a message with data.
  def self.to_packet(user_type : Int, message : String) : Bytes
    frame LibIPC::MessageType::Data.value, user_type, message.to_slice
  end

  protected def self.frame(mtype, utype, payload) : Bytes
    bytes = Bytes.new(6 + payload.size)
    bytes[0] = mtype.to_u8
    IO::ByteFormat::NetworkEndian.encode(payload.size.to_u32, bytes + 1)
    bytes[5] = utype.to_u8
    payload.copy_to(bytes + 6)
    bytes
  end

  # The message as an object with *mtype*, *utype* and *payload*, which must be text.
  def to_json(json : ::JSON::Builder) : Nil
    payload = text
    raise Exception.new("a payload that is not UTF-8 has no form in JSON") unless payload.valid_encoding?
    {mtype: @mtype, utype: @utype, payload: payload}.to_json(json)
  end

  # Reads what `#to_json` writes; *mtype* is 1 when it is missing.
  def self.new(pull : ::JSON::PullParser)
    read = NamedTuple(mtype: UInt8?, utype: UInt8, payload: String).new(pull)
    new(-1, read[:mtype] || 1, read[:utype], read[:payload])
  end

  # As `#to_json`, with the payload as a byte string.
  def to_cbor(encoder : ::CBOR::Encoder) : Nil
    {mtype: @mtype, utype: @utype, payload: @payload}.to_cbor(encoder)
  end

  # Reads what `#to_cbor` writes, or the same with the payload as text.
  def self.new(decoder : ::CBOR::Decoder)
    read = NamedTuple(mtype: UInt8?, utype: UInt8, payload: Bytes | String).new(decoder)
    new(-1, read[:mtype] || 1, read[:utype], read[:payload])
  end

  # For people: the payload is cut after 64 bytes.
  def to_s(io : IO) : Nil
    io << "fd " << @fd << ", type " << @mtype << ", user type " << @utype << ", " << @payload.size << " bytes"
    io << ": " << String.new(@payload[0, Math.min(64, @payload.size)]).scrub.inspect unless @payload.empty?
  end

  # :nodoc:
  # Gives the block the message as the library takes it, for as long as the block runs.
  def to_unsafe : LibIPC::Message
    LibIPC::Message.new(type: @mtype, user_type: @utype, fd: @fd, length: @payload.size, payload: @payload.to_unsafe)
  end
end
