// Values of one type as those of another, for tables whose columns are not of the rows' types.
#pragma once

#include <vector>

#include "batch/batch.h"
#include "batch/row_error.h"
#include "batch/types.h"

namespace weir {

/// Whether values of `from` are also values of `to` (or can be, and those that are not are few: integers as numbers or
/// decimals): a table with such columns has not drifted.
bool SameKind(const arrow::DataType& from, const arrow::DataType& to);

/// `column`, which has no dictionary, as values of `to`, by way of their text: "12" is the integer 12, true the text
/// "true", 3.0 the integer 3. Values that are none become null and go to `errors`; `name`: of the field, for messages.
Result<ArrayDataPtr> CastColumn(const ArrayDataPtr& column, const TypePtr& to, const std::string& name,
                                std::vector<RowError>* errors);

}  // namespace weir
