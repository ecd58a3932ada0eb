// What the minimum and maximum of a column chunk say about a comparison.
#pragma once

#include "expr/expr.h"

namespace parquet {
class ColumnChunkMetaData;
}

namespace weir {

/// True when no value of `chunk`, stored as `stored_type`, can make `term` true: all null, or the range excludes it.
/// Missing, untrusted or unclear statistics give false.
bool ProvesNoRow(const parquet::ColumnChunkMetaData& chunk, const arrow::DataType& stored_type,
                 const CompiledExpr::Comparison& term);

}  // namespace weir
