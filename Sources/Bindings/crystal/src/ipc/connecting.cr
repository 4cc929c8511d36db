require "c/pthread"
require "c/signal"
require "./context"

class IPC::Context
  @connect_time : Int32?

  # Connects to a service. Returns the connection's descriptor, which stays the context's. Other fibers run while the service's backlog is
  # full, and while the network daemon looks the service up.
  def connect(name : String | Bytes) : Int32
    @closed = false
    c_name = Context.c_name(name)
    doing = "cannot connect to #{Context.printable(name)}"
    if ENV.fetch("IPC_NETWORK", "").empty? && @connect_time != 0
      set_connect_time 0
      error = LibIPC.ipc_connection(pointer, c_name, out fd).failure(doing)
      set_connect_time @connect_time
      return fd unless error
      raise error unless error.message.to_s.ends_with?("Resource temporarily unavailable")
    end
    Connecting.run(pointer, c_name, doing)
  end

  private def set_connect_time(milliseconds) : Nil
    code = LibIPC.ipc_ctx_limit(pointer, LibIPC::Limit::ConnectTime, Context.limit_of(milliseconds))
    Exception.check "cannot limit the time to connect", code
  end
end

# :nodoc:
lib LibIPCConnecting
  # What the thread is given, and what it answers: memory of C.
  struct Work
    ctx : LibIPC::Ctx*
    name : LibC::Char*
    done : LibC::Int
    fd : LibC::Int
    result : LibIPC::IPCError
  end
end

# :nodoc:
# `ipc_connection` in a thread of its own, which knows nothing of Crystal: it allocates nothing that is collected, and gets no signals. The
# fiber waits for a byte in a pipe.
module IPC::Connecting
  def self.run(ctx : LibIPC::Ctx*, name : Bytes, doing : String) : Int32
    work = LibC.malloc(sizeof(LibIPCConnecting::Work) + name.size).as(LibIPCConnecting::Work*)
    work.value.ctx = ctx
    work.value.name = (work + 1).as(LibC::Char*)
    name.copy_to(work.value.name, name.size)
    IO.pipe do |reader, writer|
      work.value.done = writer.fd
      start work
      reader.read_byte
      result = (work.as(UInt8*) + offsetof(LibIPCConnecting::Work, @result)).as(LibIPC::IPCError*)
      code = result.as(LibC::Int*).value
      text = (result.as(UInt8*) + offsetof(LibIPC::IPCError, @error_message))
      raise Exception.new("#{doing}: #{String.new(text)}", code: code) unless code == 0
      work.value.fd
    end
  ensure
    LibC.free(work.as(Void*)) if work
  end

  private def self.start(work)
    all = before = uninitialized LibC::SigsetT
    LibC.sigfillset(pointerof(all))
    LibC.pthread_sigmask(LibC::SIG_SETMASK, pointerof(all), pointerof(before))
    code = LibC.pthread_create(out thread, nil, ->Connecting.connect(Void*), work.as(Void*))
    LibC.pthread_sigmask(LibC::SIG_SETMASK, pointerof(before), nil)
    raise RuntimeError.from_os_error("cannot start a thread", Errno.new(code)) unless code == 0
    LibC.pthread_detach(thread)
  end

  protected def self.connect(argument : Void*) : Void*
    work = argument.as(LibIPCConnecting::Work*)
    fd = 0
    result = (work.as(UInt8*) + offsetof(LibIPCConnecting::Work, @result)).as(LibIPC::IPCError*)
    LibIPC.ipc_connection(work.value.ctx, work.value.name, pointerof(fd)).copy_to(result)
    work.value.fd = fd
    byte = 0_u8
    LibC.write(work.value.done, pointerof(byte), 1)
    Pointer(Void).null
  end
end
