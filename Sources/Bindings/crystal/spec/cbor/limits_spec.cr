require "../spec_helper"

class Chain
  include CBOR::Serializable
  property next : Chain?

  def initialize(@next = nil)
  end
end

# Two classes that begin alike: each level has to be tried twice.
class Left
  include CBOR::Serializable
  property child : Left | Right | Nil
  property left : Int32
end

class Right
  include CBOR::Serializable
  property child : Left | Right | Nil
  property right : Int32
end

describe CBOR::Decoder do
  it "reads as deep as is allowed, and no deeper" do
    deep = ->(depth : Int32) { Bytes.new(depth + 1) { |i| i < depth ? 0x81_u8 : 0_u8 } }
    CBOR.parse(deep.call(512)).size.should eq 1
    expect_raises(CBOR::ParseError, "nesting of 513 is too deep") { CBOR.parse(deep.call(513)) }
    expect_raises(CBOR::ParseError, "nesting of 513 is too deep") { CBOR::Decoder.new(deep.call(100_000)).skip }
    expect_raises(CBOR::ParseError, "nesting of 3 is too deep") { CBOR.parse(deep.call(3), max_nesting: 2) }
  end

  it "counts tags, maps and arrays of indefinite length as levels" do
    {0xc6_u8, 0x9f_u8, 0xbf_u8}.each do |head|
      expect_raises(CBOR::ParseError, "too deep") { CBOR.parse(Bytes.new(1000, head)) }
      expect_raises(CBOR::ParseError, "too deep") { CBOR::Decoder.new(Bytes.new(1000, head)).skip }
    end
  end

  it "does not believe a length that cannot be there" do
    %w(5b7fffffffffffffff 7b7fffffffffffffff 9b7fffffffffffffff bb7fffffffffffffff bb0000000100000000 9a7fffffff).each do |hex|
      expect_raises(CBOR::ParseError, /announced|well-formed/) { CBOR.parse(hex.hexbytes) }
    end
    expect_raises(CBOR::ParseError, "2 announced, but at most 1 can be there at byte 0") do
      Hash(Int32, Int32).from_cbor("a2000000".hexbytes)
    end
  end

  it "reads no more items for unions than it is allowed to" do
    bytes = {"right" => 1}.to_cbor
    25.times { bytes = CBOR.build { |encoder| encoder.map { encoder.field("child") { encoder.raw bytes } } } }
    expect_raises(CBOR::ParseError, "items are read") { Left.from_cbor(bytes) }
  end

  it "refuses what follows, and says where" do
    expect_raises(CBOR::ParseError, "1 bytes follow the data item at byte 1") { Int32.from_cbor("0000".hexbytes) }
    expect_raises(CBOR::ParseError, "expected int, but there is the end at byte 0") { Int32.from_cbor(Bytes.empty) }
  end

  it "refuses text that is not UTF-8, in pieces too" do
    expect_raises(CBOR::ParseError, "not UTF-8") { CBOR.parse("61ff".hexbytes) }
    # The character is whole, the pieces are not.
    expect_raises(CBOR::ParseError, "not UTF-8") { CBOR.parse("7f61c361bcff".hexbytes) }
  end

  it "refuses a key that comes twice" do
    expect_raises(CBOR::ParseError, "the key 0 twice") { CBOR.parse("a200000001".hexbytes) }
    expect_raises(CBOR::ParseError, "the key \"a\" twice") { Hash(String, Int32).from_cbor("a2616100616101".hexbytes) }
    CBOR.parse("a20000f9000001".hexbytes).size.should eq 2
  end
end

describe CBOR::Encoder do
  it "writes no cycle" do
    chain = Chain.new
    chain.next = chain
    expect_raises(CBOR::EncodeError, "nesting of 513 is too deep") { chain.to_cbor }
  end

  it "refuses text that is not UTF-8, reserved simple values, and the same key twice" do
    expect_raises(CBOR::EncodeError, "UTF-8") { String.new(Bytes[0xff]).to_cbor }
    expect_raises(CBOR::EncodeError, "reserved") { CBOR::Simple.new(24).to_cbor }
    expect_raises(CBOR::EncodeError, "twice") do
      CBOR.build { |encoder| encoder.map { 2.times { |i| encoder.field("a", i) } } }
    end
  end

  it "orders the keys of maps by their bytes, however many there are" do
    {10 => 0, 100 => 1, -1 => 2, "z" => 3, "aa" => 4, [100] => 5, [-1] => 6, false => 7}.to_cbor.hexstring
      .should eq "a80a001864012002617a036261610481186405812006f407"
    many = (0..99).to_h { |i| {i.to_s, i} }
    many.to_a.shuffle.to_h.to_cbor.should eq many.to_cbor
    many.to_cbor[0, 2].should eq Bytes[0xb8, 100]
    CBOR.parse(many.to_cbor).as_h.keys.map(&.as_s).should eq many.keys.sort_by { |key| {key.size, key} }
  end
end
