// Sort keys as bytes whose memcmp order is the wanted order.
//
//   key   = column…
//   column = marker value?          marker 0x01 value follows, 0x02 null (last), 0x00 null (first)
//   value  = int64, timestamp, date: big-endian, sign flipped
//          | double: big-endian, all bits flipped when negative, else the sign; NaN after everything; -0.0 as 0.0
//          | bool: one byte
//          | decimal128: 16 bytes big-endian, sign flipped
//          | text, bytes: 0x00 becomes 0x00 0xff; ends in 0x00 0x00
// A descending column has the bytes of `value` inverted; its nulls stay where they are told to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"

namespace weir {

struct SortKey {
  int column = 0;
  bool descending = false;
  bool nulls_first = false;
};

/// Whether values of `type` have an order.
bool IsSortable(const arrow::DataType& type);

/// The keys of one batch. The first 16 bytes are kept as two integers, the rest, where there is one, in `tails`.
struct EncodedKeys {
  struct Prefix {
    uint64_t high = 0, low = 0;
  };
  std::vector<Prefix> prefixes;        // per row
  std::vector<uint32_t> tail_offsets;  // rows + 1, empty when no key is longer than 16 bytes
  std::string tails;
  int64_t size_bytes() const {
    return static_cast<int64_t>(prefixes.capacity() * 16 + tail_offsets.capacity() * 4 + tails.capacity());
  }
  std::string_view tail(uint32_t row) const {
    if (tail_offsets.empty()) return {};
    return std::string_view(tails).substr(tail_offsets[row], tail_offsets[row + 1] - tail_offsets[row]);
  }
};

/// Errors: TypeError for types without order, CapacityError when keys of one batch pass 4 GiB.
Status EncodeSortKeys(const Batch& batch, const std::vector<SortKey>& keys, EncodedKeys* out);

}  // namespace weir
