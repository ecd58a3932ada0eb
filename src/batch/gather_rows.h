// Gather from several columns of one type at once: what sorts, joins and lists of groups do with the batches that they
// kept. It saves joining the batches first, and a column of text may be bigger than 2 GiB as long as each result is
// not.
#pragma once

#include <cstdint>
#include <span>

#include "batch/batch.h"

namespace weir {

/// A row of one of several batches; source -1 stands for a row of nulls.
struct SourceRow {
  int32_t source = -1;
  int32_t row = 0;
};

/// Rows `rows` of `sources`, in that order. The result is dictionary-encoded when all sources share one dictionary,
/// else plain. `type` is the logical type. Errors: CapacityError when utf8 output would pass 2 GiB.
Result<ArrayDataPtr> GatherRows(const std::shared_ptr<arrow::DataType>& type, std::span<const ArrayDataPtr> sources,
                                std::span<const SourceRow> rows);

/// Bytes of text or items that `rows` of variable-size columns hold on average, roughly; for sizing output batches.
int64_t AverageRowBytes(std::span<const Batch> batches);

}  // namespace weir
