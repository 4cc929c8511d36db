require "./error"
require "./float16"
require "./kind"

# Reads data items from bytes in memory: any well-formed CBOR, not only the deterministic form.
#
# What a peer announces costs nothing before it is there: no length is believed that is longer than the bytes that are
# left. Arrays, maps and tags lie at most *max_nesting* deep in each other. Because a union tries its types one after the
# other, and from the same place, the number of items that are read is limited, too (*max_items*).
class CBOR::Decoder
  # Where the next data item begins.
  getter pos = 0

  @nesting = 0
  @items = 0_i64
  @max_items : Int64

  def initialize(@bytes : Bytes, *, @max_nesting : Int32 = MAX_NESTING, max_items : Int? = nil)
    @max_items = max_items.try(&.to_i64) || 64_i64 * @bytes.size + 1024
  end

  def self.new(text : String, **options)
    new(text.to_slice, **options)
  end

  # The kind of the next data item.
  def kind : Kind
    byte = @bytes[@pos]? || return Kind::EOF
    case byte >> 5
    when 0, 1 then Kind::Int
    when 2    then Kind::Bytes
    when 3    then Kind::String
    when 4    then Kind::Array
    when 5    then Kind::Map
    when 6    then bignum?(byte) ? Kind::Int : Kind::Tag
    else           kind_of_seven(byte & 0x1f)
    end
  end

  private def kind_of_seven(additional)
    case additional
    when 20, 21     then Kind::Bool
    when 22         then Kind::Null
    when 23         then Kind::Undefined
    when 25, 26, 27 then Kind::Float
    when 31         then Kind::Break
    else                 Kind::Simple
    end
  end

  private def bignum?(byte)
    byte == 0xc2 || byte == 0xc3
  end

  def read_null : Nil
    expect Kind::Null
    advance
  end

  # Null becomes nil; the block reads anything else.
  def read_null_or(&)
    kind.null? ? read_null : yield
  end

  def read_undefined : Nil
    expect Kind::Undefined
    advance
  end

  def read_bool : Bool
    expect Kind::Bool
    advance == 0xf5
  end

  # The number of a simple value that is no bool, null or undefined.
  def read_simple : UInt8
    expect Kind::Simple
    start = @pos
    value = read_argument(start)
    raise ParseError.new("simple value in a form that is not allowed", start) if @bytes[start] == 0xf8 && value < 32
    value.to_u8
  end

  # An integer, bignums of up to 127 bits included. `BigInt.new(decoder)` reads those of any size.
  def read_int : Int128
    start = @pos
    expect Kind::Int
    return read_small_bignum if bignum?(@bytes[start])
    negative = @bytes[start] >> 5 == 1
    value = read_argument(start).to_i128
    negative ? ~value : value
  end

  private def read_small_bignum : Int128
    start = @pos
    negative, magnitude = read_bignum
    if magnitude.size > 16 || magnitude.size == 16 && magnitude[0] >= 0x80
      raise ParseError.new("integer of #{magnitude.size} bytes is too large", start)
    end
    value = 0_i128
    magnitude.each { |byte| value = value << 8 | byte }
    negative ? ~value : value
  end

  # A bignum: whether it is negative (then it is -1 - *magnitude*), and the magnitude, without leading zeros.
  def read_bignum : {Bool, Bytes}
    start = @pos
    negative = advance == 0xc3
    raise ParseError.new("a bignum that is no byte string", start) unless kind.bytes?
    magnitude = read_bytes
    {negative, magnitude + (magnitude.index { |byte| byte != 0 } || magnitude.size)}
  end

  # Whether the next item is a bignum, and no integer of 64 bits.
  def bignum? : Bool
    @bytes[@pos]?.try { |byte| bignum?(byte) } || false
  end

  def read_float : Float64
    start = @pos
    expect Kind::Float
    bits = read_argument(start)
    case @bytes[start]
    when 0xf9 then Float16.decode(bits.to_u16)
    when 0xfa then bits.to_u32.unsafe_as(Float32).to_f64
    else           bits.unsafe_as(Float64)
    end
  end

  # A byte string: bytes of their own.
  def read_bytes : Bytes
    expect Kind::Bytes
    read_chunks(2).dup
  end

  # A text string.
  def read_string : String
    start = @pos
    expect Kind::String
    text = String.new(read_chunks(3))
    raise ParseError.new("text that is not UTF-8", start) unless text.valid_encoding?
    text
  end

  # The number of a tag. The item that it belongs to comes next.
  def read_tag : UInt64
    start = @pos
    raise unexpected("a tag") unless kind.tag? || bignum?
    read_argument(start)
  end

  # Whether the next item has this tag; then the tag is read, and its item comes next.
  def read_tag?(number : Int) : Bool
    start = @pos
    return false unless kind.tag? || bignum?
    return true if read_tag == number
    @pos = start
    false
  end

  # An array; the block reads each item.
  def read_array(& : ->) : Nil
    expect Kind::Array
    each_of(1, "an array") { yield }
  end

  # A map; the block reads each key, and then its value.
  def read_map(& : ->) : Nil
    expect Kind::Map
    each_of(2, "a map") { yield }
  end

  # A map with keys of text: the block gets each key, and reads its value. What has other keys is skipped.
  def read_map_of_strings(& : String ->) : Nil
    read_map do
      if kind.string?
        yield read_string
      else
        2.times { skip }
      end
    end
  end

  # The bytes of the next data item, which is well-formed.
  def read_raw : Bytes
    start = @pos
    skip
    @bytes[start...@pos]
  end

  # Passes over a data item, whatever it is.
  def skip : Nil
    case kind
    when .array?  then read_array { skip }
    when .map?    then read_map { 2.times { skip } }
    when .tag?    then nest { read_tag; skip }
    when .int?    then bignum? ? read_bignum : read_argument(@pos)
    when .bytes?  then read_chunks(2)
    when .string? then read_chunks(3)
    when .float?  then read_argument(@pos)
    when .simple? then read_simple
    when .break?  then raise unexpected("an item")
    when .eof?    then raise unexpected("an item")
    else               advance
    end
  end

  # Counts one level for what the block reads.
  def nest(& : ->)
    @nesting += 1
    raise ParseError.new("nesting of #{@nesting} is too deep", @pos) if @nesting > @max_nesting
    value = yield
    @nesting -= 1
    value
  end

  # Tries to read with the block, and is where it was when that fails.
  def try?(&)
    start, nesting = @pos, @nesting
    begin
      yield
    rescue error : ParseError
      raise error if @items > @max_items
      @pos, @nesting = start, nesting
      nil
    end
  end

  # Runs the block, and is where it was.
  def peek(&)
    start = @pos
    value = yield
    @pos = start
    value
  end

  # Raises unless all has been read.
  def finish : Nil
    raise ParseError.new("#{@bytes.size - @pos} bytes follow the data item", @pos) unless kind.eof?
  end
end

require "./heads"
