require "big"
require "./to_cbor"
require "./from_cbor"

# An integer of any size, a bignum or not.
def BigInt.new(decoder : CBOR::Decoder)
  return BigInt.new(decoder.read_int.to_s) unless decoder.bignum?
  negative, magnitude = decoder.read_bignum
  value = magnitude.empty? ? BigInt.new : BigInt.new(magnitude.hexstring, 16)
  negative ? -1 - value : value
end
