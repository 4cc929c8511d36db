require "../spec_helper"

# One of each type, as Python sees it.
class Everything
  include CBOR::Serializable

  enum Kind
    First
    SecondKind
  end

  property nothing : Int32?
  property yes : Bool
  property small : Int8
  property large : UInt64
  property negative : Int128
  property huge : BigInt
  property half : Float32
  property double : Float64
  property text : String
  property bytes : Bytes
  property list : Array(Int32 | String | Nil | Array(Float64))
  property table : Hash(Int32, Hash(String, Bool))
  property pair : {Int32, String}
  property named : {a: Int32, b: String?}
  property kind : Kind
  property at : Time
  @[CBOR::Field(converter: Time::EpochConverter)]
  property since : Time
  property inner : Everything?

  def initialize(random : Random, depth = 0)
    @yes = random.next_bool
    @small = random.rand(Int8::MIN..Int8::MAX)
    @large = random.rand(UInt64::MIN..UInt64::MAX)
    @negative = -random.rand(UInt64::MIN..UInt64::MAX).to_i128 * random.rand(1..100_000)
    @huge = (BigInt.new(1) << random.rand(1..500)) * {1, -1}.sample(random) + random.rand(-2..2)
    @half = random.rand(-100..100).to_f32 / 8
    @double = random.rand * 10.0 ** random.rand(-300..300)
    @text = String.build { |text| random.rand(100).times { text << random.rand(0x20..0xd7ff).unsafe_chr } }
    @bytes = random.random_bytes(random.rand(1000))
    @list = Array(Int32 | String | Nil | Array(Float64)).new(random.rand(5)) { {1, "x", nil, [1.5, 0.1]}.sample(random) }
    @table = (0...random.rand(50)).to_h { |i| {i * 7 - 100, {i.to_s => i.even?}} }
    @pair = {random.rand(100), "ü"}
    @named = {a: -1, b: {nil, "水"}.sample(random)}
    @kind = Kind.values.sample(random)
    # Python's times have microseconds.
    @at = Time.unix(random.rand(-2_000_000_000_i64..4_000_000_000_i64)) + random.rand(1_000_000).microseconds
    @since = Time.unix(random.rand(2_000_000_000))
    @inner = Everything.new(random, depth + 1) if depth < 3
  end
end

# Runs cbor2_peer.py; returns its lines.
private def peer(arguments, lines = [] of String) : Array(String)
  output, errors = IO::Memory.new, IO::Memory.new
  input = IO::Memory.new(lines.join('\n'))
  status = Process.run(ENV["CBOR2_PYTHON"], [File.join(__DIR__, "cbor2_peer.py"), *arguments], input: input, output: output, error: errors)
  fail errors.to_s unless status.success?
  output.to_s.lines
end

describe "CBOR beside Python's cbor2" do
  next pending("needs CBOR2_PYTHON, the path of a Python that has cbor2") unless ENV["CBOR2_PYTHON"]?
  seed = ENV.fetch("CBOR_SEED", "1").to_i

  it "reads what cbor2 writes, and cbor2 reads it back (seed #{seed})" do
    made = peer({"make", "1500", seed.to_s})
    pairs = made.map { |hex| "#{hex} #{CBOR.parse(hex.hexbytes).to_cbor.hexstring}" }
    peer({"compare"}, pairs).each_with_index { |answer, i| fail "#{pairs[i]}: #{answer}" unless answer == "same" }
  end

  it "gets back every value that cbor2 has read and written (seed #{seed})" do
    random = Random.new(seed)
    written = Array.new(100) { Everything.new(random).to_cbor.hexstring }
    peer({"recode"}, written).each_with_index do |hex, i|
      Everything.from_cbor(hex.hexbytes).to_cbor.hexstring.should eq written[i]
    end
  end
end
