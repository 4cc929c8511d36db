require "./error"
require "./float16"

module CBOR
  # Gives an encoder to the block, and returns what was written.
  #
  # ```
  # CBOR.build do |encoder|
  #   encoder.map do
  #     encoder.field("name", "pong")
  #     encoder.field("sizes") { encoder.array(2) { 2.times { |i| encoder.int(i) } } }
  #   end
  # end
  # ```
  def self.build(*, max_nesting = MAX_NESTING, & : Encoder ->) : Bytes
    encoder = Encoder.new(max_nesting: max_nesting)
    yield encoder
    encoder.to_slice
  end
end

# Writes data items in the deterministic form of RFC 8949, section 4.2.1: the shortest head, the shortest float that has
# the value, definite lengths, and maps in the order of the bytes of their keys.
class CBOR::Encoder
  @buffer = IO::Memory.new
  @nesting = 0
  # Where each key of the map that is being written begins and ends.
  @keys = [] of {Int32, Int32}

  def initialize(*, @max_nesting : Int32 = MAX_NESTING)
  end

  # All that was written. The bytes stay the encoder's.
  def to_slice : Bytes
    @buffer.to_slice
  end

  def null : Nil
    @buffer.write_byte 0xf6_u8
  end

  def undefined : Nil
    @buffer.write_byte 0xf7_u8
  end

  def bool(value : Bool) : Nil
    @buffer.write_byte value ? 0xf5_u8 : 0xf4_u8
  end

  # A simple value that is no bool, null or undefined.
  def simple(value : UInt8) : Nil
    raise EncodeError.new("simple value #{value} is reserved") if 24 <= value < 32
    head 7, value.to_u64
  end

  # Any integer: as one of 64 bits where it fits, else as a bignum (tags 2 and 3).
  def int(value : Int) : Nil
    if value >= 0
      value <= UInt64::MAX ? head(0, value.to_u64) : bignum(2, value)
    else
      # -1 - value, which is never too large for the type.
      inverse = ~value
      inverse <= UInt64::MAX ? head(1, inverse.to_u64) : bignum(3, inverse)
    end
  end

  # In the fewest bytes that have exactly this value. All NaNs are one.
  def float(value : Float) : Nil
    wide = value.to_f64
    narrow = wide.to_f32!
    if wide.nan?
      @buffer.write_byte 0xf9_u8
      @buffer.write_bytes 0x7e00_u16, IO::ByteFormat::NetworkEndian
    elsif narrow.to_f64 != wide
      @buffer.write_byte 0xfb_u8
      @buffer.write_bytes wide, IO::ByteFormat::NetworkEndian
    elsif half = Float16.encode?(narrow)
      @buffer.write_byte 0xf9_u8
      @buffer.write_bytes half, IO::ByteFormat::NetworkEndian
    else
      @buffer.write_byte 0xfa_u8
      @buffer.write_bytes narrow, IO::ByteFormat::NetworkEndian
    end
  end

  def string(value : String) : Nil
    raise EncodeError.new("text that is not UTF-8: use Bytes") unless value.valid_encoding?
    head 3, value.bytesize.to_u64
    @buffer.write value.to_slice
  end

  def bytes(value : Bytes) : Nil
    head 2, value.size.to_u64
    @buffer.write value
  end

  # A tag; the block writes the item that it belongs to.
  def tag(number : Int, & : ->) : Nil
    head 6, number.to_u64
    nest { yield }
  end

  # An array; the block writes *size* items.
  def array(size : Int, & : ->) : Nil
    head 4, size.to_u64
    nest { yield }
  end

  # A map; the block calls `#field` for each entry, in any order.
  def map(& : ->) : Nil
    outer, @keys = @keys, [] of {Int32, Int32}
    start = @buffer.pos
    # Room for the head of a map with fewer than 24 entries.
    @buffer.write_byte 0xa0_u8
    nest { yield }
    finish_map start
    @keys = outer
  end

  # An entry of a map. The block writes the value.
  def field(key, & : ->) : Nil
    start = @buffer.pos
    key.to_cbor(self)
    @keys << {start, @buffer.pos}
    yield
  end

  # :ditto:
  def field(key, value) : Nil
    field(key) { value.to_cbor(self) }
  end

  # An item that is encoded already.
  def raw(item : Bytes) : Nil
    @buffer.write item
  end

  private def head(major : Int32, value : UInt64) : Nil
    type = (major << 5).to_u8
    case value
    when .< 24
      @buffer.write_byte type | value.to_u8
    when .<= UInt8::MAX
      @buffer.write_byte type | 24
      @buffer.write_byte value.to_u8
    when .<= UInt16::MAX
      @buffer.write_byte type | 25
      @buffer.write_bytes value.to_u16, IO::ByteFormat::NetworkEndian
    when .<= UInt32::MAX
      @buffer.write_byte type | 26
      @buffer.write_bytes value.to_u32, IO::ByteFormat::NetworkEndian
    else
      @buffer.write_byte type | 27
      @buffer.write_bytes value, IO::ByteFormat::NetworkEndian
    end
  end

  private def bignum(tag, magnitude) : Nil
    digits = magnitude.to_s(16)
    digits = "0#{digits}" if digits.size.odd?
    head 6, tag.to_u64
    bytes digits.hexbytes
  end

  private def nest(& : ->) : Nil
    @nesting += 1
    raise EncodeError.new("nesting of #{@nesting} is too deep") if @nesting > @max_nesting
    yield
    @nesting -= 1
  end

  # The head gets its number of entries. They are moved only when there are many, or when they are not in order yet.
  private def finish_map(start) : Nil
    written = @buffer.to_slice
    ordered = (1...@keys.size).all? { |i| compare(written, @keys[i - 1], @keys[i]) < 0 }
    if ordered && @keys.size < 24
      written[start] |= @keys.size.to_u8
      return
    end
    body = written[start..].dup
    spans = @keys.map_with_index { |key, i| {key, @keys[i + 1]?.try(&.[0]) || @buffer.pos} }
    spans.sort! { |a, b| compare(written, a[0], b[0]) } unless ordered
    spans.each_cons_pair do |a, b|
      raise EncodeError.new("the same key twice") if compare(body, a[0], b[0], start) == 0
    end
    # What is written now is at least as long as what was.
    @buffer.pos = start
    head 5, spans.size.to_u64
    spans.each { |key, past| @buffer.write body[key[0] - start...past - start] }
  end

  private def compare(bytes, a, b, origin = 0)
    bytes[a[0] - origin...a[1] - origin] <=> bytes[b[0] - origin...b[1] - origin]
  end
end
