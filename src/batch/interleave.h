// Interleave: rows picked from several batches, in any order, as one batch. What a merge and a sort emit.
#pragma once

#include <span>

#include "batch/batch.h"

namespace weir {

struct RowRef {
  uint32_t batch = 0;  // index in the list of batches
  uint32_t row = 0;
};

/// One column, or whole rows. `batches` share one schema; a column pruned in one is pruned in the result. Times,
/// windows and weights come along. A dictionary that all batches share is kept, others are decoded. Errors:
/// CapacityError when a text column of the result would pass 2 GiB.
Result<ArrayDataPtr> InterleaveColumn(std::span<const Batch> batches, int column, std::span<const RowRef> rows);
Result<Batch> InterleaveRows(std::span<const Batch> batches, std::span<const RowRef> rows);

}  // namespace weir
