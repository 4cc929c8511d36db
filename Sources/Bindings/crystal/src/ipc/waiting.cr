require "./context"

class IPC::Context
  # Gives each event to the block, until the context is closed.
  def loop(&)
    until closed?
      @timer = @base_timer if @timer == 0
      event = wait_event
      yield event unless closed?
    end
  end

  # The next event. Other fibers run while this one waits, at most `timer` milliseconds. What goes wrong is a value, too.
  def wait_event : Event::Events | IPC::Exception
    deadline = deadline_of(@timer)
    if deadline && deadline <= Time.monotonic && @timer > 0
      return time_is_up
    end
    until closed?
      event = @mutex.synchronize { next_event }
      return event.tap { left deadline } if event
      return time_is_up if deadline && deadline <= Time.monotonic
      wait_for_more deadline
    end
    Exception.new("cannot wait: the context is closed", code: LibIPC::ERROR_CONTEXT_FREED)
  rescue error : Exception
    error
  end

  # Makes one wait return a `Wake` event: the one that waits now, or the next.
  def wake : Nil
    code = LibIPC.ipc_wake(pointer)
    raise Exception.new("cannot wake the context: #{Exception.text_of(code)}", code: code) unless code == 0
  end

  # A timer that goes on ends when it was to end; another value begins a new one.
  private def deadline_of(timer) : Time::Span?
    return if timer < 0
    known = @deadline
    return known[0] if known && known[1] == timer
    Time.monotonic + timer.milliseconds
  end

  # An event leaves what remains, rounded up: never 0, which is left to the timer.
  private def left(deadline) : Nil
    return unless deadline && @timer > 0
    remains = (deadline - Time.monotonic).total_milliseconds.ceil.clamp(1, Int32::MAX).to_i32
    @timer = remains
    @deadline = {deadline, remains}
  end

  private def time_is_up
    @timer = 0
    @deadline = nil
    Event::Timer.new
  end

  # Sleeps until the library has an event, the time is up, or the context is closed.
  private def wait_for_more(deadline) : Nil
    span = deadline.try { |moment| Math.max(moment - Time.monotonic, Time::Span.zero) }
    return look_again_after(span) unless io = @mutex.synchronize { watched }
    Readiness.readable? io, span
    @mutex.synchronize do
      @waiting.delete io
      @watched ? io.close : (@watched = io)
    end
  rescue error : IO::Error
    raise error unless closed?
  end

  # A copy of the library's descriptor, for this wait; nil when the library has none.
  private def watched : IO::FileDescriptor?
    unless io = @watched
      fd = LibIPC.ipc_ctx_fd(pointer)
      if fd < 0
        error = Exception.last("cannot wait", -1)
        error.message.to_s.includes?("poll(2)") ? return : raise error
      end
      io = Readiness.copy(fd)
    end
    @watched = nil
    @waiting << io
    io
  end

  # A library that was built for poll(2) has no descriptor to wait for.
  private def look_again_after(span) : Nil
    interval = 10.milliseconds
    sleep span ? Math.min(span, interval) : interval
  end

  # What the library has now; nil when there is nothing.
  private def next_event : Event::Events | IPC::Exception | Nil
    raw = @handle.event
    @handle.begin_wait
    code = LibIPC::ERROR_INTERRUPTED
    while code == LibIPC::ERROR_INTERRUPTED
      timer = 0
      code = LibIPC.ipc_wait_events(pointer, raw, 1, out _, pointerof(timer))
    end
    event = raw.value
    token = code == 0 && event.type.message? ? @handle.keep_descriptor : 0_u64
    {% if flag?(:preview_mt) || flag?(:execution_context) %}
      # No claim on a connection: the fiber may go on in another thread.
      LibIPC.ipc_ctx_release(pointer).ignore
    {% end %}
    return if code == 0 && event.type.timer?
    if code != 0 && !event.type.error? && !event.type.disconnection? && code != LibIPC::ERROR_NO_FD_RECORD
      return Exception.last("cannot wait", code)
    end
    forget_pair event.origin if code == LibIPC::ERROR_CLOSED_RECIPIENT
    code == LibIPC::ERROR_NO_FD_RECORD ? Event::Disconnection.new(event.origin, event.index) : Context.event_of(event, @handle, token)
  end

  # :nodoc:
  def self.event_of(raw : LibIPC::Event, handle : Handle, token : UInt64) : Event::Events
    fd, index = raw.origin, raw.index
    case raw.type
    when .error?         then Event::Error.new(fd, index, Switch.failure?(fd) || String.new(LibIPC.ipc_last_error))
    when .extra_socket?  then Event::ExtraSocket.new(fd, index)
    when .switch?        then Event::Switch.new(fd, index)
    when .connection?    then Event::Connection.new(fd, index)
    when .disconnection? then Event::Disconnection.new(fd, index)
    when .message?       then Event::MessageReceived.new(fd, index, Message.new(raw.m), handle, token)
    when .look_up?       then Event::LookUp.new(fd, index)
    when .timer?         then Event::Timer.new
    when .tx?            then Event::MessageSent.new(fd, index)
    when .wake?          then Event::Wake.new(fd, index)
    else                      Event::EventNotSet.new(fd, index)
    end
  end
end
