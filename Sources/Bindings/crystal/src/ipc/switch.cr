require "weak_ref"
require "./context"

# Pairs of descriptors whose messages go from one to the other: those of a context, or a table of its own.
class IPC::Switch
  # What a callback for reading answers: what goes to the other end, or why nothing does.
  alias Incoming = Message | Array(Message) | LibIPC::IPCCB

  # :nodoc:
  # How one end is read and written. It belongs to the context, whose procs may refer to it: so it goes with the context.
  class Callbacks
    getter read : Proc(Int32, Incoming)
    getter write : Proc(Message, LibIPC::IPCCB)
    getter rest = Deque(Message).new

    def initialize(@read, @write)
    end
  end

  # Of all contexts: a descriptor is in one pair.
  @@callbacks = {} of Int32 => WeakRef(Callbacks)
  @@failures = {} of Int32 => String

  @table = LibIPC::Switchings.new

  # :nodoc:
  def initialize(@handle : Handle? = nil)
  end

  # The table, for functions of the library.
  def pointer : Pointer(LibIPC::Switchings)
    handle = @handle
    return pointerof(@table) unless handle
    (handle.ctx.as(UInt8*) + offsetof(LibIPC::Ctx, @switchdb)).as(LibIPC::Switchings*)
  end

  # Ties two descriptors. In a service both are entries; see `Context#switch`.
  def add(fd1 : Int32, fd2 : Int32) : Nil
    handle = @handle
    handle ? LibIPC.ipc_ctx_switching_add(handle.ctx, fd1, fd2) : LibIPC.ipc_switching_add(pointer, fd1, fd2)
  end

  # Unties the pair of *fd*. Returns the other end, or -1.
  def del(fd : Int32) : Int32
    handle = @handle
    other = handle ? LibIPC.ipc_ctx_switching_del(handle.ctx, fd) : LibIPC.ipc_switching_del(pointer, fd)
    {fd, other}.each { |one| Switch.forget one }
    other
  end

  # The other end of the pair, or -1.
  def [](fd : Int32) : Int32
    LibIPC.ipc_switching_get(pointer, fd)
  end

  # Unties all pairs.
  def close : Nil
    LibIPC.ipc_switching_free(pointer)
  end

  # Prints the pairs.
  def print : Nil
    LibIPC.ipc_switching_print(pointer)
  end

  def finalize
    LibIPC.ipc_switching_free(pointerof(@table))
  end

  # :nodoc:
  def self.set(ctx, fd, callbacks) : Nil
    other = LibIPC.ipc_switching_get((ctx.as(UInt8*) + offsetof(LibIPC::Ctx, @switchdb)).as(LibIPC::Switchings*), fd)
    raise Exception.new("the descriptor #{fd} is in no pair") if other < 0
    @@callbacks[fd] = WeakRef.new(callbacks)
    LibIPC.ipc_switching_callbacks(ctx, fd, ->(at, m, more) { Switch.read(at, m, more) }, ->(at, m) { Switch.write(at, m) })
  end

  # :nodoc:
  # This descriptor is in no pair any more.
  def self.forget(fd : Int32) : Nil
    @@callbacks.delete fd
  end

  private def self.callbacks(fd) : Callbacks
    @@callbacks[fd].value.not_nil!
  end

  # :nodoc:
  # The exception that a callback of *fd* has raised.
  def self.failure?(fd : Int32) : String?
    @@failures.delete fd
  end

  # :nodoc:
  def self.read(fd : Int32, m : LibIPC::Message*, more : LibC::Short*) : LibIPC::IPCCB
    guard(fd) do
      callbacks = callbacks(fd)
      if callbacks.rest.empty?
        answer = callbacks.read.call(fd)
        return answer if answer.is_a?(LibIPC::IPCCB)
        answer.is_a?(Message) ? callbacks.rest << answer : callbacks.rest.concat(answer)
      end
      message = callbacks.rest.shift?
      more.value = callbacks.rest.empty? ? 0_i16 : 1_i16
      message.try &.copy_to_message_pointer(m)
      message ? LibIPC::IPCCB::NoError : LibIPC::IPCCB::Ignore
    end
  end

  # :nodoc:
  def self.write(fd : Int32, m : LibIPC::Message*) : LibIPC::IPCCB
    guard(fd) { callbacks(fd).write.call(Message.new(m)) }
  end

  # An exception must not go through the library: it becomes the end's failure.
  private def self.guard(fd, &)
    yield
  rescue error
    @@failures[fd] = "#{error.class}: #{error.message}"
    LibIPC::IPCCB::FdError
  end
end

class IPC::Context
  @switch_callbacks = {} of Int32 => Switch::Callbacks

  # Ties two descriptors of the context, one to the other: what comes from one goes to the other, by itself. Those that are no entries
  # yet become such. `#close` closes both.
  def switch(fd1 : Int32, fd2 : Int32) : Nil
    {fd1, fd2}.each do |fd|
      next if LibIPC.ipc_ctx_fd_type(pointer, fd, LibIPC::ConnectionType::Switched) == 0
      LibIPC.ipc_add_fd_switched(pointer, fd).check("cannot switch the descriptor #{fd}")
    end
    LibIPC.ipc_ctx_switching_add(pointer, fd1, fd2)
  end

  # Says how the end *fd* of a pair is read and written, when it does not speak in messages. *read* gets the descriptor, which is
  # readable, and returns a `Message` or an array of them for the other end, or a `LibIPC::IPCCB` that says why there is none. *write*
  # gets a `Message`, writes it, and returns how that went. Neither may wait. An exception is an `Event::Error` of that end.
  def switch_callbacks(fd : Int32, read : Proc(Int32, R), write : Proc(IPC::Message, LibIPC::IPCCB)) : Nil forall R
    callbacks = Switch::Callbacks.new(->(at : Int32) { read.call(at).as(Switch::Incoming) }, write)
    Switch.set pointer, fd, callbacks
    @switch_callbacks[fd] = callbacks
  end

  # An end of a pair has gone, and the pair with it.
  private def forget_pair(fd) : Nil
    Switch.forget fd
    @switch_callbacks.delete fd
  end
end
