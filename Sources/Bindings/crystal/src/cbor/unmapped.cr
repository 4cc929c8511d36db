require "./any"
require "./serializable"

module CBOR::Serializable
  # Keeps what has keys that are not known, and writes it again.
  module Unmapped
    @[CBOR::Field(ignore: true)]
    {% if @top_level.has_constant?("JSON") %}
      @[JSON::Field(ignore: true)]
    {% end %}
    property cbor_unmapped = Hash(CBOR::Any, CBOR::Any).new

    protected def on_unknown_cbor_attribute(decoder, key, key_start)
      keep CBOR::Any.new(key), decoder, key_start
    end

    protected def on_unknown_cbor_key(decoder, key_start)
      keep CBOR::Any.new(decoder), decoder, key_start
    end

    private def keep(key, decoder, key_start)
      raise CBOR::SerializableError.new("the key #{key.inspect} twice", self.class.to_s, nil, key_start) if cbor_unmapped.has_key?(key)
      cbor_unmapped[key] = CBOR::Any.new(decoder)
    end

    protected def on_to_cbor(encoder : CBOR::Encoder)
      cbor_unmapped.each { |key, value| encoder.field(key, value) }
    end
  end

  # Reads the class that the value of *field* names, of those in *mapping*: a hash or a named tuple.
  #
  # ```
  # abstract class Shape
  #   include CBOR::Serializable
  #
  #   use_cbor_discriminator "type", {point: Point, circle: Circle}
  #   property type : String
  # end
  # ```
  macro use_cbor_discriminator(field, mapping)
    {% unless mapping.is_a?(HashLiteral) || mapping.is_a?(NamedTupleLiteral) %}
      {% mapping.raise "the mapping must be a hash or a named tuple, not #{mapping.class_name.id}" %}
    {% end %}

    def self.new(decoder : ::CBOR::Decoder)
      start = decoder.pos
      value = decoder.peek { decoder.on_key!({{field.id.stringify}}) { ::CBOR::Any.new(decoder) } }
      case value.raw
      {% for key, type in mapping %}
      when {{mapping.is_a?(NamedTupleLiteral) ? key.id.stringify : key}} then {{type.id}}.new(decoder)
      {% end %}
      else
        raise ::CBOR::SerializableError.new("unknown value #{value.inspect}", to_s, {{field.id.stringify}}, start)
      end
    end
  end
end
