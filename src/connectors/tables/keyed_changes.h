// What is left of many changes: for each key the row that is there in the end, or that there is none.
#pragma once

#include <span>
#include <vector>

#include "batch/batch.h"

namespace weir {

struct KeyedRow {
  int32_t batch = 0;
  int32_t row = 0;
  bool operator==(const KeyedRow&) const = default;
};

struct KeyedChanges {
  std::vector<KeyedRow> upserts;  // one for each key
  std::vector<KeyedRow> deletes;  // a row of each key that is gone
};

/// Weights of equal rows add up; of the rows of a key whose sum is positive the last one stays, and a key that has only
/// negative sums is gone. So it does not matter in which order a row is taken back and its successor comes. Rows
/// without weights replace each other.
KeyedChanges NetChanges(std::span<const Batch> rows, const std::vector<int>& key);

}  // namespace weir
