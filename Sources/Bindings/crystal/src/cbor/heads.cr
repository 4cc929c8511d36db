# The heads of data items: what kind the byte is of, the number behind it, and lengths that can be true.
class CBOR::Decoder
  # The error for an item that is another one than was expected.
  def unexpected(wanted : String) : ParseError
    is = kind.eof? ? "the end" : kind.to_s.downcase
    ParseError.new("expected #{wanted}, but there is #{is}", @pos)
  end

  private def expect(wanted : Kind) : Nil
    raise unexpected(wanted.to_s.downcase) unless kind == wanted
  end

  # One byte, the head of an item.
  private def advance : UInt8
    count
    byte = @bytes[@pos]
    @pos += 1
    byte
  end

  private def count : Nil
    @items += 1
    raise ParseError.new("more than #{@max_items} items are read", @pos) if @items > @max_items
  end

  # The number in the head at *start*.
  private def read_argument(start) : UInt64
    additional = advance & 0x1f
    return additional.to_u64 if additional < 24
    raise ParseError.new("a head that is not well-formed", start) if additional > 27
    size = 1 << (additional - 24)
    raise ParseError.new("the bytes end within a head", start) if size > @bytes.size - @pos
    value = 0_u64
    size.times { |i| value = value << 8 | @bytes[@pos + i] }
    @pos += size
    value
  end

  # A length that the bytes which are left can have; each item of it takes at least *least* bytes.
  private def read_length(least) : Int32
    start = @pos
    length = read_argument(start)
    left = (@bytes.size - @pos) // least
    raise ParseError.new("#{length} announced, but at most #{left} can be there", start) if length > left
    length.to_i32
  end

  private def each_of(least, what, & : ->)
    start = @pos
    nest do
      if @bytes[@pos] & 0x1f == 31
        advance
        until kind.break?
          raise ParseError.new("#{what} that does not end", start) if kind.eof?
          yield
        end
        advance
      else
        read_length(least).times { yield }
      end
    end
  end

  # The bytes of a string: a view where it is in one piece.
  private def read_chunks(major) : Bytes
    start = @pos
    return read_chunk unless @bytes[start] & 0x1f == 31
    advance
    whole = IO::Memory.new
    until kind.break?
      raise ParseError.new("a string that does not end", start) if kind.eof?
      unless @bytes[@pos] >> 5 == major && @bytes[@pos] & 0x1f != 31
        raise ParseError.new("a piece of a string that is of another kind", @pos)
      end
      piece = read_chunk
      raise ParseError.new("text that is not UTF-8", start) if major == 3 && !String.new(piece).valid_encoding?
      whole.write piece
    end
    advance
    whole.to_slice
  end

  private def read_chunk : Bytes
    size = read_length(1)
    piece = @bytes[@pos, size]
    @pos += size
    piece
  end
end
