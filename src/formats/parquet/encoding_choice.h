// How each column of a row group is best encoded, judged from a sample of its values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "batch/batch.h"

namespace weir {

enum class ColumnEncoding : uint8_t {
  kPlain,       // values hardly repeat
  kDictionary,  // values repeat
  kDelta,       // integers and times: differences, bit-packed
  kDefault,     // leave it to the writer: nested columns
};

/// One choice per column of `rows`, which are batches of one schema. Looks at kEncodingSampleRows values a column,
/// evenly spread, and estimates from them how many different values there are. Integers go as deltas (a third of the
/// time and of the bytes of a dictionary on most data) unless a handful of values far apart repeats; strings and floats
/// as a dictionary when they repeat and the dictionary fits one page, else plain.
std::vector<ColumnEncoding> ChooseEncodings(std::span<const Batch> rows);

inline constexpr int64_t kEncodingSampleRows = 4096;

}  // namespace weir
