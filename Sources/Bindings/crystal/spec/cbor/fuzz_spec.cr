require "../spec_helper"

class Fuzzed
  include CBOR::Serializable
  include CBOR::Serializable::Unmapped
  property int : Int32 | UInt64 | BigInt | Nil
  property text : String | Char | Nil
  property bytes : Bytes?
  property time : Time?
  @[CBOR::Field(converter: Time::EpochConverter)]
  property since : Time?
  @[CBOR::Field(converter: Time::EpochMillisConverter)]
  property millis : Time?
  property float : Float32?
  property list : Array(Fuzzed | Int8)?
  property table : Hash(String, {Int32, Bool})?
  property any : CBOR::Any?

  def initialize(@int, @text, @bytes, @time, @float, @list, @table, @any)
    @since = @millis = @time
  end
end

describe "CBOR of hostile bytes" do
  seed = ENV.fetch("CBOR_SEED", "1").to_i

  # The only exception that reading may raise; then what was read can be written.
  read = ->(bytes : Bytes) do
    begin
      value = CBOR.parse(bytes)
      CBOR.parse(value.to_cbor).to_cbor.should eq value.to_cbor
    rescue CBOR::ParseError
    end
    begin
      Fuzzed.from_cbor(bytes).to_cbor
    rescue CBOR::ParseError
    end
    begin
      CBOR::Decoder.new(bytes).read_raw
    rescue CBOR::ParseError
    end
  end

  it "refuses random bytes with nothing but a ParseError (seed #{seed})" do
    random = Random.new(seed)
    8_000.times { read.call random.random_bytes(random.rand(1..20)) }
  end

  it "refuses changed bytes with nothing but a ParseError (seed #{seed})" do
    random = Random.new(seed)
    inner = Fuzzed.new(BigInt.new(1) << 70, "x", Bytes[1, 2], Time.utc(2020, 1, 1), 1.5, nil, {"a" => {1, true}}, CBOR::Any.new(1))
    any = CBOR::Any.new([CBOR::Any.new(Time.utc), CBOR::Any.new(nil), CBOR::Any.new({CBOR::Any.new(1) => CBOR::Any.new(Bytes[1])})])
    whole = Fuzzed.new(-5, "größer", nil, Time.utc, 0.1, [inner, 3_i8], nil, any).to_cbor
    Fuzzed.from_cbor(whole).to_cbor.should eq whole
    10_000.times do
      bytes = whole.dup
      random.rand(1..4).times { bytes[random.rand(bytes.size)] = random.rand(256).to_u8 }
      read.call bytes[0, random.rand(4) == 0 ? random.rand(bytes.size) : bytes.size]
    end
  end
end
