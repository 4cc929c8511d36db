require "../spec_helper"

private def any(value) : CBOR::Any
  case value
  when CBOR::Any then value
  when Array     then CBOR::Any.new(value.map { |item| any(item) })
  when Hash      then CBOR::Any.new(value.to_h { |key, item| {any(key), any(item)} })
  else                CBOR::Any.new(value)
  end
end

private def tagged(number, value)
  any(CBOR::Tagged.new(number.to_u64, any(value)))
end

# RFC 8949, appendix A: the bytes, the value, and whether these are the bytes that the deterministic form has.
private EXAMPLES = {
  {"00", any(0), true},
  {"01", any(1), true},
  {"0a", any(10), true},
  {"17", any(23), true},
  {"1818", any(24), true},
  {"1819", any(25), true},
  {"1864", any(100), true},
  {"1903e8", any(1000), true},
  {"1a000f4240", any(1000000), true},
  {"1b000000e8d4a51000", any(1000000000000), true},
  {"1bffffffffffffffff", any(18446744073709551615_u64), true},
  {"c249010000000000000000", any("18446744073709551616".to_big_i), true},
  {"3bffffffffffffffff", any("-18446744073709551616".to_big_i), true},
  {"c349010000000000000000", any("-18446744073709551617".to_big_i), true},
  {"20", any(-1), true},
  {"29", any(-10), true},
  {"3863", any(-100), true},
  {"3903e7", any(-1000), true},
  {"f90000", any(0.0), true},
  {"f98000", any(-0.0), true},
  {"f93c00", any(1.0), true},
  {"fb3ff199999999999a", any(1.1), true},
  {"f93e00", any(1.5), true},
  {"f97bff", any(65504.0), true},
  {"fa47c35000", any(100000.0), true},
  {"fa7f7fffff", any(3.4028234663852886e+38), true},
  {"fb7e37e43c8800759c", any(1.0e+300), true},
  {"f90001", any(5.960464477539063e-8), true},
  {"f90400", any(0.00006103515625), true},
  {"f9c400", any(-4.0), true},
  {"fbc010666666666666", any(-4.1), true},
  {"f97c00", any(Float64::INFINITY), true},
  {"f97e00", any(Float64::NAN), true},
  {"f9fc00", any(-Float64::INFINITY), true},
  {"fa7f800000", any(Float64::INFINITY), false},
  {"fa7fc00000", any(Float64::NAN), false},
  {"faff800000", any(-Float64::INFINITY), false},
  {"fb7ff0000000000000", any(Float64::INFINITY), false},
  {"fb7ff8000000000000", any(Float64::NAN), false},
  {"fbfff0000000000000", any(-Float64::INFINITY), false},
  {"f4", any(false), true},
  {"f5", any(true), true},
  {"f6", any(nil), true},
  {"f7", any(CBOR::Undefined.new), true},
  {"f0", any(CBOR::Simple.new(16)), true},
  {"f8ff", any(CBOR::Simple.new(255)), true},
  {"c074323031332d30332d32315432303a30343a30305a", tagged(0, "2013-03-21T20:04:00Z"), true},
  {"c11a514b67b0", tagged(1, 1363896240), true},
  {"c1fb41d452d9ec200000", tagged(1, 1363896240.5), true},
  {"d74401020304", tagged(23, Bytes[1, 2, 3, 4]), true},
  {"d818456449455446", tagged(24, "dIETF".to_slice), true},
  {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", tagged(32, "http://www.example.com"), true},
  {"40", any(Bytes.empty), true},
  {"4401020304", any(Bytes[1, 2, 3, 4]), true},
  {"60", any(""), true},
  {"6161", any("a"), true},
  {"6449455446", any("IETF"), true},
  {"62225c", any("\"\\"), true},
  {"62c3bc", any("\u00fc"), true},
  {"63e6b0b4", any("\u6c34"), true},
  {"64f0908591", any("\u{10151}"), true},
  {"80", any([] of Int32), true},
  {"83010203", any([1, 2, 3]), true},
  {"8301820203820405", any([1, [2, 3], [4, 5]]), true},
  {"98190102030405060708090a0b0c0d0e0f101112131415161718181819", any((1..25).to_a), true},
  {"a0", any({} of Int32 => Int32), true},
  {"a201020304", any({1 => 2, 3 => 4}), true},
  {"a26161016162820203", any({"a" => 1, "b" => [2, 3]}), true},
  {"826161a161626163", any(["a", {"b" => "c"}]), true},
  {"a56161614161626142616361436164614461656145", any({"a" => "A", "b" => "B", "c" => "C", "d" => "D", "e" => "E"}), true},
  {"5f42010243030405ff", any(Bytes[1, 2, 3, 4, 5]), false},
  {"7f657374726561646d696e67ff", any("streaming"), false},
  {"9fff", any([] of Int32), false},
  {"9f018202039f0405ffff", any([1, [2, 3], [4, 5]]), false},
  {"9f01820203820405ff", any([1, [2, 3], [4, 5]]), false},
  {"83018202039f0405ff", any([1, [2, 3], [4, 5]]), false},
  {"83019f0203ff820405", any([1, [2, 3], [4, 5]]), false},
  {"9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", any((1..25).to_a), false},
  {"bf61610161629f0203ffff", any({"a" => 1, "b" => [2, 3]}), false},
  {"826161bf61626163ff", any(["a", {"b" => "c"}]), false},
  {"bf6346756ef563416d7421ff", any({"Fun" => true, "Amt" => -2}), false},
}

# Appendix F: not well-formed, kind for kind.
private MALFORMED = {
  "18 19 1a 1b 1901 1a0102 1b01020304050607 38 58 78 98 9a01ff00 b8 d8 f8 f900 fa0000 fb000000",
  "41 61 5affffffff00 5bffffffffffffffff010203 7affffffff00 7b7fffffffffffffff010203",
  "81 818181818181818181 8200 a1 a20102 a100 a2000000 c0",
  "5f4100 7f6100 9f 9f0102 bf bf01020102 819f 9f8000 9f9f9f9f9fffffffff 9f819f819f9fffffff",
  "1c 1d 1e 3c 3d 3e 5c 5d 5e 7c 7d 7e 9c 9d 9e bc bd be dc dd de fc fd fe",
  "f800 f801 f818 f81f",
  "5f00ff 5f21ff 5f6100ff 5f80ff 5fa0ff 5fc000ff 5fe0ff 7f4100ff",
  "5f5f4100ffff 7f7f6100ffff",
  "ff 81ff 8200ff a1ff a1ff00 a100ff a20000ff 9f81ff 9f829f819f9fffffffff",
  "bf00ff bf000000ff 1f 3f df",
}

describe CBOR do
  describe "RFC 8949, appendix A" do
    EXAMPLES.each do |hex, value, deterministic|
      it "reads #{hex}" do
        read = CBOR.parse(hex.hexbytes)
        if value.raw.as?(Float64).try(&.nan?)
          read.as_f.nan?.should be_true
        else
          read.should eq value
          read.raw.class.should eq value.raw.class
          # -0.0 equals 0.0.
          (1 / read.as_f).should eq 1 / value.as_f if value.raw.is_a?(Float64)
        end
      end

      it "writes #{hex}" do
        value.to_cbor.hexstring.should eq hex
      end if deterministic

      it "passes over #{hex}" do
        decoder = CBOR::Decoder.new("#{hex}00".hexbytes)
        decoder.read_raw.hexstring.should eq hex
        decoder.read_int.should eq 0
      end
    end
  end

  describe "RFC 8949, appendix F" do
    MALFORMED.each do |line|
      line.split.each do |hex|
        it "refuses #{hex}" do
          expect_raises(CBOR::ParseError) { CBOR.parse(hex.hexbytes) }
          expect_raises(CBOR::ParseError) do
            decoder = CBOR::Decoder.new(hex.hexbytes)
            decoder.skip
            decoder.finish
          end
        end
      end
    end
  end
end
