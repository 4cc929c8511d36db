# CBOR (RFC 8949): an encoder that writes each value in the one deterministic form of its section 4.2.1, a decoder that
# reads all well-formed data items within limits, and mappings to Crystal's types and to classes of a program.
#
# ```
# require "ipc/cbor"
#
# {"temperature" => 21.5, "unit" => "°C"}.to_cbor # => Bytes[162, 100, ...]
# Array(Int32).from_cbor(Bytes[0x82, 0x01, 0x02]) # => [1, 2]
# CBOR.parse(bytes)["temperature"].as_f           # => 21.5
# ```
module CBOR
  # How deep arrays, maps and tags may lie in each other, as `JSON::Builder` and `JSON::PullParser` have it.
  MAX_NESTING = 512

  # What all errors of this module are.
  class Error < ::Exception
  end

  # A value that has no form in CBOR: text that is not UTF-8, a cycle, the same key twice.
  class EncodeError < Error
  end

  # Bytes that are no well-formed CBOR, or that are another thing than the program asked for.
  class ParseError < Error
    # Where in the bytes the data item begins that was refused.
    getter offset : Int32

    def initialize(message, @offset : Int32, cause = nil)
      super("#{message} at byte #{@offset}", cause)
    end

    # :nodoc:
    def initialize(*, located message : String, @offset : Int32, cause)
      super(message, cause)
    end
  end

  # A `ParseError` on the way to an object of a class with `CBOR::Serializable`.
  class SerializableError < ParseError
    # The class.
    getter klass : String

    # The key, `nil` when it is about the whole map.
    getter attribute : String?

    def initialize(message, @klass : String, @attribute : String?, offset, cause = nil)
      # The text of a cause has the place already.
      message = "#{message} at byte #{offset}" unless cause
      super(located: "#{message}\n  parsing #{@klass}#{"##{@attribute}" if @attribute}", offset: offset, cause: cause)
    end
  end
end
