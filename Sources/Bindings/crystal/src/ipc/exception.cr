require "./lib_ipc"

module IPC
  # What the library refused or could not do. The message ends with the library's text.
  class Exception < ::Exception
    # The library's code (`enum ipc_error_code` in `ipc.h`); 0 when it is none of its errors.
    getter code : Int32

    def initialize(message : String? = nil, cause : ::Exception? = nil, *, @code : Int32 = 0)
      super(message, cause)
    end

    # Whether the connection is gone: closed by the peer, or by this program.
    def closed? : Bool
      {LibIPC::ERROR_CLOSED_RECIPIENT, LibIPC::ERROR_NOT_IN_CONTEXT, LibIPC::ERROR_NO_ENTRY, LibIPC::ERROR_CONTEXT_FREED}.includes?(code)
    end

    # :nodoc:
    # Of a function since 1.2, which this thread has just called.
    def self.last(doing : String, code : Int32) : self
      new("#{doing}: #{String.new(LibIPC.ipc_last_error)}", code: code)
    end

    # :nodoc:
    # What a code means in general.
    def self.text_of(code : Int32) : String
      String.new(LibIPC.ipc_errors_get(code))
    end

    # :nodoc:
    def self.check(doing : String, code : Int32) : Nil
      raise last(doing, code) unless code == 0
    end
  end
end

# These methods are called on what a function returns, where it lies. A variable would be a copy of 8 KiB, byte by byte, and a result that
# nothing is done with is loaded all the same: with --release each of these costs the compiler a minute.
struct LibIPC::IPCError
  # :nodoc:
  def failure(doing : String) : IPC::Exception?
    IPC::Exception.new("#{doing}: #{text}", code: @error_code) unless @error_code == 0
  end

  # :nodoc:
  def check(doing : String) : Nil
    failure(doing).try { |error| raise error }
  end

  # :nodoc:
  def ignore : Nil
  end

  # :nodoc:
  def copy_to(target : LibIPC::IPCError*) : Nil
    target.as(UInt8*).copy_from(pointerof(@error_code).as(UInt8*), sizeof(LibIPC::IPCError))
  end

  # :nodoc:
  def text : String
    String.new(pointerof(@error_message).as(UInt8*))
  end
end
