// RowBytes: any value as bytes of which equality is equality of values, for key types that are neither integers nor
// text.
#pragma once

#include <arrow/type_fwd.h>

#include <string>
#include <string_view>

#include "batch/batch.h"
#include "batch/types.h"

namespace weir {

/// Appends the value at `row`: nulls marked, doubles with one NaN and one zero, text and lists with their length,
/// structs field by field. Two values of one type are equal exactly when their bytes are.
void AppendRowBytes(const arrow::ArrayData& column, int64_t row, std::string* out);

/// The same with every double as it is, to the bit: for what is read again, not compared.
void AppendExactRowBytes(const arrow::ArrayData& column, int64_t row, std::string* out);

/// Appends to `builder`, which is of `type`, the value that either wrote at the front of `bytes`, and takes it off.
/// Errors: Invalid when the bytes end before it does.
Status ReadRowBytes(const arrow::DataType& type, std::string_view* bytes, arrow::ArrayBuilder* builder);

/// The column as binary values of AppendRowBytes, nulls as nulls. Errors: CapacityError above 2 GiB.
Result<ArrayDataPtr> ColumnAsRowBytes(const arrow::ArrayData& column);

/// The values that AppendRowBytes wrote, as a column of `type`. `values` is binary; its nulls become nulls.
Result<ArrayDataPtr> ColumnFromRowBytes(const TypePtr& type, const arrow::ArrayData& values);

}  // namespace weir
