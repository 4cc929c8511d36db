require "../spec_helper"

class Engine
  include CBOR::Serializable
  include JSON::Serializable
  getter power : Int32

  def initialize(@power)
  end

  def_equals power
end

enum Level
  Low  = 3
  High = 9
end

class Car
  include CBOR::Serializable

  @[CBOR::Field(key: "n")]
  property name : String
  property engine : Engine?
  property wheels = 4
  property tags : Array(String) | Int32 = [] of String
  @[CBOR::Field(ignore: true)]
  property secret = "secret"
  @[CBOR::Field(ignore_serialize: @wheels == 3)]
  property rare : Int32?
  @[CBOR::Field(ignore_deserialize: true)]
  property written = 1
  @[CBOR::Field(presence: true, emit_null: true)]
  property owner : String?
  @[CBOR::Field(ignore: true)]
  getter? owner_present = false
  @[CBOR::Field(converter: Time::EpochConverter)]
  property built : Time?
  @[CBOR::Field(root: "inner")]
  property outer : Int32?
  @[CBOR::Field(converter: CBOR::ArrayConverter(Enum::ValueConverter(Level)))]
  property levels : Array(Level)?
  @[CBOR::Field(converter: CBOR::HashValueConverter(Time::EpochMillisConverter))]
  property seen : Hash(String, Time)?
  @[CBOR::Field(converter: CBOR::RawConverter)]
  property raw : Bytes?
  @[CBOR::Field(converter: Time::Format.new("%F"))]
  property day : Time?

  def initialize(@name)
  end

  protected def after_initialize
    @secret = "read"
  end
end

class EmptyThing
  include CBOR::Serializable

  def initialize
  end
end

@[CBOR::Serializable::Options(emit_nulls: true)]
record Point, x : Int32?, y : Int32? = 7 do
  include CBOR::Serializable
end

class Exact
  include CBOR::Serializable
  include CBOR::Serializable::Strict
  property a = 1
end

class Open
  include CBOR::Serializable
  include CBOR::Serializable::Unmapped
  property a = 1
end

abstract class Shape
  include CBOR::Serializable
  use_cbor_discriminator "type", {circle: Circle, square: Square}
  property type : String
end

class Circle < Shape
  property radius : Float64
end

class Square < Shape
  property side : Float64
end

describe CBOR::Serializable do
  it "writes what is set, in the order of the keys" do
    car = Car.new("mini")
    car.to_cbor.should eq({"n" => "mini", "wheels" => 4, "tags" => [] of String, "written" => 1, "owner" => nil}.to_cbor)
    EmptyThing.from_cbor(EmptyThing.new.to_cbor).should be_a EmptyThing
  end

  it "reads what it writes" do
    car = Car.new("größer")
    car.engine = Engine.new(90)
    car.wheels = 3
    car.rare = 5
    car.owner = "me"
    car.built = Time.utc(2020, 1, 1)
    car.outer = 12
    car.levels = [Level::High, Level::Low]
    car.seen = {"yesterday" => Time.utc(2020, 1, 1, 1, 1, 1, nanosecond: 1_000_000)}
    car.raw = Bytes[0x82, 0, 1]
    car.day = Time.utc(2021, 2, 3)
    car.tags = 3
    any = CBOR.parse(car.to_cbor)
    any["built"].should eq CBOR::Tagged.new(1_u64, CBOR::Any.new(1577836800))
    any["outer"]["inner"].should eq 12
    any["levels"].to_cbor.should eq [9, 3].to_cbor
    any["raw"].to_cbor.should eq [0, 1].to_cbor
    any["day"].should eq "2021-02-03"
    any["rare"]?.should be_nil
    read = Car.from_cbor(car.to_cbor)
    {% for name in %w(name engine wheels owner built outer levels seen raw day tags) %}
      read.{{name.id}}.should eq car.{{name.id}}
    {% end %}
    read.owner_present?.should be_true
    read.secret.should eq "read"
    Car.from_cbor({"n" => "x", "written" => 5, "secret" => 6, "wheels" => nil}.to_cbor).written.should eq 1
    Car.from_cbor({"n" => "x"}.to_cbor).owner_present?.should be_false
  end

  it "says what is wrong, and where" do
    expect_raises(CBOR::SerializableError, "missing key: n at byte 0\n  parsing Car") { Car.from_cbor({"x" => 1}.to_cbor) }
    expect_raises(CBOR::SerializableError, "no map but array at byte 0\n  parsing Car") { Car.from_cbor([1].to_cbor) }
    text = "expected int, but there is string at byte 19\n  parsing Engine#power\n  parsing Car#engine"
    error = expect_raises(CBOR::SerializableError, text) do
      Car.from_cbor({"engine" => {"power" => "x"}, "n" => "x"}.to_cbor)
    end
    {error.klass, error.attribute}.should eq({"Car", "engine"})
    expect_raises(CBOR::SerializableError, "the key twice") { Car.from_cbor("a2616e6161616e6161".hexbytes) }
  end

  it "writes nils where it is told to" do
    Point.new(nil, 2).to_cbor.should eq({"x" => nil, "y" => 2}.to_cbor)
    Point.from_cbor({"x" => 1}.to_cbor).should eq Point.new(1, 7)
    Point.from_cbor({"y" => nil}.to_cbor).should eq Point.new(nil, nil)
  end

  it "refuses, skips or keeps what it does not know" do
    expect_raises(CBOR::SerializableError, "unknown key: b") { Exact.from_cbor({"b" => 1}.to_cbor) }
    expect_raises(CBOR::SerializableError, "which is no text") { Exact.from_cbor({1 => 1}.to_cbor) }
    Point.from_cbor({[1] => {2 => 3}, "b" => [1]}.to_cbor).should eq Point.new(nil, 7)
    bytes = {"a" => 2, "b" => [1], 3 => nil}.to_cbor
    Open.from_cbor(bytes).to_cbor.should eq bytes
    expect_raises(CBOR::SerializableError, "the key 3 twice") { Open.from_cbor("a203000301".hexbytes) }
  end

  it "finds the class by a discriminator, wherever it stands" do
    bytes = [{type: "circle", radius: 1.5}, {type: "square", side: 2}].to_cbor
    circle, square = Array(Shape).from_cbor(bytes)
    circle.as(Circle).radius.should eq 1.5
    square.as(Square).side.should eq 2
    expect_raises(CBOR::SerializableError, "unknown value \"line\"") { Shape.from_cbor({type: "line"}.to_cbor) }
    expect_raises(CBOR::ParseError, "a map without the key \"type\"") { Shape.from_cbor({side: 1}.to_cbor) }
  end
end
