// Flowing types as DuckDB shall see them.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>

#include "batch/batch.h"

namespace weir {

/// `schema` with timestamps that carry no zone (they are UTC): DuckDB's functions on zoned ones need its ICU extension.
std::shared_ptr<arrow::Schema> DuckdbSchema(const arrow::Schema& schema);

/// The same rows under DuckdbSchema(). No copy.
std::shared_ptr<arrow::RecordBatch> AsDuckdbBatch(const arrow::RecordBatch& batch,
                                                  const std::shared_ptr<arrow::Schema>& schema);

}  // namespace weir
