require "./big"

module CBOR
  # Any data item.
  #
  # ```
  # reply = CBOR.parse(bytes)
  # reply["names"][0].as_s
  # ```
  def self.parse(bytes_or_io : Bytes | String | IO, **limits) : Any
    Any.from_cbor(bytes_or_io, **limits)
  end

  # The value that is neither null nor a value.
  struct Undefined
    def to_cbor(encoder : Encoder) : Nil
      encoder.undefined
    end
  end

  # A simple value that is no bool, null or undefined: a number of its own kind.
  record Simple, number : UInt8 do
    def to_cbor(encoder : Encoder) : Nil
      encoder.simple(number)
    end
  end

  # A tag and its item. Bignums (tags 2 and 3) are integers instead.
  class Tagged
    getter number : UInt64
    getter value : Any

    def initialize(@number, @value)
    end

    def_equals_and_hash number, value

    def to_cbor(encoder : Encoder) : Nil
      encoder.tag(number) { value.to_cbor(encoder) }
    end
  end
end

# A data item of a type that is known at run time only, as `JSON::Any`.
struct CBOR::Any
  # What it may be. Each integer is of the first of the three types that can hold it.
  alias Type = Nil | Bool | Int64 | UInt64 | BigInt | Float64 | String | Bytes | Array(Any) | Hash(Any, Any) | Tagged | Simple | Undefined

  # The value itself.
  getter raw : Type

  def initialize(raw : Type)
    @raw =
      case raw
      when BigInt, UInt64
        if Int64::MIN <= raw <= Int64::MAX
          raw.to_i64
        else
          0 <= raw <= UInt64::MAX ? raw.to_u64 : raw
        end
      else raw
      end
  end

  # Integers and floats of other types, and times.
  def self.new(raw : Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32)
    new(raw.to_i64)
  end

  # :ditto:
  def self.new(raw : Int128 | UInt128)
    Int64::MIN <= raw <= Int64::MAX ? new(raw.to_i64) : new(raw.to_big_i)
  end

  # :ditto:
  def self.new(raw : Float32)
    new(raw.to_f64)
  end

  # :ditto:
  def self.new(raw : Time)
    from_cbor(raw.to_cbor)
  end

  def self.new(decoder : Decoder)
    case decoder.kind
    when .int?       then decoder.bignum? ? new(BigInt.new(decoder)) : new(decoder.read_int)
    when .bytes?     then new(decoder.read_bytes)
    when .string?    then new(decoder.read_string)
    when .array?     then new(Array(Any).new(decoder))
    when .map?       then new(Hash(Any, Any).new(decoder))
    when .tag?       then decoder.nest { new(Tagged.new(decoder.read_tag, new(decoder))) }
    when .float?     then new(decoder.read_float)
    when .bool?      then new(decoder.read_bool)
    when .null?      then new(decoder.read_null)
    when .simple?    then new(Simple.new(decoder.read_simple))
    when .undefined? then decoder.read_undefined; new(Undefined.new)
    else                  raise decoder.unexpected("an item")
    end
  end

  def to_cbor(encoder : Encoder) : Nil
    raw.to_cbor(encoder)
  end

  # The item at this place of an array, or with this key in a map.
  def [](key) : Any
    self[key]? || raise KeyError.new("no item #{key.inspect}")
  end

  # The same; `nil` where there is none.
  def []?(key) : Any?
    case value = raw
    when Array
      return value[key]? if key.is_a?(Int)
    when Hash
      return value[key.is_a?(Any) ? key : Any.new(key)]?
    end
    raise TypeCastError.new("#{value.class} has no item #{key.inspect}")
  end

  # Follows a path of keys and places.
  def dig?(key) : Any?
    self[key]?
  end

  # :ditto:
  def dig?(key, *path) : Any?
    self[key]?.try &.dig?(*path)
  end

  # The number of items of an array or a map.
  def size : Int32
    case value = raw
    when Array, Hash then value.size
    else                  raise TypeCastError.new("#{value.class} has no size")
    end
  end

  # The value as one of these types: a `TypeCastError` for another one, or `nil` with a question mark. An integer that is too large is an
  # `OverflowError`.
  {% for name, type in {"nil" => Nil, "bool" => Bool, "s" => String, "bytes" => Bytes, "a" => "Array(Any)".id,
                        "h" => "Hash(Any, Any)".id} %}
    def as_{{name.id}} : {{type}}
      raw.as({{type}})
    end

    {% unless name == "nil" %}
      # :ditto:
      def as_{{name.id}}? : {{type}}?
        raw.as?({{type}})
      end
    {% end %}
  {% end %}

  {% for name, method in {"i" => "to_i32", "i64" => "to_i64", "u64" => "to_u64", "big_i" => "to_big_i"} %}
    # :ditto:
    def as_{{name.id}}
      raw.as(Int).{{method.id}}
    end

    # :ditto:
    def as_{{name.id}}?
      raw.as?(Int).try &.{{method.id}}
    end
  {% end %}

  # The float, or the integer as one.
  def as_f : Float64
    raw.as(Int64 | UInt64 | BigInt | Float64).to_f64
  end

  # :ditto:
  def as_f? : Float64?
    raw.as?(Int64 | UInt64 | BigInt | Float64).try &.to_f64
  end

  # The moment that is tagged as one (tags 0 and 1).
  def as_time : Time
    Time.from_cbor(raw.as(Tagged).to_cbor)
  end

  # :ditto:
  def as_time? : Time?
    tagged = raw.as?(Tagged)
    Time.from_cbor(tagged.to_cbor) if tagged && tagged.number <= 1
  end

  # Integers are never equal to floats here: they are different keys of a map.
  def ==(other : Any) : Bool
    raw.is_a?(Float64) == other.raw.is_a?(Float64) && raw == other.raw
  end

  def ==(other) : Bool
    raw == other
  end

  def_hash raw

  def inspect(io : IO) : Nil
    raw.inspect(io)
  end

  def to_s(io : IO) : Nil
    raw.to_s(io)
  end
end

class Object
  def ===(other : CBOR::Any)
    self === other.raw
  end
end
