// RowCompare: an order of whole rows, to decide between rows whose sort keys are equal, so that no result depends on
// the order of arrival.
#pragma once

#include "batch/batch.h"

namespace weir {

/// Negative, zero or positive as row `i` of `a` comes before, with or after row `j` of `b`, column by column from the
/// first. Both have one schema; columns that are pruned in either and columns of nested types are left out. Null comes
/// last.
int CompareRows(const Batch& a, int64_t i, const Batch& b, int64_t j);

}  // namespace weir
