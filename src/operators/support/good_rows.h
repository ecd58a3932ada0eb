// Row errors of a batch: their order, and the rows that are left.
#pragma once

#include <vector>

#include "batch/batch.h"
#include "batch/row_error.h"

namespace weir {

/// Ascending by row, the first error of each.
void SortRowErrors(std::vector<RowError>* errors);

/// The rows of [0, num_rows) that stand in no error. `errors` is as SortRowErrors leaves it.
Result<Selection> GoodRows(int64_t num_rows, const std::vector<RowError>& errors);

/// The rows in `rows` (ascending) as a selection.
Result<Selection> SelectionOf(const std::vector<int32_t>& rows);

}  // namespace weir
