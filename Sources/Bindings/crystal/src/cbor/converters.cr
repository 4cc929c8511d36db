require "json"
require "./to_cbor"
require "./from_cbor"

# Reads and writes the items of an array with *Converter*.
module CBOR::ArrayConverter(Converter)
  def self.from_cbor(decoder : CBOR::Decoder)
    items = Array(typeof(Converter.from_cbor(decoder))).new
    decoder.read_array { items << Converter.from_cbor(decoder) }
    items
  end

  def self.to_cbor(items : Array, encoder : CBOR::Encoder)
    encoder.array(items.size) { items.each { |item| Converter.to_cbor(item, encoder) } }
  end
end

# Reads and writes the values of a map with *Converter*; the keys are text.
module CBOR::HashValueConverter(Converter)
  def self.from_cbor(decoder : CBOR::Decoder)
    hash = Hash(String, typeof(Converter.from_cbor(decoder))).new
    decoder.read_map_of_strings { |key| hash[key] = Converter.from_cbor(decoder) }
    hash
  end

  def self.to_cbor(hash : Hash, encoder : CBOR::Encoder)
    encoder.map { hash.each { |key, value| encoder.field(key) { Converter.to_cbor(value, encoder) } } }
  end
end

# Keeps a data item as the bytes that it is.
module CBOR::RawConverter
  def self.from_cbor(decoder : CBOR::Decoder) : Bytes
    decoder.read_raw.dup
  end

  def self.to_cbor(value : Bytes, encoder : CBOR::Encoder)
    encoder.raw value
  end
end

# Seconds since 1970 under tag 1; reads also those without a tag.
module Time::EpochConverter
  def self.from_cbor(decoder : CBOR::Decoder) : Time
    CBOR.time(decoder) { decoder.kind.tag? ? Time.new(decoder) : Time.unix(Int64.new(decoder)) }
  end

  def self.to_cbor(value : Time, encoder : CBOR::Encoder)
    encoder.tag(1) { encoder.int(value.to_unix) }
  end
end

# Milliseconds since 1970, without a tag: none says that.
module Time::EpochMillisConverter
  def self.from_cbor(decoder : CBOR::Decoder) : Time
    CBOR.time(decoder) { Time.unix_ms(Int64.new(decoder)) }
  end

  def self.to_cbor(value : Time, encoder : CBOR::Encoder)
    encoder.int(value.to_unix_ms)
  end
end

# Text in a format of the program's.
struct Time::Format
  def from_cbor(decoder : CBOR::Decoder) : Time
    CBOR.time(decoder) { parse(decoder.read_string, Time::Location::UTC) }
  end

  def to_cbor(value : Time, encoder : CBOR::Encoder)
    encoder.string(format(value))
  end
end

# A member by its value instead of its name.
module Enum::ValueConverter(T)
  def self.from_cbor(decoder : CBOR::Decoder) : T
    raise decoder.unexpected("an integer") unless decoder.kind.int?
    T.new(decoder)
  end

  def self.to_cbor(value : T, encoder : CBOR::Encoder)
    encoder.int(value.value)
  end
end
