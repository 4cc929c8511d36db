require "./message"

# What `IPC::Context#wait_event` gives.
module IPC::Event
  # The time is up.
  class Timer
  end

  {% for event in [
                    {"EventNotSet", "Nothing that a program has to do with."},
                    {"ExtraSocket", "A descriptor that the program has added is readable; the program reads it."},
                    {"Connection", "A client was accepted."},
                    {"Disconnection", "A peer has left. Of two switched ends, this one has: the program closes both."},
                    {"Switch", "A message went from this switched end to the other one."},
                    {"LookUp", "Never sent."},
                    {"MessageSent", "A queued message has been given to the kernel."},
                  ] %}
    # {{event[1].id}}
    class {{event[0].id}}
      # The descriptor that the event is about.
      getter fd : Int32

      # Its place in the context at that moment.
      getter index : UInt32

      def initialize(@fd, @index)
      end
    end
  {% end %}

  # `IPC::Context#wake` was called.
  class Wake < EventNotSet
  end

  # A peer broke the protocol, or its socket failed. It is no longer in the context.
  class Error
    getter fd : Int32
    getter index : UInt32

    # Why, in the library's words, or those of an exception in a switching callback.
    getter reason : String

    def initialize(@fd, @index, @reason = "")
    end
  end

  # A whole message came.
  class MessageReceived
    getter fd : Int32
    getter index : UInt32
    getter message : IPC::Message

    # :nodoc:
    def initialize(@fd, @index, @message, @handle : Handle? = nil, @token = 0_u64)
    end

    # The descriptor that came with the message, which is the caller's then: -1 when there is none. It must be taken before the next
    # wait on the context, which closes what nobody has taken. See `IPC::Context#accept_descriptors`.
    def take_fd : Int32
      @handle.try(&.take(@token)) || -1
    end

    # The same as an IO. Of what is no file, Crystal sets O_NONBLOCK: the peer's copy has that too, then.
    def take_descriptor : IO::FileDescriptor?
      fd = take_fd
      IO::FileDescriptor.new(fd) if fd >= 0
    end
  end

  alias Events = Timer | EventNotSet | Error | ExtraSocket | Switch | Connection | Disconnection | MessageReceived | LookUp | MessageSent
end
