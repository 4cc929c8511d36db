# A client in Crystal, and at the same time the service behind the switched pair. It asks the server
# beside it for every kind of event, one after the other, and compares all that comes back byte for byte.
# It prints a last line when all was as expected; anything else ends it at once with status 1.
require "./common"

class Client
  @context = Context.new
  @server = -1 # the connection to the server

  def run
    connect
    mistakes
    echo
    several_at_once
    through_the_servers_pipe
    own_pipe
    timers
    switched
    too_long_a_frame
    raw_frames_and_a_second_connection
    finish
    puts "client: all as expected"
  end

  def connect
    check_code LibIPC.ipc_connection(@context.pointer, "crystal", out @server)
    check_equal @context.type_of(@server), LibIPC::ConnectionType::IPC
    check_equal @context.pointer.value.cinfos.value.spath.null?, true
  end

  # What fails says why, and changes nothing.
  def mistakes
    nobody = LibIPC.ipc_connection(@context.pointer, "nobody", nil)
    Check.code pointerof(nobody), LibIPC::ErrorCode::USOCK_CONNECT__CONNECT, "ipc_connection", __FILE__, __LINE__
    check Check.text_of(pointerof(nobody)).includes?(Check.path_of("nobody"))
    Check.print_whole_text pointerof(nobody)
    check_code LibIPC.ipc_connection(nil, "crystal", nil), LibIPC::ErrorCode::CONNECTION__NO_CTX
    check_code LibIPC.ipc_server_init(@context.pointer, "crystal"), LibIPC::ErrorCode::USOCK_INIT__BIND
    m = LibIPC::Message.new(fd: 1000, type: 2)
    check_code LibIPC.ipc_write(@context.pointer, pointerof(m)), LibIPC::ErrorCode::WRITE__FD_NOT_FOUND
    check_code LibIPC.ipc_message_format_data(pointerof(m), 'x'.ord, LARGEST, LARGEST.size + 1), LibIPC::ErrorCode::MESSAGE_FORMAT__MESSAGE_SIZE
    check_equal @context.size, 1
    LibIPC::ErrorCode.each { |code| check code.none? || !LibIPC.ipc_errors_get(code).null? }
    check LibIPC.ipc_errors_get(LibIPC::ErrorCode.new(2)).null?
    text = Bytes.new(LibIPC::BUFSIZ)
    LibIPC.error_message_format(text, "tag", "%s %d", "number", 7)
    check String.new(text.to_unsafe).matches?(/\A\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d:tag:number 7\n\z/)
  end

  def echo
    round_trip 'e', "hello".to_slice
    round_trip 'e', "\0in the\0middle and at the end\0".to_slice
    round_trip 'e', Bytes.empty
    round_trip 'e', Bytes.new(256, &.to_u8)
    round_trip 'e', LARGEST
  end

  def round_trip(user_type, payload)
    @context.write @server, user_type, payload
    expect_sent @server
    check_equal @context.pointer.value.tx.size, 0
    expect_message @server, user_type, payload
  end

  def expect_sent(fd)
    check_equal @context.expect(:tx).origin, fd
  end

  def expect_message(fd, user_type, payload)
    check_equal @context.expect(:message).origin, fd
    check_equal @context.message, {user_type, payload}
  end

  # More than a socket takes at once: the first come back while the last still wait. In order, none before
  # it is told that it was sent.
  def several_at_once
    payloads = (0..40).map { |i| Bytes.new(i * 700, i.to_u8) }
    payloads.each { |payload| @context.write @server, 'e', payload }
    sent = received = 0
    while received < payloads.size
      event = @context.wait
      check_equal event.origin, @server
      if event.type.tx?
        sent += 1
      else
        check_equal event.type, LibIPC::EventType::Message
        check_equal @context.message, {'e', payloads[received]}
        received += 1
      end
      check received <= sent <= payloads.size
    end
  end

  def through_the_servers_pipe
    round_trip 'p', "a pipe\0with more than five bytes".to_slice
  end

  def own_pipe
    pipe = StaticArray(LibC::Int, 2).new(-1)
    check_equal LibC.pipe(pipe), 0
    check_code LibIPC.ipc_add_fd(@context.pointer, pipe[0])
    check_equal LibC.write(pipe[1], "ab", 2), 2
    "ab".each_byte do |wanted|
      check_equal @context.expect(:extra_socket).origin, pipe[0]
      byte = 0_u8
      check_equal({LibC.read(pipe[0], pointerof(byte), 1), byte}, {1, wanted})
    end
    check_code LibIPC.ipc_del_fd(@context.pointer, pipe[0])
    pipe.each { |fd| LibC.close fd }
    check_equal @context.size, 1
  end

  def timers
    @context.expect :timer, timer: 0
    @context.expect :timer, timer: 20
    @context.write @server, 'e', "for ever".to_slice
    check_equal @context.expect(:tx, timer: -1).origin, @server
    @context.expect :message, timer: -1
  end

  # Lines of text on our end; the server makes messages of them, which come to our own service.
  def switched
    check_code LibIPC.ipc_server_init(@context.pointer, "backend")
    raw = raw_connection
    send_frame raw, 's', "backend".to_slice
    backend = @context.expect(:connection).origin
    pass raw, backend, "first\0half\n\n#comment\nlast\n", ["first\0half", "", "last"]
    pass raw, backend, "in two", [] of String
    pass raw, backend, " parts\n#only a comment\n", ["in two parts"]
    longest = LARGEST.map { |byte| byte == '\n'.ord || byte == '#'.ord ? 0_u8 : byte }
    line = Bytes.new(longest.size + 1, '\n'.ord.to_u8)
    longest.copy_to line
    pass raw, backend, line, [longest]
    LibC.close raw
    check_equal @context.expect(:disconnection).origin, backend
    check_equal @context.size, 2
    check @context.type_of(backend).nil?
  end

  def pass(raw, backend, text, messages)
    write_all raw, text.to_slice
    messages.each { |payload| expect_message backend, 'l', payload.to_slice }
    messages.each { |payload| @context.write backend, 'l', payload.to_slice }
    messages.each { expect_sent backend }
    messages.each do |payload|
      line = Bytes.new(payload.to_slice.size + 1) { |i| payload.to_slice[i]? || '\n'.ord.to_u8 }
      check_equal read_exactly(raw, line.size), line
    end
  end

  # Announces 4 GB and is shown out.
  def too_long_a_frame
    raw = raw_connection
    write_all raw, Bytes[2, 0xff, 0xff, 0xff, 0xff, 'a'.ord]
    byte = 0_u8
    check LibC.read(raw, pointerof(byte), 1) <= 0
    LibC.close raw
  end

  # The frame as it travels; and a client that leaves.
  def raw_frames_and_a_second_connection
    raw = raw_connection
    write_all raw, Bytes[2, 0, 0, 0, 7, 'e'.ord, 'c'.ord, 'o'.ord, 'u'.ord, 'c'.ord, 'o'.ord, 'u'.ord, 0]
    m = LibIPC::Message.new
    check_code LibIPC.ipc_read_fd(raw, pointerof(m))
    check_equal({m.user_type.unsafe_chr, m.payload.to_slice(m.length)}, {'e', "coucou\0".to_slice})
    check_code LibIPC.ipc_message_empty(pointerof(m))
    LibC.close raw
    check_code LibIPC.ipc_connection(@context.pointer, "crystal", out second)
    @context.write second, 'e', "second".to_slice
    expect_sent second
    expect_message second, 'e', "second".to_slice
    check_code LibIPC.ipc_close(@context.pointer, @context.size - 1)
    check_code LibIPC.ipc_del(@context.pointer, @context.size - 1)
    check @context.type_of(second).nil?
  end

  def finish
    round_trip 'q', Bytes.empty
    wanted = [LibIPC::EventType::ExtraSocket, LibIPC::EventType::Connection, LibIPC::EventType::Disconnection,
              LibIPC::EventType::Message, LibIPC::EventType::Timer, LibIPC::EventType::Tx]
    check_equal @context.seen.keys.sort, wanted
    @context.close
    @context.check_no_leak
  end

  def raw_connection
    check_code LibIPC.usock_connect(out fd, Check.path_of("crystal"))
    fd
  end

  def send_frame(fd, user_type, payload)
    m = LibIPC::Message.new
    check_code LibIPC.ipc_message_format_data(pointerof(m), user_type.ord, payload, payload.size)
    check_code LibIPC.ipc_write_fd(fd, pointerof(m))
    check_code LibIPC.ipc_message_empty(pointerof(m))
  end

  def write_all(fd, bytes)
    until bytes.empty?
      count = LibC.write(fd, bytes.to_unsafe, bytes.size)
      check count > 0
      bytes += count
    end
  end

  def read_exactly(fd, size)
    bytes = Bytes.new(size)
    rest = bytes
    until rest.empty?
      count = LibC.read(fd, rest.to_unsafe, rest.size)
      check count > 0
      rest += count
    end
    bytes
  end
end

Check.layout
Client.new.run
