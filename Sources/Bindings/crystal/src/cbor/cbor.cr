require "./any"
require "./serializable"
require "./unmapped"
require "./converters"
