# A program with two threads: the main fiber waits for events, without a timer, on a context on which a plain C thread
# (writer.c, through FFI) writes. It is its own client: what the thread writes to one end comes in at the other.
# It prints a last line when all was as expected; anything else ends it at once with status 1.
require "./common"

@[Link("writer")]
lib Writer
  fun writer_begin(ctx : LibIPC::Ctx*, fd : LibC::Int, messages : LibC::Int) : Void*
  fun writer_end(work : Void*) : LibC::Int
end

class Threads
  MESSAGES = 100

  @ctx = LibIPC::Ctx.new
  @event = LibIPC::Event.new

  def wait
    timer = -1
    check_code LibIPC.ipc_wait_event(pointerof(@ctx), pointerof(@event), pointerof(timer))
    @event.type
  end

  def run
    check_code LibIPC.ipc_server_init(pointerof(@ctx), "threads")
    check_code LibIPC.ipc_connection(pointerof(@ctx), "threads", out client)
    check_equal wait, LibIPC::EventType::Connection
    service = @event.origin
    work = Writer.writer_begin(pointerof(@ctx), client, MESSAGES)
    check !work.null?
    received = sent = 0
    while received < MESSAGES || sent < MESSAGES
      case wait
      when LibIPC::EventType::Tx
        check_equal @event.origin, client
        sent += 1
      when LibIPC::EventType::Message
        m = @event.m.value
        check_equal m.fd, service
        check_equal m.user_type, 't'.ord
        check_equal String.new(m.payload, m.length), "message #{received}"
        received += 1
      else
        Check.fail "an event of type #{@event.type}", __FILE__, __LINE__
      end
    end
    check_equal Writer.writer_end(work), MESSAGES
    check_code LibIPC.ipc_ctx_status(pointerof(@ctx), out entries, out messages)
    check_equal entries, 3
    check_equal messages, 0
    check_code LibIPC.ipc_ctx_entry(pointerof(@ctx), client, out entry)
    check_equal entry.type, LibIPC::ConnectionType::IPC
    check_equal entry.fd, client
    check_code LibIPC.ipc_close_fd(pointerof(@ctx), client)
    check_equal wait, LibIPC::EventType::Disconnection
    check_equal @event.origin, service
    check_code LibIPC.ipc_close_all(pointerof(@ctx))
    LibIPC.ipc_ctx_free pointerof(@ctx)
    puts "threads: all as expected"
  end
end

Threads.new.run
