# Half-precision numbers: IEEE 754 binary16, which Crystal has no type for.
module CBOR::Float16
  # The number that these 16 bits are.
  def self.decode(bits : UInt16) : Float64
    exponent = (bits >> 10).to_i & 0x1f
    mantissa = (bits & 0x3ff).to_f64
    magnitude =
      case exponent
      when    0 then Math.ldexp(mantissa, -24)
      when 0x1f then mantissa.zero? ? Float64::INFINITY : Float64::NAN
      else           Math.ldexp(mantissa + 1024, exponent - 25)
      end
    Math.copysign(magnitude, bits.bit(15) == 1 ? -1.0 : 1.0)
  end

  # The 16 bits that are exactly this number; `nil` when there are none, and for NaN.
  def self.encode?(value : Float32) : UInt16?
    bits = value.unsafe_as(UInt32)
    sign = (bits >> 16).to_u16! & 0x8000_u16
    exponent = ((bits >> 23) & 0xff).to_i - 127
    mantissa = bits & 0x7fffff
    if exponent == 128
      mantissa == 0 ? sign | 0x7c00_u16 : nil
    elsif exponent == -127
      # A subnormal number of 32 bits is too small for 16.
      mantissa == 0 ? sign : nil
    elsif 15 >= exponent >= -14
      mantissa & 0x1fff == 0 ? sign | ((exponent + 15) << 10).to_u16! | (mantissa >> 13).to_u16! : nil
    elsif -15 >= exponent >= -24
      shift = -1 - exponent
      whole = mantissa | 0x800000
      whole & ((1_u32 << shift) - 1) == 0 ? sign | (whole >> shift).to_u16! : nil
    end
  end
end
