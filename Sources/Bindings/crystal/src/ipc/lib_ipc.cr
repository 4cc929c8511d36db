# The C interface, under its own names: `include/ipc.h` describes it. Most functions return an `IPCError` by value; those
# since 1.2 return a code, and `ipc_last_error` has the text.
#
# Crystal asks pkg-config for the module `ipc`, which the library installs.
@[Link("ipc")]
lib LibIPC
  # For ever, as the timer of `ipc_wait_event`.
  INFTIM           =        -1
  PATH_MAX         =      4096
  MAX_MESSAGE_SIZE = 1_999_994

  # Codes that the binding looks at; the header lists all.
  ERROR_CLOSED_RECIPIENT =   4
  ERROR_NOT_ENOUGH_DATA  =  12
  ERROR_USOCK_SEND       =  43
  ERROR_CONNECT          =  47
  ERROR_USOCK_RECV       =  60
  ERROR_NOT_IN_CONTEXT   = 104
  ERROR_INTERRUPTED      = 106
  ERROR_NO_FD_RECORD     = 107
  ERROR_INVALID_NAME     = 111
  ERROR_CONTEXT_FREED    = 114
  ERROR_NO_ENTRY         = 116
  ERROR_UNSENT           = 125

  # For `ipc_ctx_quiet`.
  QUIET_TX     = 1_u32 << 9
  QUIET_SWITCH = 1_u32 << 3

  enum MessageType : LibC::Int
    ServerClose
    Error
    Data
    NetworkLookup
  end

  enum EventType : LibC::Int
    NotSet
    Error
    ExtraSocket
    Switch
    Connection
    Disconnection
    Message
    LookUp
    Timer
    Tx
    Wake
  end

  # What a switching callback answers.
  enum IPCCB : LibC::Int
    NoError
    FdClosing
    FdError
    ParsingError
    Ignore
  end

  enum ConnectionType : LibC::Int
    IPC
    External
    Server
    Switched
  end

  enum Limit : LibC::Int
    Frame
    QueueBytes
    QueueMessages
    Connections
    ConnectionsOfUser
    ConnectTime
  end

  struct IPCError
    error_code : LibC::Int
    error_message : LibC::Char[8192]
  end

  struct ConnectionInfo
    type : ConnectionType
    more_to_read : LibC::Short
    spath : LibC::Char*
  end

  struct Message
    type : LibC::Char
    user_type : LibC::Char
    fd : LibC::Int
    length : UInt32
    payload : LibC::Char*
  end

  struct Messages
    messages : Message*
    size : LibC::SizeT
  end

  alias CallbackIn = LibC::Int, Message*, LibC::Short* -> IPCCB
  alias CallbackOut = LibC::Int, Message* -> IPCCB

  struct Switching
    orig : LibC::Int
    dest : LibC::Int
    orig_in : CallbackIn
    orig_out : CallbackOut
    dest_in : CallbackIn
    dest_out : CallbackOut
  end

  struct Switchings
    collection : Switching*
    size : LibC::SizeT
  end

  struct Pollfd
    fd : LibC::Int
    events : LibC::Short
    revents : LibC::Short
  end

  struct Ctx
    cinfos : ConnectionInfo*
    pollfd : Pollfd*
    size : LibC::SizeT
    tx : Messages
    switchdb : Switchings
  end

  struct Event
    type : EventType
    index : UInt32
    origin : LibC::Int
    m : Message*
  end

  struct Entry
    fd : LibC::Int
    type : ConnectionType
    pending : UInt32
    path : LibC::Char[108]
  end

  struct PeerInfo
    uid : UInt32
    gid : UInt32
    pid : Int32
    pidfd : LibC::Int
  end

  # The life of a context
  fun ipc_ctx_init(ctx : Ctx**) : IPCError
  fun ipc_ctx_new_alloc(ctx : Ctx*) : IPCError
  fun ipc_ctx_free(ctx : Ctx*) : Void
  fun ipc_ctx_print(ctx : Ctx*) : Void
  fun ipc_server_init(ctx : Ctx*, sname : LibC::Char*) : IPCError
  fun ipc_connection(ctx : Ctx*, sname : LibC::Char*, fd : LibC::Int*) : IPCError
  fun ipc_connection_switched(ctx : Ctx*, sname : LibC::Char*, clientfd : LibC::Int, serverfd : LibC::Int*) : IPCError
  fun ipc_close(ctx : Ctx*, index : UInt32) : IPCError
  fun ipc_close_all(ctx : Ctx*) : IPCError
  fun ipc_accept_add(event : Event*, ctx : Ctx*, index : UInt32) : IPCError
  fun ipc_ctx_queue_limit(ctx : Ctx*, bytes : LibC::SizeT) : IPCError

  # What a context watches
  fun ipc_add(ctx : Ctx*, cinfo : ConnectionInfo*, pollfd : Pollfd*) : IPCError
  fun ipc_del(ctx : Ctx*, index : UInt32) : IPCError
  fun ipc_add_fd(ctx : Ctx*, fd : LibC::Int) : IPCError
  fun ipc_add_fd_switched(ctx : Ctx*, fd : LibC::Int) : IPCError
  fun ipc_del_fd(ctx : Ctx*, fd : LibC::Int) : IPCError
  fun ipc_ctx_fd_type(ctx : Ctx*, fd : LibC::Int, type : ConnectionType) : LibC::Int

  # Events and messages
  fun ipc_wait_event(ctx : Ctx*, event : Event*, timer : LibC::Int*) : IPCError
  fun ipc_read(ctx : Ctx*, index : UInt32, m : Message*) : IPCError
  fun ipc_read_fd(fd : Int32, m : Message*) : IPCError
  fun ipc_write(ctx : Ctx*, m : Message*) : IPCError
  fun ipc_write_fd(fd : LibC::Int, m : Message*) : IPCError
  fun handle_writing_message(event : Event*, ctx : Ctx*, index : UInt32) : IPCError
  fun fd_switching_read(event : Event*, ctx : Ctx*, index : LibC::Int) : IPCError
  fun fd_switching_write(event : Event*, ctx : Ctx*, index : LibC::Int) : IPCError

  # For programs with several threads (1.1)
  fun ipc_ctx_status(ctx : Ctx*, connections : LibC::SizeT*, messages : LibC::SizeT*) : IPCError
  fun ipc_ctx_entry(ctx : Ctx*, fd : LibC::Int, entry : Entry*) : IPCError
  fun ipc_ctx_entries(ctx : Ctx*, entries : Entry**, count : LibC::SizeT*) : IPCError
  fun ipc_close_fd(ctx : Ctx*, fd : LibC::Int) : IPCError
  fun ipc_ctx_release(ctx : Ctx*) : IPCError

  # For foreign loops, batches, descriptors with messages, limits (1.2)
  fun ipc_last_error : LibC::Char*
  fun ipc_ctx_fd(ctx : Ctx*) : LibC::Int
  fun ipc_wait_events(ctx : Ctx*, events : Event*, room : LibC::SizeT, count : LibC::SizeT*, timer : LibC::Int*) : LibC::Int
  fun ipc_ctx_quiet(ctx : Ctx*, mask : UInt32) : LibC::Int
  fun ipc_write_take(ctx : Ctx*, m : Message*) : LibC::Int
  fun ipc_write_with_fd(ctx : Ctx*, m : Message*, fd : LibC::Int) : LibC::Int
  fun ipc_event_take_fd(event : Event*) : LibC::Int
  fun ipc_ctx_accept_fds(ctx : Ctx*, fd : LibC::Int, on : LibC::Int) : LibC::Int
  fun ipc_peer(ctx : Ctx*, fd : LibC::Int, peer : PeerInfo*) : LibC::Int
  fun ipc_wake(ctx : Ctx*) : LibC::Int
  fun ipc_ctx_add(ctx : Ctx*, sname : LibC::Char*, fd : LibC::Int) : LibC::Int
  fun ipc_flush(ctx : Ctx*, fd : LibC::Int, milliseconds : LibC::Int) : LibC::Int
  fun ipc_ctx_limit(ctx : Ctx*, limit : Limit, value : LibC::SizeT) : LibC::Int

  # Messages in memory
  fun ipc_message_raw_serialize(buffer : LibC::Char*, type : LibC::Char, user_type : LibC::Char, message : LibC::Char*,
                                message_size : UInt32) : UInt32
  fun ipc_message_format_read(m : Message*, buf : LibC::Char*, msize : LibC::SizeT) : IPCError
  fun ipc_message_format_write(m : Message*, buf : LibC::Char**, msize : LibC::SizeT*) : IPCError
  fun ipc_message_format(m : Message*, type : LibC::Char, utype : LibC::Char, payload : LibC::Char*, length : LibC::SizeT) : IPCError
  fun ipc_message_format_data(m : Message*, utype : LibC::Char, payload : LibC::Char*, length : LibC::SizeT) : IPCError
  fun ipc_message_format_server_close(m : Message*) : IPCError
  fun ipc_message_empty(m : Message*) : IPCError
  fun ipc_message_copy(m : Message*, fd : UInt32, type : UInt8, utype : UInt8, payload : LibC::Char*, paylen : UInt32) : Void
  fun ipc_message_print(m : Message*) : Void
  fun ipc_messages_add(messages : Messages*, message : Message*) : IPCError
  fun ipc_messages_del(messages : Messages*, index : UInt32) : IPCError
  fun ipc_messages_free(messages : Messages*) : Void

  # Switching
  fun ipc_ctx_switching_add(ctx : Ctx*, orig : LibC::Int, dest : LibC::Int) : Void
  fun ipc_ctx_switching_del(ctx : Ctx*, fd : LibC::Int) : LibC::Int
  fun ipc_switching_add(is : Switchings*, orig : LibC::Int, dest : LibC::Int) : Void
  fun ipc_switching_del(is : Switchings*, fd : LibC::Int) : LibC::Int
  fun ipc_switching_get(is : Switchings*, fd : LibC::Int) : LibC::Int
  fun ipc_switching_free(is : Switchings*) : Void
  fun ipc_switching_print(is : Switchings*) : Void
  fun ipc_switching_callbacks(ctx : Ctx*, fd : LibC::Int, cb_in : CallbackIn, cb_out : CallbackOut) : Void
  fun ipc_switching_callbacks_(ctx : Ctx*, fd : LibC::Int, cb_in : CallbackIn) : Void

  # Names, look-up, descriptors, errors
  fun service_path(path : LibC::Char*, sname : LibC::Char*) : IPCError
  fun ipc_contact_ipcd(pfd : LibC::Int*, sname : LibC::Char*) : IPCError
  fun ipc_receive_fd(sock : LibC::Int, fd : LibC::Int*) : IPCError
  fun ipc_provide_fd(sock : LibC::Int, fd : LibC::Int) : IPCError
  fun ipc_errors_get(e : LibC::Int) : LibC::Char*

  # Sockets
  fun usock_send(fd : Int32, buf : LibC::Char*, len : LibC::SizeT, sent : LibC::SizeT*) : IPCError
  fun usock_recv(fd : Int32, buf : LibC::Char**, len : LibC::SizeT*) : IPCError
  fun usock_close(fd : Int32) : IPCError
  fun usock_connect(fd : Int32*, path : LibC::Char*) : IPCError
  fun usock_init(fd : Int32*, path : LibC::Char*) : IPCError
  fun usock_accept(fd : Int32, pfd : Int32*) : IPCError
  fun usock_remove(path : LibC::Char*) : IPCError
end
