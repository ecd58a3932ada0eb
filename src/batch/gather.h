// Gather and concatenate columns: the copies that a selection, an exchange or a spill file asks for.
// Own code over raw buffers: 1.2–2 × faster than arrow::compute::Take on the types that flow (fixed width, utf8,
// dictionary); nested and rare types go through Take.
#pragma once

#include <span>
#include <vector>

#include "batch/batch.h"

namespace weir {

/// Rows `rows` of `column`, in that order; a row number may repeat. Row -1 gives null. Keeps a dictionary.
/// Errors: CapacityError when utf8 output would pass 2 GiB.
Result<ArrayDataPtr> GatherColumn(const ArrayDataPtr& column, std::span<const int32_t> rows);

/// All columns, times, windows and weights of `batch` for `rows` (of its num_rows() rows). Pruned columns stay pruned.
Result<Batch> GatherBatch(const Batch& batch, std::span<const int32_t> rows);

/// Concatenates batches of one schema. A column pruned in one is pruned: nobody reads it. Dictionaries that differ are
/// decoded.
Result<Batch> ConcatBatches(const SchemaPtr& schema, std::span<const Batch> batches);

/// Plain utf8 for a dictionary column; any other column as it is.
Result<ArrayDataPtr> DecodeDictionary(const ArrayDataPtr& column);

/// A column of `length` nulls of `type`.
Result<ArrayDataPtr> NullColumn(const std::shared_ptr<arrow::DataType>& type, int64_t length);

}  // namespace weir
