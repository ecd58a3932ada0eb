// Decodes a YAML scalar's raw source once more, remembering where each byte of its value stands in the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"

namespace weir {

struct DecodedScalar {
  std::string text;
  std::vector<uint32_t> offsets;  // file offset of each byte of `text`; empty when byte i stands at `begin` + i
  size_t begin = 0;
};

/// `file` [begin, end) is the scalar without quotes; for block scalars it starts behind the header line. `parsed` is
/// what the parser made of it: it decides the number of trailing line breaks of block scalars (their header is not in
/// the range) and how far the first line is indented. YAML 1.2.2, chapters 7.3 and 8.1.
DecodedScalar DecodeScalar(std::string_view file, size_t begin, size_t end, ScalarStyle style, std::string_view parsed);

}  // namespace weir
