require "../spec_helper"

enum Colour
  Red
  DarkBlue = 7
end

@[Flags]
enum Sides
  Left
  UpperRight
end

alias Several = Int32 | String | Bytes | Float64 | Nil | Bool | Array(Int32) | Hash(String, Int32) | Time | Colour

# Whether a value is the same after it has been written and read.
private def there_and_back(value : T, hex = nil) forall T
  bytes = value.to_cbor
  bytes.hexstring.should eq hex if hex
  T.from_cbor(bytes).should eq value
end

describe "CBOR of Crystal's types" do
  it "has integers of all sizes" do
    {% for type in %w(Int8 Int16 Int32 Int64 Int128 UInt8 UInt16 UInt32 UInt64 UInt128) %}
      there_and_back {{type.id}}::MIN
      there_and_back({{type == "UInt128" ? "UInt128::MAX // 2".id : "#{type.id}::MAX".id}})
    {% end %}
    there_and_back UInt64::MAX.to_i128 + 1, "c249010000000000000000"
    there_and_back -UInt64::MAX.to_i128 - 2, "c349010000000000000000"
    expect_raises(CBOR::ParseError, "an integer that is no Int8 at byte 0") { Int8.from_cbor(128.to_cbor) }
    expect_raises(CBOR::ParseError, "an integer that is no UInt8 at byte 0") { UInt8.from_cbor(-1.to_cbor) }
    expect_raises(CBOR::ParseError, "expected int, but there is float") { Int32.from_cbor(1.0.to_cbor) }
  end

  it "has integers of any size" do
    {64, 65, 127, 128, 1000}.each do |bits|
      power = BigInt.new(1) << bits
      {power, power - 1, -power, -power - 1}.each { |value| there_and_back value }
    end
    there_and_back BigInt.new(7), "07"
    # Bignums that need not be ones, with leading zeros or without digits.
    BigInt.from_cbor("c2420007".hexbytes).should eq 7
    BigInt.from_cbor("c240".hexbytes).should eq 0
    Int32.from_cbor("c34107".hexbytes).should eq -8
    CBOR.parse("c24107".hexbytes).raw.should be_a Int64
    expect_raises(CBOR::ParseError, "no byte string") { BigInt.from_cbor("c207".hexbytes) }
    expect_raises(CBOR::ParseError, "too large") { Int128.from_cbor("c25080000000000000000000000000000000".hexbytes) }
  end

  it "writes a float in the fewest bytes that have its value" do
    there_and_back 1.5, "f93e00"
    there_and_back 1.1_f32, "fa3f8ccccd"
    there_and_back 1.1, "fb3ff199999999999a"
    there_and_back 2.0 ** -24, "f90001"
    there_and_back 2.0 ** -25, "fa33000000"
    there_and_back 2.0 ** -14 - 2.0 ** -24, "f903ff"
    there_and_back 65504.0, "f97bff"
    there_and_back 65520.0, "fa477ff000"
    there_and_back Float64::MAX
    Float32.from_cbor(1.1.to_cbor).should eq 1.1_f32
    Float64.from_cbor(3.to_cbor).should eq 3.0
    expect_raises(CBOR::ParseError, "no Float32") { Float32.from_cbor(1e300.to_cbor) }
  end

  it "reads every half-precision number as what it writes" do
    0_u16.upto(UInt16::MAX) do |bits|
      value = CBOR::Float16.decode(bits)
      next if value.nan?
      value.to_cbor.should eq Bytes[0xf9, (bits >> 8).to_u8!, bits.to_u8!]
    end
  end

  it "has text, bytes and what is like them" do
    there_and_back "größer\0", "6967 72c3 b6c3 9f65 7200".delete(' ')
    there_and_back Bytes[0, 255], "4200ff"
    there_and_back 'ü', "62c3bc"
    there_and_back Path["a/b"], "63612f62"
    :symbol.to_cbor.should eq "symbol".to_cbor
    expect_raises(CBOR::ParseError, "single character") { Char.from_cbor("ab".to_cbor) }
    # Bytes that were read are one's own.
    bytes = "4101".hexbytes
    read = Bytes.from_cbor(bytes)
    bytes[1] = 9
    read.should eq Bytes[1]
  end

  it "has collections" do
    there_and_back [1, -1], "820120"
    there_and_back Deque{1, 2}
    there_and_back Set{1, 2}
    there_and_back Slice[1, 2], "820102"
    there_and_back({1, "a", nil}, "83016161f6")
    there_and_back({b: 1, a: [2]}, "a261618102616201")
    there_and_back({1 => {"a" => [nil, true]}})
    StaticArray[1, 2].to_cbor.should eq [1, 2].to_cbor
    expect_raises(CBOR::ParseError, "an array of 1 items, not 2") { Tuple(Int32, Int32).from_cbor([1].to_cbor) }
    expect_raises(CBOR::ParseError, "an array of more than 1 items") { Tuple(Int32).from_cbor([1, 2].to_cbor) }
    expect_raises(CBOR::ParseError, "a map without the key b") { NamedTuple(a: Int32, b: Int32).from_cbor({a: 1}.to_cbor) }
    NamedTuple(a: Int32, b: Int32?).from_cbor({a: 1, z: 2}.to_cbor).should eq({a: 1, b: nil})
  end

  it "has enums by name and by value" do
    there_and_back Colour::DarkBlue, "69" + "dark_blue".to_slice.hexstring
    there_and_back Sides::Left | Sides::UpperRight
    there_and_back Sides::None, "80"
    Colour.from_cbor(7.to_cbor).should eq Colour::DarkBlue
    Sides.from_cbor(2.to_cbor).should eq Sides::UpperRight
    {8.to_cbor, -1.to_cbor, (1_i64 << 40).to_cbor, "green".to_cbor}.each do |bytes|
      expect_raises(CBOR::ParseError, "is no Colour") { Colour.from_cbor(bytes) }
    end
    {4.to_cbor, -1.to_cbor, ["down"].to_cbor}.each { |bytes| expect_raises(CBOR::ParseError, "is no Sides") { Sides.from_cbor(bytes) } }
  end

  it "has times, to the nanosecond" do
    there_and_back Time.utc(2013, 3, 21, 20, 4, 0), "c074323031332d30332d32315432303a30343a30305a"
    {100_000_000, 120_000, 1_230, 1, 999_999_999}.each { |ns| there_and_back Time.utc(2013, 3, 21, 20, 4, 0, nanosecond: ns) }
    local = Time.local(2013, 3, 21, 20, 4, 0, location: Time::Location.fixed(7200))
    Time.from_cbor(local.to_cbor).should eq local
    Time.from_cbor("c11a514b67b0".hexbytes).should eq Time.utc(2013, 3, 21, 20, 4, 0)
    Time.from_cbor("c1fb41d452d9ec200000".hexbytes).should eq Time.utc(2013, 3, 21, 20, 4, 0, nanosecond: 500_000_000)
    Time.from_cbor("c120".hexbytes).should eq Time.utc(1969, 12, 31, 23, 59, 59)
    expect_raises(CBOR::ParseError, "cannot be") { Time.from_cbor(CBOR.build { |e| e.tag(0) { e.string "yesterday" } }) }
    expect_raises(CBOR::ParseError, "no Int64") { Time.from_cbor(CBOR.build { |e| e.tag(1) { e.int UInt64::MAX } }) }
    expect_raises(CBOR::ParseError, "cannot be") { Time.from_cbor(CBOR.build { |e| e.tag(1) { e.int Int64::MAX } }) }
    expect_raises(CBOR::ParseError, "cannot be") { Time.from_cbor("c1f97e00".hexbytes) }
    expect_raises(CBOR::ParseError, "tag 2") { Time.from_cbor("c24100".hexbytes) }
    expect_raises(CBOR::ParseError, "expected a tag, but there is string") { Time.from_cbor("2013-03-21T20:04:00Z".to_cbor) }
  end

  it "finds the type of a union" do
    {1, "red", Bytes[1], 1.5, nil, false, [1], {"a" => 1}, Time.utc(2020, 1, 1)}.each do |value|
      read = Several.from_cbor(value.to_cbor)
      read.should eq value
      read.class.should eq value.class
    end
    Union(Int8, Int64).from_cbor(1.to_cbor).should be_a Int64
    Union(Int8, BigInt).from_cbor(1.to_cbor).should be_a Int8
    Union(Int8, BigInt).from_cbor(1000.to_cbor).should be_a BigInt
    Union(Int32, Colour).from_cbor("red".to_cbor).should eq Colour::Red
    Union(Float64, String).from_cbor(1.to_cbor).should eq 1.0
    expect_raises(CBOR::ParseError, "is no Colour") { Union(Nil, Colour).from_cbor("green".to_cbor) }
    expect_raises(CBOR::ParseError, "no (Array(Int32) | Hash(Int32, Int32)) at byte 0") do
      Union(Array(Int32), Hash(Int32, Int32)).from_cbor([nil].to_cbor)
    end
  end

  it "reads from an IO, and under a key" do
    Array(Int32).from_cbor(IO::Memory.new("820120".hexbytes)).should eq [1, -1]
    Array(Int32).from_cbor({"x" => nil, "list" => [1]}.to_cbor, root: "list").should eq [1]
    expect_raises(CBOR::ParseError, "a map without the key \"list\" at byte 0") { Int32.from_cbor({1 => 2}.to_cbor, root: "list") }
    io = IO::Memory.new
    [1].to_cbor(io)
    io.to_slice.should eq Bytes[0x81, 1]
  end
end

describe CBOR::Any do
  it "is looked into" do
    any = CBOR.parse({"a" => [1, {"b" => "c"}], 5 => 2.5, "t" => Time.utc(2020, 1, 1), "x" => Bytes[1]}.to_cbor)
    any["a"][0].as_i.should eq 1
    any["a"][1]["b"].as_s.should eq "c"
    any.dig?("a", 1, "b").should eq "c"
    any.dig?("a", 7, "b").should be_nil
    any[5].as_f.should eq 2.5
    any["t"].as_time.should eq Time.utc(2020, 1, 1)
    any["x"].as_bytes.should eq Bytes[1]
    any["none"]?.should be_nil
    any["a"].as_a.size.should eq 2
    any.as_h.size.should eq any.size
    any["a"][0].as_s?.should be_nil
    any["a"][0].as_big_i.should eq 1
    expect_raises(KeyError) { any["none"] }
    expect_raises(TypeCastError) { any["a"][0]["b"] }
    expect_raises(TypeCastError) { any["a"].as_s }
    (case any["a"][1]["b"]
    when "c" then true
    end).should be_true
  end

  it "is made of values" do
    CBOR::Any.new(Time.utc(2020, 1, 1)).to_cbor.should eq Time.utc(2020, 1, 1).to_cbor
    CBOR::Any.new(1_u8).should eq CBOR::Any.new(1_i64)
    CBOR::Any.new(1).should_not eq CBOR::Any.new(1.0)
    CBOR::Any.new(Int128::MAX).as_big_i.should eq Int128::MAX
  end
end
