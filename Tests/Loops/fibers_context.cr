# fibers_context.cr - a context in Crystal's event loop: one fiber waits until its descriptor is readable, and hands the events to a block.
@[Link("ipc")]
lib LibIPC
  struct Error
    code : Int32
    message : StaticArray(UInt8, 8192)
  end

  struct Message
    type : UInt8
    user_type : UInt8
    fd : Int32
    length : UInt32
    payload : UInt8*
  end

  struct Event
    type : Int32
    index : UInt32
    origin : Int32
    m : Message*
  end

  struct Ctx
    bytes : StaticArray(UInt64, 7)
  end

  fun ipc_server_init(ctx : Ctx*, name : UInt8*) : Error
  fun ipc_connection(ctx : Ctx*, name : UInt8*, fd : Int32*) : Error
  fun ipc_close_fd(ctx : Ctx*, fd : Int32) : Error
  fun ipc_close_all(ctx : Ctx*) : Error
  fun ipc_ctx_free(ctx : Ctx*)
  fun ipc_ctx_fd(ctx : Ctx*) : Int32
  fun ipc_ctx_quiet(ctx : Ctx*, kinds : UInt32) : Int32
  fun ipc_wait_events(ctx : Ctx*, events : Event*, room : LibC::SizeT, count : LibC::SizeT*, timer : Int32*) : Int32
  fun ipc_write_take(ctx : Ctx*, m : Message*) : Int32
  fun ipc_last_error : UInt8*
end

class Context
  getter wakeups = 0
  getter happened = 0
  @events = Slice(LibIPC::Event).new(64, LibIPC::Event.new)
  @ctx = LibIPC::Ctx.new
  @stopped = false

  # Until `stop`, gives each event to the block. Other fibers run while there is none.
  def run(&block : LibIPC::Event ->)
    # The descriptor stays the context's: it is neither changed nor closed here.
    io = IO::FileDescriptor.new(LibIPC.ipc_ctx_fd(self), blocking: true, close_on_finalize: false)
    until @stopped
      io.wait_readable
      @wakeups += 1
      count, timer = LibC::SizeT.new(0), 0
      check LibIPC.ipc_wait_events(self, @events, @events.size, pointerof(count), pointerof(timer))
      @events[0, count].each { |event| happens event, &block }
    end
  end

  private def happens(event, &)
    return if event.type == TIMER
    @happened += 1
    yield event
  end

  def stop
    @stopped = true
  end

  def check(code : Int32)
    raise "error #{code}: #{String.new(LibIPC.ipc_last_error)}" if code != 0
  end

  def to_unsafe
    pointerof(@ctx)
  end
end
