require "./decoder"

# Reads a value of this type from CBOR, which must be nothing but that. Classes of a program include `CBOR::Serializable`,
# or have a `self.new(decoder : CBOR::Decoder)`.
def Object.from_cbor(bytes_or_io : Bytes | String | IO, **limits)
  input = bytes_or_io.is_a?(IO) ? bytes_or_io.getb_to_end : bytes_or_io
  decoder = CBOR::Decoder.new(input, **limits)
  value = new(decoder)
  decoder.finish
  value
end

# The same, when the value is that of the key *root* in a map.
def Object.from_cbor(bytes_or_io : Bytes | String | IO, root : String, **limits)
  input = bytes_or_io.is_a?(IO) ? bytes_or_io.getb_to_end : bytes_or_io
  decoder = CBOR::Decoder.new(input, **limits)
  value = decoder.on_key!(root) { new(decoder) }
  decoder.finish
  value
end

class CBOR::Decoder
  # Reads a map of which only the value of *wanted* counts; the block reads that.
  def on_key!(wanted : String, &)
    start = @pos
    result = nil
    found = false
    read_map_of_strings do |key|
      if key == wanted && !found
        result = yield
        found = true
      else
        skip
      end
    end
    raise ParseError.new("a map without the key #{wanted.inspect}", start) unless found
    result.as(typeof(yield))
  end
end

def Nil.new(decoder : CBOR::Decoder)
  decoder.read_null
end

def Bool.new(decoder : CBOR::Decoder)
  decoder.read_bool
end

{% for type in %w(Int8 Int16 Int32 Int64 Int128 UInt8 UInt16 UInt32 UInt64 UInt128) %}
  def {{type.id}}.new(decoder : CBOR::Decoder)
    start = decoder.pos
    begin
      new(decoder.read_int)
    rescue error : OverflowError
      raise CBOR::ParseError.new("an integer that is no {{type.id}}", start, error)
    end
  end
{% end %}

def Float64.new(decoder : CBOR::Decoder)
  decoder.kind.int? ? decoder.read_int.to_f64 : decoder.read_float
end

def Float32.new(decoder : CBOR::Decoder)
  start = decoder.pos
  begin
    decoder.kind.int? ? decoder.read_int.to_f32 : decoder.read_float.to_f32
  rescue error : OverflowError
    raise CBOR::ParseError.new("a number that is no Float32", start, error)
  end
end

def String.new(decoder : CBOR::Decoder)
  decoder.read_string
end

def Path.new(decoder : CBOR::Decoder)
  new(decoder.read_string)
end

def Char.new(decoder : CBOR::Decoder)
  start = decoder.pos
  text = decoder.read_string
  raise CBOR::ParseError.new("text that is no single character", start) unless text.size == 1
  text[0]
end

def Slice.new(decoder : CBOR::Decoder)
  {% if T == UInt8 %}
    decoder.read_bytes
  {% else %}
    items = Array(T).new(decoder)
    Slice(T).new(items.size) { |i| items[i] }
  {% end %}
end

{% for type in %w(Array Deque Set) %}
  def {{type.id}}.new(decoder : CBOR::Decoder)
    items = new
    decoder.read_array { items << T.new(decoder) }
    items
  end
{% end %}

# A key that comes twice is an error: what would be the value?
def Hash.new(decoder : CBOR::Decoder)
  hash = new
  decoder.read_map do
    start = decoder.pos
    key = K.new(decoder)
    raise CBOR::ParseError.new("the key #{key.inspect} twice", start) if hash.has_key?(key)
    hash[key] = V.new(decoder)
  end
  hash
end

def Tuple.new(decoder : CBOR::Decoder)
  {% begin %}
    {% for i in 0...T.size %}
      %item{i} = nil
    {% end %}
    start = decoder.pos
    count = 0
    decoder.read_array do
      case count
      {% for i in 0...T.size %}
      when {{i}} then %item{i} = self[{{i}}].new(decoder)
      {% end %}
      else raise CBOR::ParseError.new("an array of more than #{ {{T.size}} } items", start)
      end
      count += 1
    end
    raise CBOR::ParseError.new("an array of #{count} items, not #{ {{T.size}} }", start) unless count == {{T.size}}
    Tuple.new({% for i in 0...T.size %} %item{i}.as(typeof(self[{{i}}].new(decoder))), {% end %})
  {% end %}
end

def NamedTuple.new(decoder : CBOR::Decoder)
  {% begin %}
    {% for key, type in T %}
      %var{key.id} = nil
      %found{key.id} = false
    {% end %}
    start = decoder.pos
    decoder.read_map_of_strings do |key|
      case key
      {% for key, type in T %}
      when {{key.stringify}}
        raise CBOR::ParseError.new("the key {{key.id}} twice", start) if %found{key.id}
        %var{key.id} = self[{{key.symbolize}}].new(decoder)
        %found{key.id} = true
      {% end %}
      else
        decoder.skip
      end
    end
    {% for key, type in T %}
      {% unless type.nilable? %}
        raise CBOR::ParseError.new("a map without the key {{key.id}}", start) unless %found{key.id}
      {% end %}
    {% end %}
    NamedTuple.new({% for key in T.keys %} {{key.stringify}}: %var{key.id}.as(typeof(element_type({{key.symbolize}}))), {% end %})
  {% end %}
end

# A member by its name or by its value; with `@[Flags]` an array of names, or a value.
def Enum.new(decoder : CBOR::Decoder)
  start = decoder.pos
  unknown = ->(what : String) { CBOR::ParseError.new("#{what} is no #{self}", start) }
  if decoder.kind.int?
    number = decoder.read_int
    {% if @type.annotation(Flags) %}
      all = {{@type}}::All.value
      raise unknown.call(number.to_s) unless number >= 0 && number & all == number
      new(all.class.new(number))
    {% else %}
      values.find { |member| member.value == number } || raise unknown.call(number.to_s)
    {% end %}
  else
    {% if @type.annotation(Flags) %}
      value = {{@type}}::None
      decoder.read_array do
        name = decoder.read_string
        value |= parse?(name) || raise unknown.call(name.inspect)
      end
      value
    {% else %}
      name = decoder.read_string
      parse?(name) || raise unknown.call(name.inspect)
    {% end %}
  end
end

# Tag 0, text of RFC 3339, or tag 1, seconds since 1970.
def Time.new(decoder : CBOR::Decoder)
  start = decoder.pos
  CBOR.time(decoder) do
    decoder.nest do
      case tag = decoder.read_tag
      when 0 then Time::Format::RFC_3339.parse(decoder.read_string)
      when 1 then CBOR.epoch(decoder)
      else        raise CBOR::ParseError.new("tag #{tag} is no time", start)
      end
    end
  end
end

module CBOR
  # :nodoc:
  # Reads a time with the block, which may find that there is no such time.
  def self.time(decoder : Decoder, & : -> Time) : Time
    start = decoder.pos
    begin
      yield
    rescue error : Time::Format::Error | ArgumentError | OverflowError
      raise ParseError.new("a time that cannot be: #{error.message}", start, error)
    end
  end

  # :nodoc:
  # Seconds since 1970, as an integer or a float, to the microsecond: more a float of today does not say.
  def self.epoch(decoder : Decoder) : Time
    return Time.unix(Int64.new(decoder)) if decoder.kind.int?
    seconds = decoder.read_float
    raise ArgumentError.new("not finite") unless seconds.finite?
    whole = seconds.floor
    Time.unix(whole.to_i64) + ((seconds - whole) * 1_000_000).round.to_i64.microseconds
  end
end

# The first of the types that the next item can be: those that its kind names, then the others in their order.
def Union.new(decoder : CBOR::Decoder)
  {% begin %}
    start = decoder.pos
    kind = decoder.kind
    {% if T.includes?(Nil) %} return decoder.read_null if kind.null? {% end %}
    {% if T.includes?(Bool) %} return decoder.read_bool if kind.bool? {% end %}
    {% if T.includes?(String) %} return decoder.read_string if kind.string? {% end %}
    {% if T.includes?(Bytes) %} return decoder.read_bytes if kind.bytes? {% end %}
    {% ints = [Int64, UInt64, Int32, UInt32, Int16, UInt16, Int8, UInt8, Int128, UInt128].select { |type| T.includes?(type) } %}
    {% floats = [Float64, Float32].select { |type| T.includes?(type) } %}
    {% for type in ints %}
      value = kind.int? ? decoder.try? { {{type}}.new(decoder) } : nil
      return value unless value.nil?
    {% end %}
    {% rest = T.reject { |type| [Nil, Bool, String, Bytes].includes?(type) || ints.includes?(type) || floats.includes?(type) } + floats %}
    {% if rest.size == 1 %}
      # No other can be meant: its error says more.
      {{rest[0]}}.new(decoder)
    {% else %}
      {% for type in rest %}
        value = decoder.try? { {{type}}.new(decoder) }
        return value unless value.nil?
      {% end %}
      raise CBOR::ParseError.new("no #{self}", start)
    {% end %}
  {% end %}
end
