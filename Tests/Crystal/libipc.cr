# The C interface of libipc, written down as a Crystal program has it: structures, enums and every
# function of the contract. The tests beside it prove that Crystal's idea of the ABI (a structure of
# 8196 bytes returned by value, callbacks, variadic arguments) is the library's.
#
# Crystal asks pkg-config for the module `ipc`, the name in @[Link]; where there is none it links
# with a bare -lipc.
@[Link("ipc")]
lib LibIPC
  PATH_MAX         =      4096
  MAX_MESSAGE_SIZE = 1_999_994
  BUFSIZ           =      8192

  enum MsgType : LibC::Int
    SERVER_CLOSE   = 0
    ERR            = 1
    DATA           = 2
    NETWORK_LOOKUP = 3
  end

  enum EventType : LibC::Int
    NotSet
    Error
    ExtraSocket
    Switch
    Connection
    Disconnection
    Message
    Lookup
    Timer
    Tx
  end

  enum CallbackReturn : LibC::Int
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

  # Every code of the header.
  enum ErrorCode : LibC::Int
    {{ `sed -n 's/^.IPC_ERROR_\\([A-Z_0-9]* = [0-9]*\\).*/\\1/p' #{__DIR__}/../../include/ipc.h`.id }}
  end

  struct ErrorStruct
    error_code : ErrorCode
    error_message : StaticArray(LibC::Char, BUFSIZ)
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

  alias CallbackIn = LibC::Int, Message*, LibC::Short* -> CallbackReturn
  alias CallbackOut = LibC::Int, Message* -> CallbackReturn

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

  # ---- life of a context
  fun ipc_ctx_init(ctx : Ctx**) : ErrorStruct
  fun ipc_ctx_new_alloc(ctx : Ctx*) : ErrorStruct
  fun ipc_ctx_free(ctx : Ctx*) : Void
  fun ipc_ctx_print(ctx : Ctx*) : Void
  fun ipc_server_init(ctx : Ctx*, sname : LibC::Char*) : ErrorStruct
  fun ipc_connection(ctx : Ctx*, sname : LibC::Char*, fd : LibC::Int*) : ErrorStruct
  fun ipc_connection_switched(ctx : Ctx*, sname : LibC::Char*, clientfd : LibC::Int, serverfd : LibC::Int*) : ErrorStruct
  fun ipc_close(ctx : Ctx*, index : UInt32) : ErrorStruct
  fun ipc_close_all(ctx : Ctx*) : ErrorStruct
  fun ipc_accept_add(event : Event*, ctx : Ctx*, index : UInt32) : ErrorStruct

  # ---- what a context watches
  fun ipc_add(ctx : Ctx*, cinfo : ConnectionInfo*, pollfd : Pollfd*) : ErrorStruct
  fun ipc_del(ctx : Ctx*, index : UInt32) : ErrorStruct
  fun ipc_add_fd(ctx : Ctx*, fd : LibC::Int) : ErrorStruct
  fun ipc_add_fd_switched(ctx : Ctx*, fd : LibC::Int) : ErrorStruct
  fun ipc_del_fd(ctx : Ctx*, fd : LibC::Int) : ErrorStruct
  fun ipc_ctx_fd_type(ctx : Ctx*, fd : LibC::Int, type : ConnectionType) : LibC::Int

  # ---- for programs with several threads, since 1.1
  fun ipc_ctx_status(ctx : Ctx*, connections : LibC::SizeT*, messages : LibC::SizeT*) : ErrorStruct
  fun ipc_ctx_entry(ctx : Ctx*, fd : LibC::Int, entry : Entry*) : ErrorStruct
  fun ipc_ctx_entries(ctx : Ctx*, entries : Entry**, count : LibC::SizeT*) : ErrorStruct
  fun ipc_close_fd(ctx : Ctx*, fd : LibC::Int) : ErrorStruct
  fun ipc_ctx_release(ctx : Ctx*) : ErrorStruct

  # ---- events and messages
  fun ipc_wait_event(ctx : Ctx*, event : Event*, timer : LibC::Int*) : ErrorStruct
  fun ipc_read(ctx : Ctx*, index : UInt32, m : Message*) : ErrorStruct
  fun ipc_read_fd(fd : Int32, m : Message*) : ErrorStruct
  fun ipc_write(ctx : Ctx*, m : Message*) : ErrorStruct
  fun ipc_write_fd(fd : LibC::Int, m : Message*) : ErrorStruct
  fun handle_writing_message(event : Event*, ctx : Ctx*, index : UInt32) : ErrorStruct
  fun fd_switching_read(event : Event*, ctx : Ctx*, index : LibC::Int) : ErrorStruct
  fun fd_switching_write(event : Event*, ctx : Ctx*, index : LibC::Int) : ErrorStruct

  # ---- messages in memory
  fun ipc_message_raw_serialize(buffer : LibC::Char*, type : LibC::Char, user_type : LibC::Char, message : LibC::Char*, message_size : UInt32) : UInt32
  fun ipc_message_format_read(m : Message*, buf : LibC::Char*, msize : LibC::SizeT) : ErrorStruct
  fun ipc_message_format_write(m : Message*, buf : LibC::Char**, msize : LibC::SizeT*) : ErrorStruct
  fun ipc_message_format(m : Message*, type : LibC::Char, utype : LibC::Char, payload : LibC::Char*, length : LibC::SizeT) : ErrorStruct
  fun ipc_message_format_data(m : Message*, utype : LibC::Char, payload : LibC::Char*, length : LibC::SizeT) : ErrorStruct
  fun ipc_message_format_server_close(m : Message*) : ErrorStruct
  fun ipc_message_empty(m : Message*) : ErrorStruct
  fun ipc_message_copy(m : Message*, fd : UInt32, type : UInt8, utype : UInt8, payload : LibC::Char*, paylen : UInt32) : Void
  fun ipc_messages_add(messages : Messages*, message : Message*) : ErrorStruct
  fun ipc_messages_del(messages : Messages*, index : UInt32) : ErrorStruct
  fun ipc_messages_free(messages : Messages*) : Void

  # ---- switching
  fun ipc_ctx_switching_add(ctx : Ctx*, orig : LibC::Int, dest : LibC::Int) : Void
  fun ipc_ctx_switching_del(ctx : Ctx*, fd : LibC::Int) : LibC::Int
  fun ipc_switching_add(is : Switchings*, orig : LibC::Int, dest : LibC::Int) : Void
  fun ipc_switching_del(is : Switchings*, fd : LibC::Int) : LibC::Int
  fun ipc_switching_get(is : Switchings*, fd : LibC::Int) : LibC::Int
  fun ipc_switching_free(is : Switchings*) : Void
  fun ipc_switching_print(is : Switchings*) : Void
  fun ipc_switching_callbacks(ctx : Ctx*, fd : LibC::Int, cb_in : CallbackIn, cb_out : CallbackOut) : Void
  fun ipc_switching_callbacks_(ctx : Ctx*, fd : LibC::Int, cb_in : CallbackIn) : Void

  # ---- names, look-up, file descriptors, errors
  fun service_path(path : LibC::Char*, sname : LibC::Char*) : ErrorStruct
  fun ipc_contact_ipcd(pfd : LibC::Int*, sname : LibC::Char*) : ErrorStruct
  fun ipc_receive_fd(sock : LibC::Int, fd : LibC::Int*) : ErrorStruct
  fun ipc_provide_fd(sock : LibC::Int, fd : LibC::Int) : ErrorStruct
  fun ipc_errors_get(e : ErrorCode) : LibC::Char*

  # ---- sockets
  fun usock_send(fd : Int32, buf : LibC::Char*, len : LibC::SizeT, sent : LibC::SizeT*) : ErrorStruct
  fun usock_recv(fd : Int32, buf : LibC::Char**, len : LibC::SizeT*) : ErrorStruct
  fun usock_close(fd : Int32) : ErrorStruct
  fun usock_connect(fd : Int32*, path : LibC::Char*) : ErrorStruct
  fun usock_init(fd : Int32*, path : LibC::Char*) : ErrorStruct
  fun usock_accept(fd : Int32, pfd : Int32*) : ErrorStruct
  fun usock_remove(path : LibC::Char*) : ErrorStruct

  # ---- small helpers
  fun ipc_message_print(m : Message*) : Void
  fun error_message_format(formatted_message : LibC::Char*, tag : LibC::Char*, message : LibC::Char*, ...) : Void
  fun print_hexa(prefix : LibC::Char*, payload : UInt8*, size : LibC::SizeT) : Void
  fun exists_(path : LibC::Char*, status : LibC::Stat*) : LibC::Int
  fun is_directory_(status : LibC::Stat*) : LibC::Int
  fun is_writable_(status : LibC::Stat*) : LibC::Int
  fun dirname_(path : LibC::Char*, dname : LibC::Char*) : LibC::Int
  fun mkdir_p_(path : LibC::Char*) : ErrorStruct
  fun directory_setup_(path : LibC::Char*) : ErrorStruct
end
