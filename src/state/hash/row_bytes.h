// RowBytes: any value as bytes of which equality is equality of values, for key types that are neither integers nor
// text.
#pragma once

#include <string>

#include "batch/batch.h"
#include "batch/types.h"

namespace weir {

/// Appends the value at `row`: nulls marked, doubles with one NaN and one zero, text and lists with their length,
/// structs field by field. Two values of one type are equal exactly when their bytes are.
void AppendRowBytes(const arrow::ArrayData& column, int64_t row, std::string* out);

/// The column as binary values of AppendRowBytes, nulls as nulls. Errors: CapacityError above 2 GiB.
Result<ArrayDataPtr> ColumnAsRowBytes(const arrow::ArrayData& column);

/// The values that AppendRowBytes wrote, as a column of `type`. `values` is binary; its nulls become nulls.
Result<ArrayDataPtr> ColumnFromRowBytes(const TypePtr& type, const arrow::ArrayData& values);

}  // namespace weir
