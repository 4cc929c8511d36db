require "../cbor/cbor"
require "./sending"

# The base of messages whose payload is CBOR; otherwise as `IPC::JSON`.
class IPC::CBOR
  include ::CBOR::Serializable

  # The user type of its messages; -1 unless a class sets it.
  class_getter type : Int32 = -1

  # What a client gives a request, and gets back in the answer.
  property id : ::CBOR::Any?

  def initialize
  end

  # The user type of this message.
  def type : Int32
    @@type
  end

  # What a service does with such a message, by convention: see `IPC::JSON#handle`.
  def handle(*arguments, **options)
    raise Exception.new("#{self.class} has no method that handles it")
  end

  # Defines the class *name* of messages with the user type *number*; the block has its properties and methods.
  macro message(name, number, &block)
    class {{name}} < ::IPC::CBOR
      include ::CBOR::Serializable

      @@type = {{number}}

      def type : Int32
        @@type
      end

      {% if block %}
        {{block.body}}
      {% else %}
        def initialize
        end
      {% end %}
    end
  end
end

class IPC::Context
  {% for name in %w(send send_now) %}
    # A message of a class with a user type.
    def {{name.id}}(fd : Int32, message : IPC::CBOR) : Nil
      {{name.id}} fd, message.type.to_u8, message.to_cbor
    end
  {% end %}
end

class IPC::Client
  {% for name in %w(send send_now) %}
    # :ditto:
    def {{name.id}}(message : IPC::CBOR) : Nil
      {{name.id}} fd, message
    end
  {% end %}
end

class Array(T)
  # Finds the class of a message by its user type, and reads it.
  def parse_ipc_cbor(message : IPC::Message)
    found = find { |type| type.type == message.utype } || raise IPC::Exception.new("invalid message type (#{message.utype})")
    found.from_cbor(message.payload)
  end
end
