require "./encoder"

class Object
  # The bytes of this value, in CBOR's deterministic form.
  def to_cbor : Bytes
    CBOR.build { |encoder| to_cbor(encoder) }
  end

  # Writes them to *io*.
  def to_cbor(io : IO) : Nil
    io.write to_cbor
  end
end

struct Nil
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.null
  end
end

struct Bool
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.bool(self)
  end
end

struct Int
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.int(self)
  end
end

struct Float
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.float(self)
  end
end

class String
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.string(self)
  end
end

struct Symbol
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.string(to_s)
  end
end

struct Char
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.string(to_s)
  end
end

struct Path
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.string(to_s)
  end
end

struct Slice(T)
  # `Bytes` are a byte string, other slices arrays.
  def to_cbor(encoder : CBOR::Encoder) : Nil
    {% if T == UInt8 %}
      encoder.bytes(self)
    {% else %}
      encoder.array(size) { each &.to_cbor(encoder) }
    {% end %}
  end
end

{% for type in {"class Array", "class Deque", "struct Set", "struct StaticArray"} %}
  {{type.id}}
    def to_cbor(encoder : CBOR::Encoder) : Nil
      encoder.array(size) { each &.to_cbor(encoder) }
    end
  end
{% end %}

class Hash
  # A map, with keys of any type.
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.map do
      each { |key, value| encoder.field(key, value) }
    end
  end
end

struct Tuple
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.array({{T.size}}) do
      {% for i in 0...T.size %}
        self[{{i}}].to_cbor(encoder)
      {% end %}
    end
  end
end

struct NamedTuple
  def to_cbor(encoder : CBOR::Encoder) : Nil
    encoder.map do
      {% for key in T.keys %}
        encoder.field({{key.stringify}}, self[{{key.symbolize}}])
      {% end %}
    end
  end
end

struct Enum
  # The member's name, as `to_json` has it; an array of names where the enum has `@[Flags]`.
  def to_cbor(encoder : CBOR::Encoder) : Nil
    {% if @type.annotation(Flags) %}
      members = [] of String
      each { |member, _value| members << member.to_s.underscore }
      members.to_cbor(encoder)
    {% else %}
      encoder.string(to_s.underscore)
    {% end %}
  end
end

struct Time
  # Tag 0, date and time as text (RFC 3339) in UTC, with as many digits of the second as are needed.
  def to_cbor(encoder : CBOR::Encoder) : Nil
    digits = {0, 3, 6, 9}.find! { |count| nanosecond.divisible_by?(10 ** (9 - count)) }
    encoder.tag(0) { encoder.string(to_rfc3339(fraction_digits: digits)) }
  end
end
