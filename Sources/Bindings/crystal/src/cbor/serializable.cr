require "./to_cbor"
require "./from_cbor"

module CBOR
  # Says how an instance variable is read and written: the options of `JSON::Field`, with the same meaning.
  #
  # * **ignore**: neither read nor written
  # * **ignore_serialize**: not written; may be an expression that is evaluated for each object
  # * **ignore_deserialize**: not read
  # * **key**: the key in the map; by default the variable's name
  # * **root**: the value lies in a map of its own, under this key
  # * **converter**: reads and writes it: has `from_cbor(decoder)` and `to_cbor(value, encoder)`
  # * **presence**: `@{name}_present` becomes whether the key was there
  # * **emit_null**: nil is written as null; by default there is no entry for nil
  annotation Field
  end

  # Reads and writes the instance variables of a class as a map, as `JSON::Serializable` does. Both may be included in one class.
  #
  # ```
  # class Location
  #   include CBOR::Serializable
  #
  #   @[CBOR::Field(key: "lat")]
  #   property latitude : Float64
  #   property name : String?
  # end
  #
  # Location.from_cbor({"lat" => 12.3}.to_cbor).latitude # => 12.3
  # ```
  #
  # Keys that are not known are passed over; those of `CBOR::Serializable::Strict` raise, those of
  # `CBOR::Serializable::Unmapped` are kept. A key that comes twice is an error. The method `after_initialize` runs when an object was read.
  module Serializable
    # For a class: `emit_nulls: true` writes every nil.
    annotation Options
    end

    macro included
      def self.new(decoder : ::CBOR::Decoder)
        new_from_cbor_decoder(decoder)
      end

      private def self.new_from_cbor_decoder(decoder : ::CBOR::Decoder)
        instance = allocate
        instance.initialize(__decoder_for_cbor_serializable: decoder)
        GC.add_finalizer(instance) if instance.responds_to?(:finalize)
        instance
      end

      # A type that inherits has other constructors, beside which this one counts too.
      macro inherited
        def self.new(decoder : ::CBOR::Decoder)
          new_from_cbor_decoder(decoder)
        end
      end
    end

    def initialize(*, __decoder_for_cbor_serializable decoder : ::CBOR::Decoder)
      {% begin %}
        {% properties = {} of Nil => Nil %}
        {% for ivar in @type.instance_vars %}
          {% ann = ivar.annotation(::CBOR::Field) %}
          {% unless ann && (ann[:ignore] || ann[:ignore_deserialize]) %}
            {%
              properties[ivar.id] = {
                type:        ivar.type,
                key:         ((ann && ann[:key]) || ivar).id.stringify,
                has_default: ivar.has_default_value?,
                default:     ivar.default_value,
                nilable:     ivar.type.nilable?,
                root:        ann && ann[:root],
                converter:   ann && ann[:converter],
                presence:    ann && ann[:presence],
              }
            %}
          {% end %}
        {% end %}

        {% for name, value in properties %}
          %var{name} = nil
          %found{name} = false
        {% end %}

        %start = decoder.pos
        unless decoder.kind.map?
          raise ::CBOR::SerializableError.new("no map but #{decoder.kind.to_s.downcase}", self.class.to_s, nil, %start)
        end
        decoder.read_map do
          %key_start = decoder.pos
          if !decoder.kind.string?
            on_unknown_cbor_key(decoder, %key_start)
          else
            %key = decoder.read_string
            case %key
            {% for name, value in properties %}
            when {{value[:key]}}
              raise ::CBOR::SerializableError.new("the key twice", self.class.to_s, {{value[:key]}}, %key_start) if %found{name}
              %found{name} = true
              begin
                %var{name} =
                  {% if value[:nilable] || value[:has_default] %} decoder.read_null_or { {% end %}
                  {% if value[:root] %} decoder.on_key!({{value[:root]}}) { {% end %}
                  {% if value[:converter] %}
                    {{value[:converter]}}.from_cbor(decoder)
                  {% else %}
                    ::Union({{value[:type]}}).new(decoder)
                  {% end %}
                  {% if value[:root] %} } {% end %}
                  {% if value[:nilable] || value[:has_default] %} } {% end %}
              rescue %error : ::CBOR::ParseError
                raise ::CBOR::SerializableError.new(%error.message, self.class.to_s, {{value[:key]}}, %error.offset, %error)
              end
            {% end %}
            else
              on_unknown_cbor_attribute(decoder, %key, %key_start)
            end
          end
        end

        {% for name, value in properties %}
          {% unless value[:nilable] || value[:has_default] %}
            if %var{name}.nil? && !%found{name} && !::Union({{value[:type]}}).nilable?
              raise ::CBOR::SerializableError.new("missing key: {{value[:key].id}}", self.class.to_s, nil, %start)
            end
          {% end %}

          {% if value[:nilable] %}
            {% if value[:has_default] != nil %}
              @{{name}} = %found{name} ? %var{name} : {{value[:default]}}
            {% else %}
              @{{name}} = %var{name}
            {% end %}
          {% elsif value[:has_default] %}
            if %found{name} && !%var{name}.nil?
              @{{name}} = %var{name}
            end
          {% else %}
            @{{name}} = (%var{name}).as({{value[:type]}})
          {% end %}

          {% if value[:presence] %}
            @{{name}}_present = %found{name}
          {% end %}
        {% end %}
      {% end %}
      after_initialize
    end

    protected def after_initialize
    end

    protected def on_unknown_cbor_attribute(decoder, key, key_start)
      decoder.skip
    end

    # A key that is no text: no variable can have it.
    protected def on_unknown_cbor_key(decoder, key_start)
      2.times { decoder.skip }
    end

    protected def on_to_cbor(encoder : ::CBOR::Encoder)
    end

    def to_cbor(encoder : ::CBOR::Encoder) : Nil
      {% begin %}
        {% options = @type.annotation(::CBOR::Serializable::Options) %}
        {% emit_nulls = options && options[:emit_nulls] %}
        encoder.map do
          {% for ivar in @type.instance_vars %}
            {% ann = ivar.annotation(::CBOR::Field) %}
            {% unless ann && (ann[:ignore] || ann[:ignore_serialize] == true) %}
              {% key = ((ann && ann[:key]) || ivar).id.stringify %}
              {% emit_null = ann && ann[:emit_null] != nil ? ann[:emit_null] : emit_nulls %}
              %value = @{{ivar.id}}
              {% if ann && ann[:ignore_serialize] %} unless {{ann[:ignore_serialize]}} {% end %}
              {% unless emit_null %} unless %value.nil? {% end %}
              encoder.field({{key}}) do
                {% if ann && ann[:root] %}
                  if %value.nil?
                    encoder.null
                  else
                    encoder.map { encoder.field({{ann[:root]}}) {
                {% end %}
                {% if ann && ann[:converter] %}
                  %value.nil? ? encoder.null : {{ann[:converter]}}.to_cbor(%value, encoder)
                {% else %}
                  %value.to_cbor(encoder)
                {% end %}
                {% if ann && ann[:root] %} } } end {% end %}
              end
              {% unless emit_null %} end {% end %}
              {% if ann && ann[:ignore_serialize] %} end {% end %}
            {% end %}
          {% end %}
          on_to_cbor(encoder)
        end
      {% end %}
    end

    # Raises for keys that are not known.
    module Strict
      protected def on_unknown_cbor_attribute(decoder, key, key_start)
        raise ::CBOR::SerializableError.new("unknown key: #{key}", self.class.to_s, nil, key_start)
      end

      protected def on_unknown_cbor_key(decoder, key_start)
        raise ::CBOR::SerializableError.new("unknown key, which is no text", self.class.to_s, nil, key_start)
      end
    end
  end
end
