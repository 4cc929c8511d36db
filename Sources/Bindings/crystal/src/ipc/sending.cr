require "./context"

class IPC::Context
  # Queues a message for the descriptor that it names. It is sent while the program waits, and a `MessageSent` event says so.
  def send(message : LibIPC::Message) : Nil
    LibIPC.ipc_write(pointer, pointerof(message)).check("cannot send to #{message.fd}")
  end

  # :ditto:
  def send(message : IPC::Message) : Nil
    send message.to_unsafe
  end

  # Queues data for *fd*.
  def send(fd : Int32, utype : UInt8, payload : Bytes | String) : Nil
    send Context.data(fd, utype, payload)
  end

  # Queues a message, with a copy of a descriptor. The peer has the same open file, so O_NONBLOCK too: `IO.pipe(read_blocking: true)`
  # makes an end that any program can read.
  def send(message : IPC::Message, *, descriptor : Int32 | IO::FileDescriptor) : Nil
    raw = message.to_unsafe
    number = descriptor.is_a?(Int32) ? descriptor : descriptor.fd
    Exception.check "cannot send to #{message.fd}", LibIPC.ipc_write_with_fd(pointer, pointerof(raw), number)
  end

  # Sends a message before it returns, behind what is queued for the same descriptor. While the peer takes nothing, other fibers run.
  def send_now(message : LibIPC::Message) : Nil
    fd = message.fd
    doing = "cannot send to #{fd}"
    while error = Context.unblocked(fd) { LibIPC.ipc_write_fd(fd, pointerof(message)).failure(doing) }
      raise error unless Context.would_wait?(error)
      if error.code == LibIPC::ERROR_NOT_ENOUGH_DATA
        # The library has the rest.
        return flush(fd)
      end
      wait_until_writable fd
    end
  end

  # :ditto:
  def send_now(message : IPC::Message) : Nil
    send_now message.to_unsafe
  end

  # :ditto:
  def send_now(fd : Int32, utype : UInt8, payload : Bytes | String) : Nil
    send_now Context.data(fd, utype, payload)
  end

  # Waits until all that is queued for *fd* has been given to the kernel. Other fibers run meanwhile.
  def flush(fd : Int32) : Nil
    until (code = LibIPC.ipc_flush(pointer, fd, 0)) == 0
      raise Exception.last("cannot send to #{fd}", code) unless code == LibIPC::ERROR_UNSENT
      wait_until_writable fd
    end
  end

  # Receives one message from the entry at *index*. Other fibers run while this one waits.
  def read(index : UInt32) : IPC::Message
    raise Exception.new("there is no entry #{index}") unless index < context.size
    read_from context.pollfd[index].fd
  end

  # Receives one message from *fd*, without an event. Other fibers run while this one waits.
  protected def read_from(fd : Int32) : IPC::Message
    doing = "cannot read from #{fd}"
    raw = LibIPC::Message.new
    while error = Context.unblocked(fd) { LibIPC.ipc_read_fd(fd, pointerof(raw)).failure(doing) }
      raise Exception.new(error.message, code: LibIPC::ERROR_CONTEXT_FREED) if closed?
      raise error unless Context.would_wait?(error)
      watch(fd) { |io| Readiness.readable? io }
    end
    message = Message.new(raw)
    message.fd = fd
    LibC.free(raw.payload.as(Void*))
    message
  end

  private def wait_until_writable(fd) : Nil
    watch(fd) { |io| Readiness.writable io }
  end

  # Waits for a connection. `#close` ends that.
  private def watch(fd, &)
    io = Readiness.copy(fd)
    @mutex.synchronize { @waiting << io }
    begin
      yield io
    ensure
      @mutex.synchronize { @waiting.delete io }
      io.close
    end
  rescue error : IO::Error
    raise Exception.new("the connection #{fd} was closed: #{error.message}", error, code: LibIPC::ERROR_CLOSED_RECIPIENT)
  end

  # :nodoc:
  def self.data(fd : Int32, utype : UInt8, payload : Bytes | String) : LibIPC::Message
    bytes = payload.to_slice
    LibIPC::Message.new(type: LibIPC::MessageType::Data.value, user_type: utype, fd: fd, length: bytes.size, payload: bytes.to_unsafe)
  end

  # :nodoc:
  # Runs a direct call of the library while the descriptor does not block, so that no other fiber has to wait for it.
  def self.unblocked(fd, &)
    flags = LibC.fcntl(fd, LibC::F_GETFL)
    changed = flags >= 0 && flags & LibC::O_NONBLOCK == 0
    LibC.fcntl(fd, LibC::F_SETFL, flags | LibC::O_NONBLOCK) if changed
    result = yield
    LibC.fcntl(fd, LibC::F_SETFL, flags) if changed
    result
  end

  # :nodoc:
  # Whether a direct call would have had to wait, or a signal handler has run. The header promises these texts.
  def self.would_wait?(error : Exception) : Bool
    message = error.message.to_s
    return false unless message.ends_with?("Resource temporarily unavailable") || message.ends_with?("Interrupted system call")
    {LibIPC::ERROR_USOCK_RECV, LibIPC::ERROR_USOCK_SEND, LibIPC::ERROR_NOT_ENOUGH_DATA}.includes?(error.code)
  end
end
