require "c/sys/socket"
require "./exception"

# :nodoc:
lib LibIPCHandle
  # What belongs to a context in C: no garbage collector looks into it or moves it.
  struct Block
    ctx : LibIPC::Ctx
    event : LibIPC::Event
    previous : Block*
    following : Block*
  end
end

# :nodoc:
# Owns a `struct ipc_ctx`, and frees it when it is collected. It refers to nothing, and so no cycle of a program's objects
# can keep it from being finalized. All handles are in a list, for the end of the program: then what is queued is offered to
# the kernel, and the services' socket files go. The list does not keep a handle alive.
class IPC::Handle
  @@first = Pointer(LibIPCHandle::Block).null
  @@lock = Atomic(Int32).new(0)
  at_exit { close_all }

  @block : LibIPCHandle::Block*

  # The descriptor that came with the last event and that nobody has taken: its number and one more, below the number of the wait.
  @untaken = Atomic(UInt64).new(0_u64)
  @waits = 0_u64

  def initialize
    @block = LibC.malloc(sizeof(LibIPCHandle::Block)).as(LibIPCHandle::Block*)
    @block.clear
    Handle.locked do
      @block.value.following = @@first
      @@first.value.previous = @block unless @@first.null?
      @@first = @block
    end
  end

  # The context. It stays where it is for as long as the handle lives, closed or not.
  def ctx : LibIPC::Ctx*
    @block.as(LibIPC::Ctx*)
  end

  # The event of the last wait.
  def event : LibIPC::Event*
    (@block.as(UInt8*) + offsetof(LibIPCHandle::Block, @event)).as(LibIPC::Event*)
  end

  # Counts a wait. What came with the event before, and nobody has taken, is closed: it may be a socket whose close(2) waits.
  def begin_wait : Nil
    @waits += 1
    untaken = @untaken.swap(0_u64)
    return if untaken == 0
    fd = (untaken & UInt32::MAX).to_i32 - 1
    linger = LibC::Linger.new
    LibC.setsockopt(fd, LibC::SOL_SOCKET, LibC::SO_LINGER, pointerof(linger).as(Void*), sizeof(LibC::Linger))
    LibC.close(fd)
  end

  # Keeps the descriptor of the event until the next wait. Returns what `#take` wants for it; 0 when there is none.
  def keep_descriptor : UInt64
    fd = LibIPC.ipc_event_take_fd(event)
    return 0_u64 if fd < 0
    token = (@waits << 32) | (fd + 1)
    @untaken.set(token)
    token
  end

  # The descriptor, if it is still there; else -1.
  def take(token : UInt64) : Int32
    token != 0 && @untaken.compare_and_set(token, 0_u64)[1] ? (token & UInt32::MAX).to_i32 - 1 : -1
  end

  # Closes all connections, and frees what the library holds. The context is empty then, and can be used again.
  def close : Nil
    begin_wait
    LibIPC.ipc_close_all(ctx).ignore
    m = event.value.m
    unless m.null?
      LibC.free(m.value.payload.as(Void*))
      LibC.free(m.as(Void*))
    end
    event.clear
    LibIPC.ipc_ctx_free(ctx)
  end

  def finalize
    Handle.locked do
      previous, following = @block.value.previous, @block.value.following
      previous.null? ? (@@first = following) : (previous.value.following = following)
      following.value.previous = previous unless following.null?
    end
    close
    LibC.free(@block.as(Void*))
  end

  # Nothing is allocated under the lock: a collection would run finalizers, which take it too.
  def self.locked(&)
    until @@lock.compare_and_set(0, 1)[1]
    end
    yield
    @@lock.set(0)
  end

  private def self.close_all
    block = @@first
    until block.null?
      LibIPC.ipc_close_all(block.as(LibIPC::Ctx*)).ignore
      block = block.value.following
    end
  end
end
