require "./event"
require "./handle"
require "./readiness"

# A process, as `IPC::Context#peer` tells of it.
record IPC::Peer, uid : UInt32, gid : UInt32, pid : Int32

# What a program listens to and talks with: services of its own, connections to others, and descriptors that it watches.
#
# A wait lets the other fibers run. When nothing refers to a context any more it closes itself; at the end of the program all do.
class IPC::Context
  # Milliseconds until a `Timer` event: negative for ever. `#loop` sets `timer` to `base_timer` again when it has become 0.
  property base_timer : Int32 = 30_000

  # Milliseconds that remain. A wait that gives another event leaves what remains here, and the next one goes on with it.
  property timer : Int32 = 30_000

  @handle = Handle.new
  @closed = false
  # When `@timer` will be 0, and the value that says so.
  @deadline : {Time::Span, Int32}?
  # Copies of the library's descriptor: those of fibers that wait, and one for the next wait.
  @waiting = [] of IO::FileDescriptor
  @watched : IO::FileDescriptor?
  @mutex = Mutex.new

  def initialize
  end

  # Offers the service *name*, and gives each event to the block, for ever.
  def initialize(name : String | Bytes, &)
    listen name
    loop { |event| yield event }
  end

  # The context of the library, for functions that the binding has no method for.
  def pointer : Pointer(LibIPC::Ctx)
    @handle.ctx
  end

  # The structure itself: a copy.
  def context : LibIPC::Ctx
    pointer.value
  end

  # :ditto:
  def context=(context : LibIPC::Ctx)
    pointer.value = context
  end

  # The last event as the library gave it: a copy. Its message is the library's, and goes with the next wait.
  def event : LibIPC::Event
    @handle.event.value
  end

  # :ditto:
  def event=(event : LibIPC::Event)
    @handle.event.value = event
  end

  # Offers a service.
  def listen(name : String | Bytes) : Nil
    @closed = false
    LibIPC.ipc_server_init(pointer, Context.c_name(name)).check("cannot offer the service #{Context.printable(name)}")
  end

  # Offers a service on a socket that listens already (socket activation).
  def listen(name : String | Bytes, *, fd : Int32) : Nil
    @closed = false
    Exception.check "cannot offer the service #{Context.printable(name)}", LibIPC.ipc_ctx_add(pointer, Context.c_name(name), fd)
  end

  # Watches a descriptor of the program's: `ExtraSocket` events say that it is readable.
  def <<(fd : Int32) : self
    @closed = false
    LibIPC.ipc_add_fd(pointer, fd).check("cannot watch the descriptor #{fd}")
    self
  end

  # :ditto:
  def <<(io : IO::FileDescriptor) : self
    self << io.fd
  end

  # Takes the entry at *index* out, without closing it. The last entry gets its place.
  def remove_index(index : UInt32) : Nil
    LibIPC.ipc_del(pointer, index).check("cannot remove the entry #{index}")
  end

  # Takes a descriptor out, without closing it.
  def remove_fd(fd : Int32) : Nil
    LibIPC.ipc_del_fd(pointer, fd).check("cannot remove the descriptor #{fd}")
  end

  # Closes a connection or a service and takes it out. What is queued for it is offered to the kernel before.
  def close_fd(fd : Int32) : Nil
    LibIPC.ipc_close_fd(pointer, fd).check("cannot close the descriptor #{fd}")
  end

  # Closes everything, and ends the waits of other fibers. Twice is harmless.
  def close : Nil
    @closed = true
    @mutex.synchronize do
      @waiting.each &.close
      @waiting.clear
      @watched.try &.close
      @watched = nil
    end
    @switch_callbacks.each_key { |fd| Switch.forget fd }
    @switch_callbacks.clear
    @handle.close
  end

  # Whether `#close` was called.
  def closed? : Bool
    @closed
  end

  # Who is at the other end of a connection, as the kernel noted it. *pid* is 0 when this process cannot see it.
  def peer(fd : Int32) : Peer
    peer = LibIPC::PeerInfo.new
    Exception.check "cannot say who is at #{fd}", LibIPC.ipc_peer(pointer, fd, pointerof(peer))
    LibC.close(peer.pidfd) if peer.pidfd >= 0
    Peer.new(peer.uid, peer.gid, peer.pid)
  end

  # Whether messages of this connection may bring descriptors, for `Event::MessageReceived#take_descriptor`.
  def accept_descriptors(fd : Int32, on : Bool = true) : Nil
    Exception.check "cannot accept descriptors from #{fd}", LibIPC.ipc_ctx_accept_fds(pointer, fd, on ? 1 : 0)
  end

  # Sets one of the limits of the context; nil for the default.
  def limit(limit : LibIPC::Limit, value : Int?) : Nil
    Exception.check "cannot set the limit #{limit}", LibIPC.ipc_ctx_limit(pointer, limit, Context.limit_of(value))
    @connect_time = value.try &.to_i if limit.connect_time?
  end

  # :nodoc:
  def self.limit_of(value : Int?) : LibC::SizeT
    value ? LibC::SizeT.new(value) : LibC::SizeT::MAX
  end

  # Leaves out `MessageSent` events (and `Switch` events): a program that does not want them is faster without.
  def quiet(*, sent : Bool = true, switch : Bool = false) : Nil
    mask = (sent ? LibIPC::QUIET_TX : 0_u32) | (switch ? LibIPC::QUIET_SWITCH : 0_u32)
    Exception.check "cannot leave out events", LibIPC.ipc_ctx_quiet(pointer, mask)
  end

  # How many entries there are: services, connections and watched descriptors.
  def size : Int32
    LibIPC.ipc_ctx_status(pointer, out connections, nil).check("cannot count the entries")
    connections.to_i32
  end

  # Prints the entries.
  def pp : Nil
    LibIPC.ipc_ctx_print(pointer)
  end

  # :nodoc:
  # A name is bytes. A NUL would end it in C, so that another service was meant.
  def self.c_name(name : String | Bytes) : Bytes
    bytes = name.to_slice
    if bytes.includes?(0_u8)
      code = LibIPC::ERROR_INVALID_NAME
      raise Exception.new("the service name #{printable(name)} holds a NUL: #{Exception.text_of(code)}", code: code)
    end
    Bytes.new(bytes.size + 1).tap { |terminated| bytes.copy_to(terminated) }
  end

  # :nodoc:
  def self.printable(name) : String
    String.new(name.to_slice).inspect
  end
end
