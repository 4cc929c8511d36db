require "./exception"

# :nodoc:
lib LibIPCSystem
  fun dup(fd : LibC::Int) : LibC::Int
  fun poll(entries : LibIPC::Pollfd*, count : LibC::ULong, timeout : LibC::Int) : LibC::Int
end

# :nodoc:
# Lets a fiber wait for a descriptor, in Crystal's event loop, while others run. Each wait has a copy of the descriptor: the event loop
# may think that it is its own, and several fibers may wait for one.
module IPC::Readiness
  # A copy for the event loop, to be closed.
  def self.copy(fd : Int32) : IO::FileDescriptor
    copy = LibIPCSystem.dup(fd)
    raise IO::Error.from_errno("cannot wait for descriptor #{fd}") if copy < 0
    # It is only watched, so that it does not matter whether it blocks.
    IO::FileDescriptor.new(copy, blocking: true).tap { |io| io.close_on_exec = true }
  end

  # How long a fiber waits before it looks again. With several threads another one may close *io* in the very moment in which this one
  # begins to wait, which no event loop before Crystal 1.15 notices.
  LONGEST = {% if flag?(:preview_mt) %} 1.second {% else %} nil {% end %}

  # Whether the descriptor is readable within *timeout*; false may come early. An `IO::Error` when another fiber closes *io* meanwhile.
  def self.readable?(io : IO::FileDescriptor, timeout : Time::Span? = nil) : Bool
    longest = LONGEST
    io.read_timeout = longest && (timeout.nil? || longest < timeout) ? longest : timeout
    {% if IO::FileDescriptor.has_method?(:wait_readable) %}
      io.wait_readable
    {% elsif IO::FileDescriptor.has_method?(:evented_wait_readable) %}
      io.evented_wait_readable
    {% elsif Crystal::EventLoop.has_method?(:wait_readable) %}
      Crystal::EventLoop.current.wait_readable(io)
      raise IO::Error.new("Closed stream") if io.closed?
    {% else %}
      return false unless poll(io, 1_i16, timeout) # POLLIN
    {% end %}
    true
  rescue IO::TimeoutError
    false
  end

  # Waits until the descriptor is writable, or for a while.
  def self.writable(io : IO::FileDescriptor) : Nil
    io.write_timeout = LONGEST
    {% if IO::FileDescriptor.has_method?(:wait_writable) %}
      io.wait_writable
    {% elsif IO::FileDescriptor.has_method?(:evented_wait_writable) %}
      io.evented_wait_writable
    {% elsif Crystal::EventLoop.has_method?(:wait_writable) %}
      Crystal::EventLoop.current.wait_writable(io)
    {% else %}
      poll(io, 4_i16, nil) # POLLOUT
    {% end %}
  rescue IO::TimeoutError
  end

  {% unless IO::FileDescriptor.has_method?(:wait_readable) || IO::FileDescriptor.has_method?(:evented_wait_readable) ||
              Crystal::EventLoop.has_method?(:wait_readable) %}
    # An event loop that has no such function (Crystal 1.15): looks every millisecond.
    private def self.poll(io, events, timeout) : Bool
      limit = timeout.try { |span| Time.monotonic + span }
      entry = LibIPC::Pollfd.new(fd: io.fd, events: events)
      until LibIPCSystem.poll(pointerof(entry), 1, 0) > 0
        return false if limit && Time.monotonic >= limit
        sleep 1.millisecond
        raise IO::Error.new("Closed stream") if io.closed?
      end
      true
    end
  {% end %}
end
