require "spec"
require "json"
require "../src/cbor/cbor"
