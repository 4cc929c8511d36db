# What the server and the client share: checks that end the program, the layout that Crystal gives to
# the structures, and a context that sees to it that TX events and queued messages agree.
require "./libipc"

macro check(condition)
	Check.that({{condition}}, {{condition.stringify}}, __FILE__, __LINE__)
end

macro check_equal(is, wanted)
	Check.equal({{is}}, {{wanted}}, {{is.stringify}}, __FILE__, __LINE__)
end

# The call returns this code: 0 with no text, or a text that nothing but zeros follows.
macro check_code(call, wanted = LibIPC::ErrorCode::NONE)
	Check.code({{call}}.address, {{wanted}}, {{call.stringify}}, __FILE__, __LINE__)
end

# Where the result lies, for as long as the calling method runs. Each assignment of the 8196 bytes costs the
# compiler a second, and there are many.
struct LibIPC::ErrorStruct
  def address
    pointerof(@error_code).as(LibIPC::ErrorStruct*)
  end
end

module Check
  PATIENCE = 60_000 * ENV.fetch("TEST_PATIENCE", "1").to_i # milliseconds that no event takes

  def self.fail(text, file, line) : NoReturn
    STDERR.puts "#{File.basename(file)}:#{line}: #{text}"
    caller.each { |frame| STDERR.puts "\t#{frame}" if frame.includes?(".cr:") && !frame.includes?("crystal/lib") }
    exit 1
  end

  def self.that(holds, text, file, line)
    fail("does not hold: #{text}", file, line) unless holds
  end

  def self.equal(is, wanted, text, file, line)
    fail("#{text} is #{is.inspect[0, 200]}, not #{wanted.inspect[0, 200]}", file, line) unless is == wanted
  end

  def self.code(result, wanted, text, file, line)
    code = result.as(LibIPC::ErrorCode*).value
    fail("#{text}: #{code} (#{text_of(result)})", file, line) unless code == wanted
    if wanted.none?
      fail("#{text}: success with a text", file, line) unless text_of(result).empty?
    elsif !clean?(result)
      fail("#{text}: the text is empty or not followed by zeros alone", file, line)
    end
  end

  # The 8192 bytes, where they are.
  def self.whole_text_of(result : LibIPC::ErrorStruct*)
    (result.as(UInt8*) + offsetof(LibIPC::ErrorStruct, @error_message)).to_slice(LibIPC::BUFSIZ)
  end

  def self.text_of(result)
    bytes = whole_text_of(result)
    String.new(bytes[0, bytes.index(0_u8) || bytes.size])
  end

  def self.clean?(result)
    length = text_of(result).bytesize
    0 < length < LibIPC::BUFSIZ && whole_text_of(result)[length..].all? &.zero?
  end

  # All 8192 bytes, as they are: whoever reads the output sees whether something follows the text.
  def self.print_whole_text(result)
    STDOUT << "error text: "
    STDOUT.write whole_text_of(result)
    STDOUT.puts
  end

  def self.descriptors
    Dir.exists?("/proc/self/fd") ? Dir.children("/proc/self/fd").size : 0
  end

  def self.path_of(service)
    path = Bytes.new(LibIPC::PATH_MAX)
    check_code LibIPC.service_path(path, service)
    String.new(path.to_unsafe)
  end

  def self.layout
    {% for size in [{"ErrorStruct", 8196}, {"ConnectionInfo", 16}, {"Message", 24}, {"Messages", 16}, {"Switching", 40},
                    {"Switchings", 16}, {"Ctx", 56}, {"Event", 24}, {"Pollfd", 8}] %}
			check_equal sizeof(LibIPC::{{size[0].id}}), {{size[1]}}
		{% end %}
    {% for place in [{"ErrorStruct", "error_message", 4}, {"ConnectionInfo", "more_to_read", 4}, {"ConnectionInfo", "spath", 8},
                     {"Message", "user_type", 1}, {"Message", "fd", 4}, {"Message", "length", 8}, {"Message", "payload", 16},
                     {"Messages", "size", 8}, {"Switching", "dest", 4}, {"Switching", "orig_in", 8}, {"Switching", "orig_out", 16},
                     {"Switching", "dest_in", 24}, {"Switching", "dest_out", 32}, {"Switchings", "size", 8}, {"Ctx", "pollfd", 8},
                     {"Ctx", "size", 16}, {"Ctx", "tx", 24}, {"Ctx", "switchdb", 40}, {"Event", "index", 4},
                     {"Event", "origin", 8}, {"Event", "m", 16}] %}
			check_equal offsetof(LibIPC::{{place[0].id}}, @{{place[1].id}}), {{place[2]}}
		{% end %}
  end
end

class Context
  getter event = LibIPC::Event.new
  getter seen = Hash(LibIPC::EventType, Int32).new(0)
  @result = Bytes.new(sizeof(LibIPC::ErrorStruct))
  @ctx = LibIPC::Ctx.new

  def initialize
    @before = Check.descriptors
  end

  def pointer
    pointerof(@ctx)
  end

  # What the last wait returned.
  def result
    @result.to_unsafe.as(LibIPC::ErrorStruct*)
  end

  def code
    result.as(LibIPC::ErrorCode*).value
  end

  # One event. An error is a fault unless the caller expects that very code; the time must not run up.
  def wait(wanted_code = LibIPC::ErrorCode::NONE, timer = Check::PATIENCE)
    left = timer
    answer = LibIPC.ipc_wait_event(pointer, pointerof(@event), pointerof(left)).address
    @result.copy_from(answer.as(UInt8*), @result.size)
    seen[@event.type] += 1
    # An ERROR event comes with a reason and without a code.
    unless code.none? && @event.type.error?
      Check.code(result, code.none? ? code : wanted_code, "ipc_wait_event", __FILE__, __LINE__)
    end
    case
    when @event.type.timer? then check_equal({left, @event.index, @event.origin}, {0, 0, 0})
    when timer < 0          then check_equal left, timer
    else                         check 0 <= left <= timer
    end
    @event
  end

  # The next event, which must be of this type.
  def expect(type : LibIPC::EventType, code = LibIPC::ErrorCode::NONE, timer = Check::PATIENCE)
    event = wait(code, timer)
    check_equal event.type, type
    check_equal self.code, code
    event
  end

  # Queues a message; the caller's bytes may go at once, so they are overwritten.
  def write(fd, user_type : Char, payload : Bytes)
    queued = @ctx.tx.size
    copy = payload.dup
    m = LibIPC::Message.new(type: LibIPC::MsgType::DATA.value, user_type: user_type.ord, fd: fd,
      length: copy.size, payload: copy.to_unsafe)
    check_code LibIPC.ipc_write(pointer, pointerof(m))
    copy.fill(0xee_u8)
    check_equal @ctx.tx.size, queued + 1
  end

  # What the MESSAGE event brought.
  def message : {Char, Bytes}
    check !@event.m.null?
    m = @event.m.value
    check_equal m.fd, @event.origin
    check_equal m.type, LibIPC::MsgType::DATA.value
    check !m.payload.null?
    {m.user_type.chr, m.payload.to_slice(m.length).dup}
  end

  def switchdb
    (pointer.as(UInt8*) + offsetof(LibIPC::Ctx, @switchdb)).as(LibIPC::Switchings*)
  end

  def size
    @ctx.size
  end

  # Of the entry with this descriptor; nil without one.
  def type_of(fd)
    index = (0...size).find { |i| @ctx.pollfd[i].fd == fd }
    @ctx.cinfos[index].type if index
  end

  def close
    check_code LibIPC.ipc_close_all(pointer)
    unless @event.m.null? # a message lives until the next wait, and there is none
      check_code LibIPC.ipc_message_empty(@event.m)
      LibC.free(@event.m.as(Void*))
      @event.m = Pointer(LibIPC::Message).null
    end
    2.times { LibIPC.ipc_ctx_free(pointer) }
    check_equal @ctx.size, 0
    check @ctx.cinfos.null? && @ctx.pollfd.null?
  end

  def check_no_leak
    check_equal Check.descriptors, @before
  end
end

# The longest payload that a frame may have, each part of it different.
LARGEST = Bytes.new(LibIPC::MAX_MESSAGE_SIZE) { |i| (i &* 31 &+ (i >> 8)).to_u8! }
