module CBOR
end

# What kind of data item comes next.
enum CBOR::Kind
  Int
  Bytes
  String
  Array
  Map
  Tag
  Float
  Bool
  Null
  Undefined
  Simple
  # The end of an array, a map or a string of indefinite length.
  Break
  # The end of the bytes.
  EOF
end
